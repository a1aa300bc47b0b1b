"""How long a user waits: `backflush --help`, and `backflush listen --demo` until sound has gone through the detector.

Both run as processes, one after the other, after one run that warms the caches:
python -m benchmarks.startup [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from .results import table, write_section

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


def run(runs: int = 10) -> None:
    """Measure and write the section of RESULTS.md."""
    rows = []
    for (name, target_s), measure in zip(TARGETS_S.items(), (help_s, hearing_s), strict=True):
        measure()
        times_s = [measure() for _ in range(runs)]
        rows.append((name, f"{statistics.median(times_s):.3f}", f"{max(times_s):.3f}", f"{target_s}"))
    body = table(("command", "median, s", "worst, s", "bound, s"), rows)
    write_section("startup", "Start-up, as processes, warm", "python -m benchmarks.startup", body, ("click", "rich"))


if __name__ == "__main__":
    run(*map(int, sys.argv[1:2]))
