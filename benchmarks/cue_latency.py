"""Cue latency as a user feels it: from true pressure in the group to the sound of the cue.

Simulated sessions are played into one virtual microphone, `backflush listen` hears it and plays its sounds on another
loudspeaker, and both are recorded on one clock. Needs PulseAudio and PortAudio: python -m benchmarks.cue_latency
[SESSIONS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from acoustic.displays.sounds import EARCONS
from acoustic.synth import Action, sample_plan, synthesise
from acoustic.synth.truth import Run
from tests.rig import PulseRig

from .results import table, write_section

RATE_HZ = 48_000
CYCLES = 5
_STOP_HZ = EARCONS["stop_pump"][0][0]
# No cue can be meant for a pressure that comes so much later, or came so much earlier.
_EARLY_S, _LATE_S = 3.0, 8.0


@dataclass(frozen=True, slots=True)
class Played:
    """When, in monotonic time, a session's first sample was heard, and which stop sounds came."""

    began_s: float
    sounds_s: tuple[float, ...]


class Ear:
    """Records one virtual microphone, with the time at which each block was heard."""

    def __init__(self, device: str) -> None:
        import sounddevice

        self._blocks: list[tuple[float, npt.NDArray[np.float32]]] = []
        self._stream: Any = sounddevice.InputStream(
            device=device, samplerate=RATE_HZ, channels=1, blocksize=480, latency="low", callback=self._hear
        )
        self._stream.start()

    def _hear(self, samples: Any, frames: int, times: Any, status: Any) -> None:
        heard_s = time.monotonic() - (times.currentTime - times.inputBufferAdcTime)
        self._blocks.append((heard_s, samples[:, 0].copy()))

    def stop(self) -> None:
        self._stream.close()

    def onsets(self, gap_s: float = 0.1) -> list[tuple[float, npt.NDArray[np.float32]]]:
        """Return when sound began after digital silence of `gap_s`, with the 60 ms that follow."""
        samples = np.concatenate([block for _, block in self._blocks])
        loud = np.flatnonzero(np.abs(samples) > 1e-4)
        first = loud[np.diff(loud, prepend=-(1 << 40)) > gap_s * RATE_HZ]
        starts = np.cumsum([0] + [len(block) for _, block in self._blocks])
        found = []
        for at in first.tolist():
            number = int(np.searchsorted(starts, at, side="right")) - 1
            found.append((self._blocks[number][0] + (at - starts[number]) / RATE_HZ, samples[at : at + 2_880]))
        return found


def pitch_hz(samples: npt.NDArray[np.float32]) -> float:
    """Return the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 15))
    return float(spectrum.argmax()) * RATE_HZ / (1 << 15)


def play(rig: PulseRig, path: Path, seconds: float, folder: Path) -> Played:
    """Play a session to `backflush listen`, and listen to what it says."""
    environment = {**os.environ, **rig.env, "XDG_CONFIG_HOME": str(folder)}
    machine, said = Ear("mic_b"), Ear("mic_a")
    command = [sys.executable, "-m", "acoustic", "listen", "--device", "mic_b", "--cycles", str(CYCLES)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        while ">>" not in listening.stdout.readline():
            pass
        rig.play(path, "b").wait(seconds + 30.0)
        listening.terminate()
        listening.stdout.read()
    machine.stop()
    said.stop()
    stops = [at_s for at_s, samples in said.onsets() if abs(pitch_hz(samples) - _STOP_HZ) < 60.0]
    return Played(machine.onsets(5.0)[0][0], tuple(stops))


def latencies_s(runs: tuple[Run, ...], played: Played, field: str) -> list[float | None]:
    """Return for each complete cycle how long after its pressure the sound came, None where it did not."""
    found: list[float | None] = []
    for run in runs:
        true_s = getattr(run, field)
        if run.complete and true_s is not None:
            near = [at_s - played.began_s - true_s for at_s in played.sounds_s]
            near = [delay_s for delay_s in near if -_EARLY_S < delay_s < _LATE_S]
            found.append(min(near, key=abs) if near else None)
    return found


def run(sessions: int = 8) -> None:
    """Measure, print, and write the section of RESULTS.md."""
    kinds = {"pressure at 85 %": "pressure_up_s", "quieting complete": "quieting_100_s"}
    found: dict[str, list[float | None]] = {name: [] for name in kinds}
    with PulseRig(RATE_HZ) as rig, tempfile.TemporaryDirectory() as folder:
        for index in range(sessions):
            rng = np.random.default_rng([11, index])
            plan = sample_plan("home", rng)
            actions = tuple(Action("backflush", 6.0, hold_s=4.0, run_s=45.0) for _ in range(CYCLES))
            recording = synthesise(replace(plan, actions=actions), rng, RATE_HZ)
            path = Path(folder) / "session.wav"
            soundfile.write(path, recording.samples, RATE_HZ, subtype="FLOAT")
            played = play(rig, path, len(recording.samples) / RATE_HZ, Path(folder))
            for name, field in kinds.items():
                found[name] += latencies_s(recording.truth.runs, played, field)
            told = ", ".join("none" if s is None else f"{s:.2f} s" for s in found["quieting complete"][-CYCLES:])
            print(f"session {index + 1} of {sessions}, after the complete quieting: {told}", flush=True)
    rows = []
    for name, delays in found.items():
        known = [delay_s for delay_s in delays if delay_s is not None]
        cuts = statistics.quantiles(known, n=20)
        rows.append([name, f"{statistics.median(known):.2f}", f"{cuts[18]:.2f}", f"{len(known)} of {len(delays)}"])
    body = table(("from", "p50, s", "p95, s", "cycles with a cue"), rows)
    title, command = "Cue latency as it is felt", "python -m benchmarks.cue_latency"
    write_section("cue-latency", title, command, body, ("sounddevice",))


if __name__ == "__main__":
    run(*map(int, sys.argv[1:2]))
