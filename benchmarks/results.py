"""RESULTS.md: one section a suite, each rewritten as a whole by the run that measured it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["RESULTS", "provenance", "table", "write_section"]

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = (
    "# Results\n\nEvery section is written by the command that it names. Compare ratios, not times: machines differ.\n"
)


def write_section(name: str, title: str, command: str, body: str, packages: Sequence[str] = ()) -> None:
    """Replace the section between the markers of `name`, or add it at the end."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else _HEAD
    section = f"{begin}\n## {title}\n\n`{command}`, {provenance(packages)}\n\n{body.strip()}\n{end}\n"
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        text = before + section + rest.split(end, 1)[1].removeprefix("\n")
    else:
        text = f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text, encoding="utf-8")
    print(f"\n## {title}\n\n{body.strip()}\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def provenance(packages: Sequence[str] = ()) -> str:
    """Where and with what a figure was measured."""
    used = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "numba", *packages))
    return f"on {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, {_cpu()}, Python {platform.python_version()}, {used}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _commit() -> str:
    def git(*arguments: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
        ).stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "../acoustic", "../models")
    return f"{commit} with changes" if changed else commit


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return model
