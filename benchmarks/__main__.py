"""Run benchmark suites and write RESULTS.md: python -m benchmarks [SUITE]...

Without a name, those that need neither a sound server nor many minutes.
"""

from __future__ import annotations

import argparse
import importlib

QUICK = {"per-hop": "per_hop", "decode": "decode", "memory": "memory", "startup": "startup", "replay": "replay"}
LONG = {"latency": "latency", "procedures": "procedures", "cue-latency": "cue_latency", "soak": "soak"}


def main() -> None:
    suites = QUICK | LONG
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", choices=[*suites, []], metavar="SUITE", help=", ".join(suites))
    for name in parser.parse_args().suites or QUICK:
        importlib.import_module(f".{suites[name]}", __package__).run()


if __name__ == "__main__":
    main()
