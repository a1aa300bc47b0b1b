import io
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from acoustic.displays.controls import Controls
from acoustic.displays.sounds import EARCONS, SoundDisplay, earcon
from acoustic.types import CUE_KINDS, Cue, CueKind, Event


def cue(kind: CueKind) -> Cue:
    return Cue(kind, "text", "act", 1.0)


def test_every_cue_has_a_short_sound_of_its_own() -> None:
    assert set(EARCONS) == set(CUE_KINDS)
    sounds = [earcon(kind) for kind in CUE_KINDS]
    assert all(sound.dtype == np.float32 and 0.1 < len(sound) / 48_000 < 0.7 for sound in sounds)
    assert len({sound.tobytes() for sound in sounds}) == len(sounds)
    assert all(0.3 < np.abs(sound).max() <= 0.4 for sound in sounds)


@pytest.mark.parametrize("kind", CUE_KINDS)
def test_sounds_keep_out_of_the_pump_and_release_bands(kind: str) -> None:
    sound = np.pad(earcon(kind), 4_800)
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / 48_000)
    outside = power[(hertz < 300) | (hertz > 3_000)].sum() / power.sum()
    assert 10 * np.log10(outside) < -40  # no click, no comb, nothing like a whoosh


def test_the_player_is_told_each_cue_and_ends_with_its_input(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"import sys; open({str(log)!r}, 'w').write(sys.stdin.read())"
    controls = Controls()
    display = SoundDisplay(controls, (sys.executable, "-c", code))
    display.open()
    display.show(cue("stop_pump"))
    display.show(Event("release", 1.0, 1.1, 0.9))
    controls.press("sound")
    display.show(cue("wait"))
    controls.press("sound")
    display.show(cue("done"))
    display.close()
    assert log.read_text() == "stop_pump\ndone\n"


def test_muted_from_the_start_no_player_runs_until_sounds_are_wanted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"import sys; open({str(log)!r}, 'w').write(sys.stdin.read())"
    controls = Controls(muted=True)
    display = SoundDisplay(controls, (sys.executable, "-c", code))
    display.open()
    display.show(cue("stop_pump"))
    display.close()
    assert not log.exists()
    controls.press("sound")
    display.show(cue("wait"))
    display.close()
    assert log.read_text() == "wait\n"


@pytest.mark.parametrize("command", [("/nowhere/player",), (sys.executable, "-c", "pass")])
def test_a_player_that_is_missing_or_gone_is_borne(command: tuple[str, ...]) -> None:
    display = SoundDisplay(Controls(), command)
    display.open()
    time.sleep(0.2)
    for _ in range(10):
        display.show(cue("stop_pump"))
    display.close()
    display.close()


def test_a_player_that_hangs_is_killed() -> None:
    display = SoundDisplay(Controls(), (sys.executable, "-c", "import time; time.sleep(60)"))
    display.open()
    began = time.monotonic()
    display.close()
    assert time.monotonic() - began < 5.0


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stdout", "rung"), [(_Terminal, "\a"), (io.StringIO, "")])
def test_without_an_output_the_bell_rings_if_there_is_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stdout: type[io.StringIO], rung: str
) -> None:
    from acoustic.displays import sounds

    monkeypatch.setitem(sys.modules, "sounddevice", None)  # importing it fails, as without PortAudio
    monkeypatch.setattr(sys, "stdin", io.StringIO("stop_pump\n"))
    out = stdout()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sounds.signal, "signal", lambda *_: None)
    sounds.main()
    assert out.getvalue() == rung


def test_the_player_prints_nothing_into_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "acoustic.displays.sounds"],
        input="stop_pump\nnonsense\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
