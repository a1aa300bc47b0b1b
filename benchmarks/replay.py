"""Long recordings through the whole pipeline: speed on one core, and memory that must not depend on the length."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .results import table, write_section
from .workloads import write_long_recording

__all__ = ["run"]

_MINUTES = (10, 60)
_OURS = """
import sys, time
import acoustic
acoustic.detect(sys.argv[2])  # warm: numba's kernels, soxr, the file system
began, began_cpu = time.perf_counter(), time.process_time()
events = acoustic.detect(sys.argv[1])
took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
# Not getrusage: its peak is the parent's where that was larger.
peak_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(took_s, cpu_s, peak_kb, sum(event.kind == "cycle" for event in events))
"""
# librosa over the whole signal, as its users do it: mel and flatness of 16 kHz samples that are in memory already.
_LIBROSA = """
import sys, time
import librosa, soundfile, soxr
samples, rate = soundfile.read(sys.argv[1], dtype="float32")
samples = soxr.resample(samples, rate, 16000)
def features(y):
    common = {"n_fft": 512, "hop_length": 160, "center": False}
    librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=16000, n_mels=64, **common))
    librosa.feature.spectral_flatness(y=y, **common)
features(samples[: 16000 * 10])
began = time.process_time()
features(samples)
print(time.process_time() - began)
"""
_FEATURES = """
import sys, time
import soundfile, soxr
from acoustic.features.extractor import FeatureExtractor
samples, rate = soundfile.read(sys.argv[1], dtype="float32")
samples = soxr.resample(samples, rate, 16000)
extractor = FeatureExtractor()
extractor.push(samples[: 16000 * 10])
began = time.process_time()
for first in range(0, len(samples), 8000):
    extractor.push(samples[first : first + 8000])
print(time.process_time() - began)
"""


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for minutes in (1, *_MINUTES):
            files[minutes] = Path(folder) / f"{minutes}.flac"
            write_long_recording(files[minutes], minutes)
        rows, peaks_mb = [], []
        for minutes in _MINUTES:
            took_s, cpu_s, peak_kb, cycles = map(float, _python(_OURS, files[minutes], files[1]).split())
            peaks_mb.append(peak_kb / 1024)
            speeds = [minutes * 60 / each_s for each_s in (took_s, cpu_s)]
            rows.append(
                [
                    f"{minutes} min",
                    f"{took_s:.2f}",
                    *(f"{speed:.0f}" for speed in speeds),
                    f"{peaks_mb[-1]:.0f}",
                    f"{cycles:.0f}",
                ]
            )
        ours_s, librosa_s = (float(_python(script, files[_MINUTES[0]])) for script in (_FEATURES, _LIBROSA))
    body = table(["48 kHz FLAC", "s", "times real time", "by CPU time", "peak memory, MB", "cycles"], rows)
    body += "\n\n" + table(
        ["", "wanted", "measured"],
        [
            [f"times real time on one core, {_MINUTES[-1]} min, by CPU time", ">= 400", rows[-1][3]],
            ["peak memory", "< 250 MB", f"{peaks_mb[-1]:.0f} MB"],
            ["growth from 10 to 60 min", "none", f"{peaks_mb[-1] - peaks_mb[0]:+.1f} MB"],
            ["librosa mel, flatness over the whole signal / all features", ">= 2", f"{librosa_s / ours_s:.1f}"],
        ],
    )
    write_section("replay", "Replay of long recordings", "python -m benchmarks replay", body, ("soxr", "librosa"))


def _python(script: str, *arguments: Path) -> str:
    """Run in a process of its own, on one core's worth of threads."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    print(f"{Path(str(arguments[0])).name}: {time.perf_counter() - began:.1f} s")
    return done.stdout.strip()
