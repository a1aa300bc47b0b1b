"""What all tests share: the corpus, the virtual microphone, warm kernels, and CI's rule that nothing may be skipped."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import PulseRig, missing_programs

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def _keep_kernels_warm() -> None:
    """Give numba a cache that belongs to exactly these kernels.

    Its own check looks at the file of the called function only: a change in a kernel that is called from another file
    would go unnoticed. Child processes inherit the folder.
    """
    marks = b"njit", b"kernel("
    sources = sorted(p for p in (ROOT / "acoustic").rglob("*.py") if any(mark in p.read_bytes() for mark in marks))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    cache = ROOT / ".pytest_cache" / "numba"
    for stale in cache.glob("*") if cache.is_dir() else ():
        if stale.name != digest:
            shutil.rmtree(stale, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(cache / digest)


_keep_kernels_warm()  # at import: before anything imports numba


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of real recordings: BACKFLUSH_CORPUS, else ../shared/audio beside the checkout."""
    folder = Path(os.environ.get("BACKFLUSH_CORPUS", ROOT.parent / "shared" / "audio"))
    if not folder.is_dir():
        pytest.skip(f"no corpus of real recordings at {folder}; BACKFLUSH_CORPUS names another place")
    return folder


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseRig]:
    """Two virtual microphones on a private PulseAudio, known to this process and its children from here on."""
    if missing := missing_programs():
        pytest.skip(f"the virtual microphone needs {', '.join(missing)}; bash tests/run installs them on Debian")
    with PulseRig() as running:
        yield running


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: nothing may be skipped in CI. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report
