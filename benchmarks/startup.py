"""How long a user waits: `backflush --help`, and `backflush listen --demo` until sound has gone through the detector.

Both run as processes, one after the other, after one run that warms the caches: python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "acoustic"]
TARGETS_S = {"--help": 0.3, "listen --demo, hearing": 1.5}


def help_s() -> float:
    began = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def hearing_s() -> float:
    """Seconds until the first cue is printed, which is after the first block has gone through the detector."""
    began = time.perf_counter()
    with subprocess.Popen([*COMMAND, "listen", "--demo"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while ">>" not in process.stdout.readline():
            pass
        heard = time.perf_counter() - began
        process.terminate()
        process.stdout.read()
    return heard


def main(runs: int) -> None:
    for (name, target_s), measure in zip(TARGETS_S.items(), (help_s, hearing_s), strict=True):
        measure()
        times_s = [measure() for _ in range(runs)]
        median_s = statistics.median(times_s)
        verdict = "ok" if median_s < target_s else "MISSED"
        figures = f"median {median_s:.3f} s of {runs} runs, worst {max(times_s):.3f} s"
        print(f"{name:24} {figures}, wanted < {target_s} s: {verdict}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
