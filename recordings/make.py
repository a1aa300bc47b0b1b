"""Make the recordings of this folder: `python recordings/make.py [NAME...]`. The same code gives the same sound.

- `demo`: five good cycles of a home machine in a quiet kitchen, 48 kHz. The package carries it.
- `machine-*`: one a kind of machine, with two complete cycles; `fault-*`: one a fault; `other-*`: what is no backflush.
  All at 16 kHz, in a quiet kitchen.

Beside each lies its truth: labels as .tsv (onset, offset, label) and, but for the demo, everything else as .json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from acoustic.synth import (
    FAULTS,
    MACHINE_KINDS,
    Action,
    Background,
    Hydraulics,
    MachineParameters,
    MicrophoneParameters,
    Plan,
    RoomParameters,
    sample_plan,
    write_session,
)

FOLDER = Path(__file__).resolve().parent
DEMO_HZ, SET_HZ = 48000, 16000
# The first draw hardly quietens: a hard case, which the evaluation has many of; here the typical ones are wanted.
_DRAWS = {"machine-cafe": 1}


def demo_plan() -> Plan:
    """Five good cycles of a home machine in a quiet kitchen."""
    gaps = (5.0, 6.5, 5.5, 7.0, 6.0)
    holds = (2.6, 2.2, 2.9, 2.4, 2.1)
    return Plan(
        lead_s=4.0,
        tail_s=6.0,
        machine=MachineParameters(hydraulics=Hydraulics(refill_ml=32.0, later_air_ml=28.0, fill_ml=36.0)),
        room=RoomParameters(t60_s=0.4),
        microphone=MicrophoneParameters(fill_dbfs=-26.0),
        background=Background(snr_db=32.0),
        actions=tuple(Action("backflush", gap, hold_s=hold, run_s=40.0) for gap, hold in zip(gaps, holds, strict=True)),
    )


def plans() -> Iterator[tuple[str, Plan, np.random.Generator]]:
    """Name, plan and randomness of every recording of the set."""
    two = (Action("backflush", hold_s=1.8, run_s=40.0), Action("backflush", 5.0, hold_s=2.4, run_s=40.0))
    tried = (Action("backflush", run_s=14.0), Action("backflush", 5.0, run_s=12.0))
    others: dict[str, tuple[Action, ...]] = {
        "shot": (Action("shot", run_s=22.0, resistance=2.0),),
        "flush": tuple(Action("flush", 3.0, run_s=run_s) for run_s in (3.0, 2.0, 4.0)),
        "refill": tuple(Action("refill", 5.0, run_s=run_s, resistance=2.0) for run_s in (4.0, 7.0)),
        "early-stop": tuple(Action("backflush", 5.0, run_s=run_s, stop_share=0.3) for run_s in (2.0, 3.5)) + two[:1],
    }
    for kind in MACHINE_KINDS:
        yield _planned(f"machine-{kind}", two, kind, None)
    for fault in FAULTS:
        yield _planned(f"fault-{fault}", tried if fault in {"leak", "stuck_open"} else two, "home", fault)
    for name, actions in others.items():
        yield _planned(f"other-{name}", actions, "home", None)


def _planned(
    name: str, actions: tuple[Action, ...], kind: str, fault: str | None
) -> tuple[str, Plan, np.random.Generator]:
    rng = np.random.default_rng([crc32(name.encode()), _DRAWS.get(name, 0)])
    plan = sample_plan("home", rng, kind, fault)
    microphone = replace(plan.microphone, agc_db=0.0, suppression_db=0.0, clip_dbfs=0.0)
    background = replace(plan.background, snr_db=max(28.0, plan.background.snr_db))
    plan = replace(
        plan, lead_s=3.0, tail_s=3.5, actions=actions, microphone=microphone, background=background, distractions=()
    )
    return name, plan, rng


def main(names: list[str]) -> None:
    """Write the recordings of these names, or all."""
    if not names or "demo" in names:
        truth = write_session(FOLDER / "demo.flac", demo_plan(), np.random.default_rng(2024), DEMO_HZ)
        # Hundreds of numbers that nobody asks the demo for.
        (FOLDER / "demo.json").unlink()
        print(f"demo: {truth.duration_s:.1f} s, {truth.cycles} cycles")
    for name, plan, rng in plans():
        if not names or name in names:
            truth = write_session(FOLDER / f"{name}.flac", plan, rng, SET_HZ)
            runs = "; ".join(run.reason or "complete" for run in truth.runs)
            print(f"{name}: {truth.duration_s:.1f} s, {truth.cycles} cycles ({runs})")


if __name__ == "__main__":
    main(sys.argv[1:])
