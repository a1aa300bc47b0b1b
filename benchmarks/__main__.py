"""Run benchmark suites and write RESULTS.md: python -m benchmarks [SUITE]..."""

from __future__ import annotations

import argparse
import importlib

SUITES = {"per-hop": "per_hop", "decode": "decode", "memory": "memory", "replay": "replay", "latency": "latency"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], metavar="SUITE", help=", ".join(SUITES))
    for name in parser.parse_args().suites or SUITES:
        importlib.import_module(f".{SUITES[name]}", __package__).run()


if __name__ == "__main__":
    main()
