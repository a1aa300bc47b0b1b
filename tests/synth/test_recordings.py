"""The recordings that come with the project are what its script makes now."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from acoustic.synth import FAULTS, MACHINE_KINDS, Plan, synthesise

FOLDER = Path(__file__).resolve().parents[2] / "recordings"
SET = sorted(path.stem for path in FOLDER.glob("*.flac") if path.stem != "demo")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_recordings", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_written(plan: Plan, rng: np.random.Generator, rate_hz: int, path: Path) -> None:
    """Same labels; and same samples, but for one step of 16 bits where another system's exp rounds otherwise."""
    recording = synthesise(plan, rng, rate_hz)
    written, written_hz = soundfile.read(path, dtype="int16")
    assert written_hz == rate_hz
    made = np.clip(np.rint(recording.samples.astype(np.float64) * 32768.0), -32768, 32767)
    assert np.abs(made - written).max() <= 1
    assert recording.truth.tsv() == path.with_suffix(".tsv").read_text(encoding="utf-8")


def test_there_is_one_of_everything(script: ModuleType) -> None:
    assert {name for name, _, _ in script.plans()} == set(SET)
    assert {f"machine-{kind}" for kind in MACHINE_KINDS} | {f"fault-{fault}" for fault in FAULTS} <= set(SET)
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 12e6


def test_demo(script: ModuleType) -> None:
    as_written(script.demo_plan(), np.random.default_rng(2024), script.DEMO_HZ, FOLDER / "demo.flac")


@pytest.mark.parametrize("name", SET)
def test_set(script: ModuleType, name: str) -> None:
    plan, rng = next((plan, rng) for each, plan, rng in script.plans() if each == name)
    as_written(plan, rng, script.SET_HZ, FOLDER / f"{name}.flac")
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    wanted = {
        "machine": 2,
        "other": 1 if name == "other-early-stop" else 0,
        "fault": 2 * (name in {"fault-clog", "fault-air"}),
    }
    assert facts["cycles"] == wanted[name.split("-")[0]]
