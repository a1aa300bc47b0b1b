"""Hours of listening: does memory grow, is a frame lost, do times drift, what does it cost?

`backflush listen` on a virtual microphone at 48 kHz, at the pace of life, while the demo recording plays over and over;
then `replay` of what it recorded meanwhile, and of what was played. Needs PulseAudio and PortAudio:
python -m benchmarks.soak [MINUTES]
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from acoustic.assets import demo_recording
from acoustic.displays.journal import Gap, Record, Summary, read_journal
from acoustic.types import Event
from tests.rig import PulseRig

from .results import table, write_section

__all__ = [
    "COMMAND",
    "LEAD_S",
    "RATE_HZ",
    "SoakResult",
    "deviations_s",
    "events",
    "make_session",
    "quiet_room",
    "soak",
]

RATE_HZ = 48_000
COMMAND = [sys.executable, "-m", "acoustic"]
LEAD_S = 3.0
_ROOT = Path(__file__).resolve().parents[1]
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class SoakResult:
    """What `soak` measured; memory and CPU of the listening process and of the one that holds the microphone.

    `deviation_s` is how far the live session's times are from those of the replay of its recording, at most;
    `played_deviation_s` the same, by event kind, for the replay of the played file, in which frames begin elsewhere.
    """

    minutes: float
    cycles: int
    cycles_replayed: int
    lost_s: float
    gaps: int
    deviation_s: float
    played_deviation_s: dict[str, float]
    memory_mb: float
    growth_mb: float
    cpu_share: float


def quiet_room(seconds: float) -> npt.NDArray[np.float32]:
    """Return what a microphone hears where nothing happens: noise of -70 dBFS."""
    return np.random.default_rng(2).normal(0.0, 10 ** (-70 / 20), round(seconds * RATE_HZ)).astype(np.float32)


def make_session(path: Path, minutes: float = 0.0) -> None:
    """Write a WAV file of the demo over and over, in a quiet room; at least `minutes` long and once whole."""
    demo = soundfile.read(demo_recording(), dtype="float32")[0]
    hush = quiet_room(LEAD_S)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as wav:
        wav.write(hush)
        while wav.tell() < minutes * 60 * RATE_HZ or wav.tell() < len(hush) + len(demo):
            wav.write(demo)
            wav.write(hush)


def events(records: Iterator[Record] | list[Record]) -> list[Event]:
    """Return the events among a journal's records."""
    return [record for record in records if isinstance(record, Event)]


def deviations_s(live: list[Record], replayed: list[Record]) -> dict[str, float]:
    """Return by event kind how far times of the live session are from the replay's plus a constant, at most.

    Both must have heard the same events. The constant is the median; the end of a whoosh, which fades into the room,
    and what is told with it are left out.
    """
    a, b = events(live), events(replayed)
    assert [event.kind for event in a] == [event.kind for event in b]
    offsets = [x.time_s - y.time_s for x, y in zip(a, b, strict=True)]
    constant = statistics.median(offsets)
    return {
        kind: max(abs(offset - constant) for event, offset in zip(a, offsets, strict=True) if event.kind == kind)
        for kind in ("pump_on", "pressure", "pump_off", "release")
    }


def soak(rig: PulseRig, folder: Path, minutes: float, *, warm_up_s: float = 30.0, letter: str = "a") -> SoakResult:
    """Listen for so long and measure; `rig` is running."""
    session, room, journal = folder / "session.wav", folder / "room.wav", folder / "live.jsonl"
    recording = folder / "heard.flac"
    make_session(session, minutes)
    soundfile.write(room, quiet_room(120.0), RATE_HZ)
    env = {**os.environ, **rig.env, "PYTHONPATH": str(_ROOT)}
    with rig.room(room, letter):
        listening = subprocess.Popen(
            [
                *(*COMMAND, "listen", "--device", f"mic_{letter}", "--mute"),
                *("--journal", str(journal), "--record", str(recording)),
            ],
            env=env,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert listening.stdout is not None
        listening.stdout.readline()  # the session has begun
        player = rig.play(session, letter)
        began_s = time.monotonic()
    try:
        time.sleep(warm_up_s)
        processes = [listening.pid, *_children(listening.pid)]
        warm_s, warm_cpu_s = time.monotonic(), sum(map(_cpu_s, processes))
        memory_mb = [sum(map(_memory_mb, processes))]
        while player.poll() is None:
            assert time.monotonic() - began_s < minutes * 60 + 180
            time.sleep(1.0)
            memory_mb.append(sum(map(_memory_mb, processes)))
        cpu_share = (sum(map(_cpu_s, processes)) - warm_cpu_s) / (time.monotonic() - warm_s)
        time.sleep(2.0)
    finally:
        listening.send_signal(signal.SIGINT)
        listening.communicate(timeout=30.0)
    records = list(read_journal(journal))
    summary = next(record for record in records if isinstance(record, Summary))
    again, played = (_replayed(path, folder / "replayed.jsonl") for path in (recording, session))
    return SoakResult(
        minutes=(time.monotonic() - began_s) / 60.0,
        cycles=summary.cycles,
        cycles_replayed=next(record for record in again if isinstance(record, Summary)).cycles,
        lost_s=summary.lost_s,
        gaps=sum(isinstance(record, Gap) for record in records),
        deviation_s=max(deviations_s(records, again).values()),
        played_deviation_s=deviations_s(records, played),
        memory_mb=statistics.median(memory_mb),
        growth_mb=max(memory_mb) - memory_mb[0],
        cpu_share=cpu_share,
    )


def _replayed(recording: Path, journal: Path) -> list[Record]:
    """Return the journal of a recording's replay."""
    with journal.open("wb") as file:
        subprocess.run(
            [*COMMAND, "replay", str(recording), "--format", "jsonl"],
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=file,
            check=True,
            timeout=600.0,
        )
    return list(read_journal(journal))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_s(pid: int) -> float:
    # User and system time stand 14th and 15th, behind the name in parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024.0


def run(minutes: float = 60.0) -> None:
    """Measure and write the section of RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder, PulseRig() as rig:
        result = soak(rig, Path(folder), minutes, warm_up_s=min(300.0, minutes * 15))
    rows = [
        ("length", f"{result.minutes:.0f} min", ""),
        ("cycles counted live, in replay", f"{result.cycles}, {result.cycles_replayed}", "equal"),
        ("sound lost", f"{result.lost_s:.3f} s in {result.gaps} gaps", "none"),
        ("times against those of its recording's replay, at most", f"{result.deviation_s * 1000:.0f} ms", "20 ms"),
        *(
            (f"{kind} against the played file's replay, at most", f"{seconds * 1000:.0f} ms", "")
            for kind, seconds in result.played_deviation_s.items()
        ),
        ("memory, both processes, median", f"{result.memory_mb:.0f} MB", ""),
        ("memory growth after warm-up, largest", f"{result.growth_mb:.2f} MB", "2 MB"),
        ("CPU time over wall time, both processes", f"{result.cpu_share:.2%}", "4 %"),
    ]
    title = "An hour of listening and recording on a virtual microphone, 48 kHz"
    body = table(("what", "measured", "bound"), rows)
    write_section("soak", title, "python -m benchmarks.soak", body, ("sounddevice", "soxr"))


if __name__ == "__main__":
    run(*map(float, sys.argv[1:2]))
