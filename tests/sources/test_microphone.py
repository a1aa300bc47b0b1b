"""The microphone on a virtual sound card, and what goes wrong with it.

Each fault is one that was measured on real PortAudio, where none of them raises anything.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustic.config import CaptureOptions
from acoustic.errors import DeviceError
from acoustic.sources.health import CaptureState
from acoustic.sources.microphone import MicrophoneSource, list_inputs
from acoustic.types import AudioBlock
from tests.rig import PulseRig

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]

RATE_HZ = 48_000
NOTICED_S = 1.5
RECOVERED_S = 3.0


class Listener:
    """Listens in a thread, as the program does, and keeps what came and what was said."""

    def __init__(
        self, device: str | None = "mic_a", *, work_s: float = 0.0, options: CaptureOptions | None = None
    ) -> None:
        self.source = MicrophoneSource(device, options)
        self.work_s = work_s
        self.blocks: list[AudioBlock] = []
        self.states: list[tuple[float, CaptureState]] = []
        self.texts: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for block in self.source:
            self.blocks.append(block)
            state = self.source.health.state
            if not self.states or self.states[-1][1] is not state:
                self.states.append((time.monotonic(), state))
            self.texts += [report.text for report in self.source.reports()]
            time.sleep(self.work_s)

    def wait_for(self, what: Callable[[], bool], within_s: float) -> float:
        """Return how long it took, or fail."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < within_s:
            if what():
                return time.monotonic() - began_s
            time.sleep(0.02)
        pytest.fail(f"not within {within_s} s; states {self.states[-5:]}, texts {self.texts[-5:]}")

    def wait_for_state(self, state: CaptureState, within_s: float) -> float:
        return self.wait_for(lambda: self.source.health.state is state, within_s)

    def wait_for_sound(self, within_s: float) -> float:
        """Wait for audio that is not silence to come, from now on."""
        seen = len(self.blocks)
        return self.wait_for(lambda: any(b.samples.any() for b in self.blocks[seen:]), within_s)

    def close(self) -> None:
        began_s = time.monotonic()
        self.source.close()
        self._thread.join(5.0)
        assert not self._thread.is_alive()
        assert time.monotonic() - began_s < 4.0

    def check_clock(self, *, lost_s: float, within_s: float = 0.1) -> None:
        """Check that the blocks follow each other on the sample clock, and how much of it they say is missing."""
        at = self.blocks[0].start
        for block in self.blocks:
            assert block.start - block.lost == at
            at = block.stop
        lost = sum(block.lost for block in self.blocks) / self.source.rate_hz
        assert lost == pytest.approx(lost_s, abs=within_s)
        assert self.source.health.lost == sum(block.lost for block in self.blocks)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of noise, another in each channel."""
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    samples = np.random.default_rng(1).normal(0.0, 0.05, (60 * RATE_HZ, 2))
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_24")
    return path


@pytest.fixture
def sound(rig: PulseRig, noise: Path) -> Iterator[PulseRig]:
    """The rig, with noise in the room of both microphones and everything as it was at first."""
    rig.restore()
    for letter in "ab":
        rig.play(noise, letter)
    yield rig
    rig.restore()


@pytest.fixture
def listener(sound: PulseRig) -> Iterator[Listener]:
    heard = Listener()
    heard.wait_for_sound(3.0)
    yield heard
    heard.close()


def test_the_inputs_are_listed_with_names_rates_and_the_default(sound: PulseRig) -> None:
    inputs = {device.label: device for device in list_inputs()}
    mic = inputs["Rig_Mic_A, PulseAudio"]
    assert (mic.default_rate_hz, mic.max_channels, mic.is_default) == (48_000, 2, True)
    assert {8_000, 48_000, 192_000} <= set(mic.rates_hz)
    assert "mic_a, ALSA" in inputs
    assert [device.label for device in inputs.values() if device.is_default] == ["Rig_Mic_A, PulseAudio"]
    assert not any("Monitor" in label for label in inputs)


@pytest.mark.parametrize(
    ("device", "text"),
    [
        ("Rig_Mic_C", "no microphone is called 'Rig_Mic_C'; nearest: .*'Rig_Mic_A'"),
        ("rig mic", "'rig mic' could be any of 'Rig_Mic_A', 'Rig_Mic_B'; give more of the name"),
    ],
)
def test_a_missing_or_ambiguous_name_is_refused(sound: PulseRig, device: str, text: str) -> None:
    with pytest.raises(DeviceError, match=text):
        MicrophoneSource(device)


@pytest.mark.parametrize(
    "options", [CaptureOptions(rate_hz=7), CaptureOptions(rate_hz=400_000), CaptureOptions(channels=33)]
)
def test_a_rate_or_channel_count_that_no_device_has_is_refused(sound: PulseRig, options: CaptureOptions) -> None:
    with pytest.raises(DeviceError, match="mic_a cannot be opened: "):
        MicrophoneSource("mic_a", options)


def test_every_sample_comes_bit_for_bit_and_mixed_down(sound: PulseRig, noise: Path) -> None:
    heard = Listener("Rig_Mic_A")
    heard.wait_for(lambda: sum(len(b.samples) for b in heard.blocks) > 4 * RATE_HZ, 10.0)
    heard.close()
    heard.check_clock(lost_s=0.0, within_s=0.0)
    got = np.concatenate([b.samples for b in heard.blocks])[RATE_HZ:]
    played = soundfile.read(noise, dtype="float32")[0].mean(axis=1, dtype=np.float32)
    first = np.flatnonzero(np.abs(played[: -len(got)] - got[0]) < 1e-6)
    offset = next(o for o in first if np.allclose(played[o : o + 50], got[:50], atol=1e-6))
    np.testing.assert_allclose(got, played[offset : offset + len(got)], atol=2**-23)
    np.testing.assert_array_equal(got, np.rint(got * 2**23) / 2**23)


def test_two_microphones_are_two(sound: PulseRig, noise: Path) -> None:
    sound.stop_playing("b")
    heard = {letter: Listener(f"mic_{letter}") for letter in "ab"}
    heard["a"].wait_for_sound(3.0)
    heard["b"].wait_for_state(CaptureState.SILENT, NOTICED_S + 0.5)
    for listener in heard.values():
        listener.close()
    assert not any(b.samples.any() for b in heard["b"].blocks)


def test_the_server_is_killed_and_started_again(sound: PulseRig, listener: Listener, noise: Path) -> None:
    sound.signal(signal.SIGKILL)
    killed_s = time.monotonic()
    assert listener.wait_for_state(CaptureState.LOST, NOTICED_S) < NOTICED_S
    assert "Rig_Mic_A is gone" in listener.source.health.text
    time.sleep(2.0)
    sound.start()
    sound.play(noise, "a")
    back_s = time.monotonic()
    listener.wait_for_sound(RECOVERED_S)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    listener.check_clock(lost_s=back_s - killed_s + 0.4, within_s=0.7)


def test_the_only_microphone_is_unplugged_and_plugged_in(sound: PulseRig, listener: Listener, noise: Path) -> None:
    sound.unplug_all()
    listener.wait_for_state(CaptureState.LOST, NOTICED_S)
    with pytest.raises(DeviceError, match="mic_a cannot be opened: "):
        MicrophoneSource("mic_a")
    sound.plug_in("a")
    sound.play(noise, "a")
    listener.wait_for_sound(RECOVERED_S)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)


def test_the_microphone_is_unplugged_and_the_system_moves_on_to_another(sound: PulseRig, listener: Listener) -> None:
    sound.unplug("a")
    listener.wait_for(lambda: any("changed: listening to Rig_Mic_B" in text for text in listener.texts), NOTICED_S)
    listener.wait_for_sound(RECOVERED_S)
    assert listener.source.health.device == "Rig_Mic_B"


def test_the_default_is_changed_in_the_system_settings(sound: PulseRig) -> None:
    heard = Listener(None)
    heard.wait_for_sound(3.0)
    assert heard.source.health.device == "Rig_Mic_A"
    sound.pactl("set-default-source", "mic_b")
    heard.wait_for(lambda: any("changed: listening to Rig_Mic_B" in text for text in heard.texts), NOTICED_S)
    heard.wait_for_sound(RECOVERED_S)
    heard.close()
    heard.check_clock(lost_s=0.0)


def test_the_microphone_is_suspended_and_resumed(sound: PulseRig, listener: Listener) -> None:
    sound.pactl("suspend-source", "mic_a", "1")
    suspended_s = time.monotonic()
    listener.wait_for_state(CaptureState.STALLED, NOTICED_S)
    assert "No sound comes from Rig_Mic_A" in listener.source.health.text
    time.sleep(1.0)
    sound.pactl("suspend-source", "mic_a", "0")
    outage_s = time.monotonic() - suspended_s
    listener.wait_for_sound(RECOVERED_S)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    listener.check_clock(lost_s=outage_s)


def test_a_frozen_server_stalls_and_its_backlog_is_worked_off_in_place(sound: PulseRig, listener: Listener) -> None:
    sound.signal(signal.SIGSTOP)
    try:
        listener.wait_for_state(CaptureState.STALLED, NOTICED_S)
        time.sleep(1.5)
    finally:
        sound.signal(signal.SIGCONT)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    time.sleep(0.5)
    listener.check_clock(lost_s=0.0)


def test_a_server_that_stays_frozen_hangs_nothing(sound: PulseRig, listener: Listener) -> None:
    sound.signal(signal.SIGSTOP)
    try:
        frozen_s = time.monotonic()
        listener.wait_for_state(CaptureState.STALLED, NOTICED_S)
        with pytest.raises(DeviceError, match="did not open within 1 s"):
            MicrophoneSource("mic_b", CaptureOptions(open_s=1.0))
        # Long enough for the program to have given the stream up and tried a new one.
        time.sleep(max(0.0, CaptureOptions().stalled_reopen_s + 1.5 - (time.monotonic() - frozen_s)))
        assert listener.source.health.state is CaptureState.STALLED
    finally:
        sound.signal(signal.SIGCONT)
    listener.wait_for_sound(RECOVERED_S)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)


def test_closing_while_the_server_is_frozen_does_not_hang(sound: PulseRig, listener: Listener) -> None:
    sound.signal(signal.SIGSTOP)
    try:
        time.sleep(0.3)
        listener.close()
    finally:
        sound.signal(signal.SIGCONT)


def test_digital_silence_is_told(sound: PulseRig, listener: Listener, noise: Path) -> None:
    sound.stop_playing("a")
    listener.wait_for_state(CaptureState.SILENT, NOTICED_S)
    assert "Rig_Mic_A gives digital silence" in listener.source.health.text
    sound.play(noise, "a")
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    listener.check_clock(lost_s=0.0)


def test_a_program_that_is_too_slow_is_late_and_loses_nothing(sound: PulseRig, listener: Listener) -> None:
    listener.work_s = 0.09  # for each block of 30 ms: three times as long as it lasts
    listener.wait_for_state(CaptureState.LATE, NOTICED_S)
    assert "the computer is too busy" in listener.source.health.text
    time.sleep(2.0)
    listener.work_s = 0.0
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    listener.check_clock(lost_s=0.0)


def test_a_program_that_stops_taking_audio_keeps_its_memory_and_its_clock(sound: PulseRig) -> None:
    heard = Listener(options=CaptureOptions(max_backlog_s=1.0))
    heard.wait_for_sound(3.0)
    heard.work_s = 3.0  # for one block
    time.sleep(0.1)
    heard.work_s = 0.0
    time.sleep(3.0)
    heard.wait_for(lambda: any(block.lost for block in heard.blocks), RECOVERED_S)
    heard.wait_for_sound(RECOVERED_S)
    heard.close()
    heard.check_clock(lost_s=2.5, within_s=0.6)


def test_a_server_that_comes_back_at_another_rate(sound: PulseRig, listener: Listener, noise: Path) -> None:
    sound.stop()
    listener.wait_for_state(CaptureState.LOST, NOTICED_S)
    sound.rate_hz = 44_100
    try:
        sound.start()
        sound.play(noise, "a")
        listener.wait_for_sound(RECOVERED_S)
        assert listener.source.rate_hz == RATE_HZ
        listener.wait_for(lambda: sum(len(b.samples) for b in listener.blocks if b.samples.any()) > 3.0 * RATE_HZ, 3.0)
    finally:
        sound.rate_hz = RATE_HZ
        sound.stop()
        sound.start()


def test_the_process_that_holds_the_microphone_sleeps_half_a_second(sound: PulseRig, listener: Listener) -> None:
    process = listener.source._process._process
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    time.sleep(2.0)
    assert listener.source.health.state is CaptureState.OK
    listener.check_clock(lost_s=0.0)


def test_the_process_that_holds_the_microphone_is_killed(sound: PulseRig, listener: Listener) -> None:
    listener.source._process._process.kill()
    listener.wait_for_state(CaptureState.LOST, NOTICED_S)
    listener.wait_for_state(CaptureState.OK, RECOVERED_S)
    listener.wait_for_sound(RECOVERED_S)
    listener.check_clock(lost_s=1.0, within_s=0.9)


def test_a_microphone_that_is_plugged_in_later_is_found(sound: PulseRig, noise: Path) -> None:
    with pytest.raises(DeviceError, match="no microphone is called 'Rig_Mic_E'"):
        MicrophoneSource("Rig_Mic_E")
    sound.plug_in("e")
    try:
        sound.play(noise, "e")
        heard = Listener("Rig_Mic_E")
        heard.wait_for_sound(RECOVERED_S)
        heard.close()
    finally:
        sound.stop_playing("e")
        sound.unplug("e")
