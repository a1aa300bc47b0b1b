"""A microphone without hardware, for tests: real PortAudio on a private PulseAudio."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

SCRIPT = Path(__file__).with_name("pulse_rig.sh")
COMMAND_TIMEOUT_S = 20.0
_SPEAKER = ("channels=2", "format=float32le", "norewinds=1")


def missing_programs() -> list[str]:
    """What the rig needs and this machine lacks."""
    missing = [name for name in ("bash", "pulseaudio", "pactl", "paplay") if shutil.which(name) is None]
    if ctypes.util.find_library("portaudio") is None:
        missing.append("libportaudio2")
    return missing


class PulseRig:
    """Microphones `mic_a` and `mic_b`: each hears what is played on `speaker_a` and `speaker_b`.

    As a context manager it puts its variables into this process's environment, where PortAudio reads them when
    sounddevice is first imported, and takes them out at the end.
    """

    def __init__(self, rate_hz: int = 48_000) -> None:
        # Not pytest's folder: the path of a Unix socket may not be longer than 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="rig-"))
        self.rate_hz = rate_hz
        self.env: dict[str, str] = {}
        self._before: dict[str, str | None] = {}
        self._players: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start the server; does nothing if it runs with all its microphones."""
        printed = self._script("start")
        self.env = dict(word.split("=", 1) for word in printed.split() if "=" in word)

    def stop(self) -> None:
        """End the server, kindly if it listens and by force if not."""
        self._script("stop")

    def _script(self, verb: str) -> str:
        env = {**os.environ, "RIG_DIR": str(self.folder), "RIG_RATE": str(self.rate_hz)}
        # Not a pipe for stderr: the server inherits it and would keep it open.
        done = subprocess.run(
            ["bash", str(SCRIPT), verb],
            env=env,
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
            text=True,
        )
        return done.stdout

    def __enter__(self) -> Self:
        self.start()
        self._before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_playing()
        self.stop()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return int((self.folder / "pid").read_text())

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal: SIGSTOP freezes it, SIGCONT thaws it, SIGKILL is a crash."""
        os.kill(self.pid, number)

    def pactl(self, *words: str) -> str:
        """Run pactl on this server and return what it prints."""
        done = subprocess.run(
            ["pactl", *words],
            env={**os.environ, **self.env},
            capture_output=True,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
            text=True,
        )
        return done.stdout.strip()

    def restore(self) -> None:
        """Bring everything back to how it was at first, whatever has happened to it."""
        self.stop_playing()
        try:
            self.signal(signal.SIGCONT)
            self.pactl("info")
        except (OSError, subprocess.CalledProcessError):
            self.start()
        for letter in "ab":
            self.unplug(letter)
            self.plug_in(letter)
        self.pactl("set-default-source", "mic_a")

    def unplug(self, letter: str) -> None:
        """Take the microphone of that letter away."""
        self._unload(f"source_name=mic_{letter} ")

    def plug_in(self, letter: str) -> None:
        """Bring back a microphone that was taken away, with its speaker where that is gone as well."""
        rate = f"rate={self.rate_hz}"
        if f"speaker_{letter}\t" not in self.pactl("list", "short", "sinks"):
            self.pactl("load-module", "module-null-sink", f"sink_name=speaker_{letter}", rate, *_SPEAKER)
        self.pactl(
            "load-module",
            "module-remap-source",
            f"source_name=mic_{letter}",
            f"master=speaker_{letter}.monitor",
            "remix=no",
            f"source_properties=device.description=Rig_Mic_{letter.upper()}",
        )

    def unplug_all(self) -> None:
        """Leave the server without a single source; a speaker's monitor is one, too."""
        for letter in "ab":
            self.unplug(letter)
            self._unload(f"sink_name=speaker_{letter} ")

    def _unload(self, argument: str) -> None:
        for line in self.pactl("list", "short", "modules").splitlines():
            if argument in line:
                self.pactl("unload-module", line.split()[0])

    def play(self, path: Path, speaker: str = "a", *, layer: str = "") -> subprocess.Popen[bytes]:
        """Start playing a WAV file where the microphone of the same letter hears it.

        It takes the place of what plays there in the same layer, and is mixed with the other layers.
        """
        self.stop_playing(speaker + layer)
        player = subprocess.Popen(
            ["paplay", f"--device=speaker_{speaker}", str(path)],
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._players[speaker + layer] = player
        return player

    @contextmanager
    def room(self, path: Path, speaker: str) -> Iterator[None]:
        """Play a quiet room until a second after the block.

        A microphone in a room never gives digital zeros; between two players it would hear some.
        """
        self.play(path, speaker, layer="room")
        time.sleep(0.5)
        try:
            yield
            time.sleep(1.0)
        finally:
            self.stop_playing(f"{speaker}room")

    def stop_playing(self, *speakers: str) -> None:
        """Stop what plays on these speakers, each a letter with its layer if it has one; on all if none is named."""
        for speaker in speakers or list(self._players):
            if player := self._players.pop(speaker, None):
                player.kill()
                player.wait(COMMAND_TIMEOUT_S)
