"""How long a user waits: `backflush --help`, and `backflush listen --demo` until sound has gone through the detector.

Both run as processes, one after the other, after one run that warms the caches; and `listen --demo` once more as on a
computer that has never run it, where the kernels are compiled first: python -m benchmarks.startup [RUNS]
"""

from __future__ import annotations

import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

from .results import table, write_section

COMMAND = [sys.executable, "-m", "acoustic"]
LISTEN = [*COMMAND, "listen", "--demo", "--mute"]


def help_s() -> float:
    began = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def hearing_s(cache: str | None = None) -> float:
    """Seconds until the first cue is printed, which is after the first block has gone through the detector."""
    env = os.environ if cache is None else {**os.environ, "NUMBA_CACHE_DIR": cache}
    began = time.perf_counter()
    with subprocess.Popen(LISTEN, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        while ">>" not in (line := process.stdout.readline()):
            assert line, "the session ended before its first cue"
        heard = time.perf_counter() - began
        process.terminate()
        process.stdout.read()
    return heard


def telling_s(cache: str) -> float:
    """Seconds until a terminal shows that the program is getting ready."""
    screen, terminal = pty.openpty()
    began = time.perf_counter()
    with subprocess.Popen(
        LISTEN, stdin=terminal, stdout=terminal, env={**os.environ, "NUMBA_CACHE_DIR": cache}
    ) as process:
        os.close(terminal)
        shown = b""
        while b"first start" not in shown:
            shown += os.read(screen, 65_536)
        told = time.perf_counter() - began
        process.kill()
    os.close(screen)
    return told


def first_s(measure: Callable[[str], float]) -> float:
    """Return what `measure` gives with an empty cache of kernels."""
    with tempfile.TemporaryDirectory() as cache:
        return measure(cache)


def cpu_s(measure: Callable[[], float]) -> float:
    """Return the CPU time of what `measure` ran, that of its own processes included: what one core would take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measure()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(runs: int = 10) -> None:
    """Measure and write the section of RESULTS.md."""
    rows = []

    def add(name: str, measure: Callable[[], float], runs: int, bound_s: float) -> None:
        times_s = [measure() for _ in range(runs)]
        worst = f"{max(times_s):.3f}" if runs > 1 else ""
        rows.append((name, f"{statistics.median(times_s):.3f}", worst, f"{bound_s}"))

    for name, measure, bound_s in (("--help", help_s, 0.25), ("listen --demo, hearing", hearing_s, 1.0)):
        measure()
        add(name, measure, runs, bound_s)
    add("the first ever, telling that it gets ready", partial(first_s, telling_s), 3, 1.0)
    add("the first ever, hearing", partial(first_s, hearing_s), 1, 15.0)
    add("the first ever, CPU time of all its processes", partial(cpu_s, partial(first_s, hearing_s)), 1, 15.0)
    body = table(("command", "median, s", "worst, s", "bound, s"), rows)
    write_section("startup", "Start-up, as processes", "python -m benchmarks.startup", body, ("click", "rich"))


if __name__ == "__main__":
    run(*map(int, sys.argv[1:2]))
