"""Make the recordings of this folder: `python recordings/make.py`. The same code and seed give the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acoustic.synth import (
    Action,
    Background,
    Hydraulics,
    MachineParameters,
    MicrophoneParameters,
    Plan,
    RoomParameters,
    write_session,
)

_FOLDER = Path(__file__).resolve().parent


def demo_plan() -> Plan:
    """Five good cycles of a home machine in a quiet kitchen."""
    gaps = (5.0, 6.5, 5.5, 7.0, 6.0)
    holds = (2.6, 2.2, 2.9, 2.4, 2.1)
    return Plan(
        lead_s=4.0,
        machine=MachineParameters(hydraulics=Hydraulics(refill_ml=32.0, later_air_ml=28.0, fill_ml=36.0)),
        tail_s=6.0,
        room=RoomParameters(t60_s=0.4),
        microphone=MicrophoneParameters(fill_dbfs=-26.0),
        background=Background(snr_db=32.0),
        actions=tuple(Action("backflush", gap, hold_s=hold, run_s=40.0) for gap, hold in zip(gaps, holds, strict=True)),
    )


def main() -> None:
    """Write the demo."""
    truth = write_session(_FOLDER / "demo.flac", demo_plan(), np.random.default_rng(2024), 48000)
    (_FOLDER / "demo.json").unlink()
    print(f"demo.flac: {truth.duration_s:.1f} s, {truth.cycles} cycles")


if __name__ == "__main__":
    main()
