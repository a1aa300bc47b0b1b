"""Recordings hold what was heard, whatever happens."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustic.displays.journal import Opening, Summary, read_journal
from acoustic.displays.recorder import FlacRecorder, Recording
from acoustic.errors import BackflushError
from acoustic.sources.file import FileSource
from acoustic.types import AudioBlock

RATE_HZ = 48_000
KILLS = 20

# Records noise at the pace of life, and says how much of it before each block.
SCRIPT = """
import sys, time, numpy as np
from acoustic.displays.recorder import FlacRecorder
from acoustic.types import AudioBlock
rate_hz = int(sys.argv[2])
noise = (np.random.default_rng(int(sys.argv[3])).integers(-2**23, 2**23, 60 * rate_hz) / 2**23).astype(np.float32)
recorder = FlacRecorder(sys.argv[1], rate_hz)
size = rate_hz // 100
began_s = time.monotonic()
for start in range(0, len(noise), size):
    recorder.push(AudioBlock(start, noise[start : start + size], rate_hz))
    print(start + size, flush=True)
    time.sleep(max(0.0, began_s + (start + size) / rate_hz - time.monotonic()))
"""


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Return noise on the grid of 24 bits, full scale included."""
    samples = np.random.default_rng(seed).integers(-(2**23), 2**23, round(seconds * RATE_HZ)) / 2**23
    samples[:2] = -1.0, 1.0 - 2.0**-23
    return samples.astype(np.float32)


def blocks(samples: np.ndarray, size: int = 480) -> list[AudioBlock]:
    return [AudioBlock(at, samples[at : at + size], RATE_HZ) for at in range(0, len(samples), size)]


def test_a_recording_is_bit_exact(tmp_path: Path) -> None:
    heard = noise(3.0)
    with FlacRecorder(tmp_path / "a.flac", RATE_HZ) as recorder:
        for block in blocks(heard):
            recorder.push(block)
    assert recorder.failure is None
    np.testing.assert_array_equal(np.concatenate([b.samples for b in FileSource(tmp_path / "a.flac")]), heard)


def test_what_was_lost_is_recorded_as_zeros(tmp_path: Path) -> None:
    heard = noise(1.0)
    with FlacRecorder(tmp_path / "a.flac", RATE_HZ) as recorder:
        recorder.push(AudioBlock(100, heard, RATE_HZ, lost=100))  # before the first block there is no recording
        recorder.push(AudioBlock(100 + len(heard) + 5000, heard, RATE_HZ, lost=5000))
    got = soundfile.read(tmp_path / "a.flac", dtype="float32")[0]
    np.testing.assert_array_equal(got, np.concatenate([heard, np.zeros(5000, np.float32), heard]))


def test_a_recording_that_goes_on_is_playable_already(tmp_path: Path) -> None:
    heard = noise(2.0)
    with FlacRecorder(tmp_path / "a.flac", RATE_HZ) as recorder:
        for block in blocks(heard):
            recorder.push(block)
            time.sleep(0.01)
        so_far = np.concatenate([b.samples for b in FileSource(tmp_path / "a.flac")])
    assert len(heard) - RATE_HZ <= len(so_far) <= len(heard)
    np.testing.assert_array_equal(so_far, heard[: len(so_far)])


@pytest.mark.timeout(120)
def test_kill_9_loses_at_most_the_last_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    rates_hz = [int(rng.choice([8_000, 44_100, 48_000])) for _ in range(KILLS)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / f"{n}.flac"), str(rate_hz), str(n)],
            stdout=subprocess.PIPE,
            env=env,
        )
        for n, rate_hz in enumerate(rates_hz)
    ]
    told = [0] * KILLS

    def follow(n: int) -> None:
        for line in running[n].stdout:  # a torn line is the last
            told[n] = int(line) if line.endswith(b"\n") else told[n]

    followers = [threading.Thread(target=follow, args=(n,), daemon=True) for n in range(KILLS)]
    for follower in followers:
        follower.start()
    for n in rng.permutation(KILLS):
        while told[n] < rates_hz[n] * 1.5 and running[n].poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.5))
        running[n].send_signal(signal.SIGKILL)
    for n, rate_hz in enumerate(rates_hz):
        running[n].wait(10.0)
        followers[n].join(10.0)
        running[n].stdout.close()
        heard = (np.random.default_rng(n).integers(-(2**23), 2**23, 60 * rate_hz) / 2**23).astype(np.float32)
        got = np.concatenate([block.samples for block in FileSource(tmp_path / f"{n}.flac")])
        assert told[n] - rate_hz <= len(got) <= told[n]
        np.testing.assert_array_equal(got, heard[: len(got)])


def test_a_full_disk_is_told_and_what_was_written_stays_playable(tmp_path: Path) -> None:
    heard = noise(4.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))  # Python ignores the signal that comes with it
    try:
        recorder = FlacRecorder(tmp_path / "a.flac", RATE_HZ)
        for block in blocks(heard):
            recorder.push(block)
            time.sleep(0.002)
        recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert recorder.failure is not None
    assert "a.flac: File too large; the recording ends here, listening goes on" in recorder.failure
    got = np.concatenate([b.samples for b in FileSource(tmp_path / "a.flac")])
    assert len(got) > RATE_HZ
    np.testing.assert_array_equal(got, heard[: len(got)])


def test_an_existing_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"precious")
    with pytest.raises(BackflushError, match="exists already; choose another name"):
        FlacRecorder(tmp_path / "a.flac", RATE_HZ)
    (tmp_path / "b.jsonl").write_bytes(b"precious")
    with pytest.raises(BackflushError, match="exists already; choose another name"):
        Recording(tmp_path / "b.flac", RATE_HZ)
    assert not (tmp_path / "b.flac").exists()
    with pytest.raises(BackflushError, match="cannot be written: No such file or directory"):
        FlacRecorder(tmp_path / "nowhere" / "a.flac", RATE_HZ)


def test_the_journal_lies_beside_and_names_its_recording(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.flac", RATE_HZ)
    recording.write(Opening("mic", RATE_HZ, "default", details={"target": 5}))
    recording.push(blocks(noise(0.1))[0])
    recording.write(Summary(0, 0.01, 0.0))
    recording.close()
    opening, summary = read_journal(tmp_path / "a.jsonl")
    assert isinstance(opening, Opening)
    assert opening.details == {"target": 5, "recording": "a.flac"}
    assert isinstance(summary, Summary)
    assert recording.new_failure() is None
