"""Named scenarios: what user and machine do in a session.

| scenario | what happens |
|---|---|
| `cleaning` | complete cycles, in many manners; perhaps rinsing, water cycles and a final flush |
| `early_stops` | the same, with some runs stopped before the pressure is up |
| `shots` | espresso shots, some of them choked |
| `flushes` | bursts with the handle off, or descaling |
| `refills` | the boiler's auto-fill, or a thermoblock's steam pulses |
| `leak` | gasket or disk leaks: the pressure never comes up |
| `stuck_open` | the three-way valve never shuts |
| `stuck_shut` | it never opens, or there is none: no release |
| `clog` | narrow exhaust: long, weak releases |
| `air` | air in the line: irregular strokes, slow fills |
| `idle` | no pump at all |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..errors import OptionError
from .conditions import check_condition, sample_background, sample_microphone, sample_room
from .loops import Library
from .machines import between, log_between, pick, sample_machine, sample_stranger
from .plan import Action, Distraction, DistractionKind, MachineParameters, Plan, Splice

__all__ = ["FAULTS", "SCENARIOS", "sample_plan"]

FAULTS: Final = ("leak", "stuck_open", "stuck_shut", "clog", "air")
SCENARIOS: Final = ("cleaning", "early_stops", "shots", "flushes", "refills", *FAULTS, "idle")

# How often a recording goes on all the time.
_BED_SHARE: Final = {"home": 0.1, "kitchen": 0.35, "cafe": 0.6, "hard": 0.5}
_KINDS_BY_CONDITION: Final = {
    "home": (
        ("home", 4.0),
        ("thermoblock", 3.0),
        ("low_opv", 2.0),
        ("dumper", 2.0),
        ("dimmer", 1.5),
        ("e61", 2.0),
        ("gear", 0.7),
        ("e61_rotary", 0.8),
    ),
    "kitchen": (
        ("home", 4.0),
        ("thermoblock", 3.0),
        ("low_opv", 2.0),
        ("dumper", 2.0),
        ("dimmer", 1.5),
        ("e61", 2.0),
        ("gear", 0.7),
        ("e61_rotary", 0.8),
    ),
    "cafe": (("cafe", 6.0), ("e61_rotary", 3.0), ("e61", 1.0), ("home", 1.0), ("gear", 1.0)),
    "hard": (
        ("home", 3.0),
        ("thermoblock", 2.0),
        ("low_opv", 2.0),
        ("dumper", 2.0),
        ("dimmer", 1.5),
        ("e61", 1.5),
        ("gear", 1.0),
        ("e61_rotary", 1.0),
        ("cafe", 2.0),
    ),
}


def _manner(rng: np.random.Generator) -> tuple[float, float, float]:
    """How this user does it: hold and gap in seconds, and how far both scatter."""
    hold = log_between(rng, 0.6, 12.0) if rng.random() < 0.85 else between(rng, 8.0, 30.0)
    return hold, log_between(rng, 1.5, 14.0), between(rng, 0.05, 0.4)


def _scatter(rng: np.random.Generator, value: float, spread: float) -> float:
    return value * float(np.exp(spread * (2.0 * rng.random() - 1.0)))


def _cycles(rng: np.random.Generator, count: int, early: float = 0.0) -> list[Action]:
    hold_s, gap_s, spread = _manner(rng)
    fixed_s = between(rng, 8.0, 22.0) if rng.random() < 0.12 else None
    actions = []
    for _ in range(count):
        gap = max(1.0, _scatter(rng, gap_s, spread))
        if rng.random() < early:
            actions.append(
                Action("backflush", gap, run_s=log_between(rng, 0.6, 12.0), stop_share=between(rng, 0.02, 0.5))
            )
        elif fixed_s is not None:
            actions.append(Action("backflush", gap, run_s=fixed_s))
        else:
            actions.append(Action("backflush", gap, hold_s=max(0.45, _scatter(rng, hold_s, spread)), run_s=45.0))
    return actions


def _flushes(rng: np.random.Generator, count: int) -> list[Action]:
    return [Action("flush", log_between(rng, 1.0, 8.0), run_s=log_between(rng, 0.8, 7.0)) for _ in range(count)]


def _cleaning(rng: np.random.Generator, early: float = 0.0) -> list[Action]:
    actions = _cycles(rng, int(rng.integers(3, 9)), early)
    if rng.random() < 0.25:
        # Rinse the handle, then cycles with water only.
        actions.append(Action("wait", run_s=between(rng, 10.0, 30.0)))
        actions += _cycles(rng, int(rng.integers(2, 5)), early)
    if rng.random() < 0.3:
        actions.append(Action("wait", run_s=between(rng, 3.0, 10.0)))
        actions += _flushes(rng, int(rng.integers(1, 4)))
    if rng.random() < 0.1:
        place = int(rng.integers(1, len(actions) + 1))
        actions.insert(
            place,
            Action("refill", between(rng, 1.0, 5.0), run_s=between(rng, 2.0, 9.0), resistance=between(rng, 1.0, 6.0)),
        )
    return actions


def _shots(rng: np.random.Generator) -> list[Action]:
    actions = []
    for _ in range(int(rng.integers(1, 5))):
        choked = rng.random() < 0.15
        flow = between(rng, 0.1, 0.6) if choked else log_between(rng, 1.0, 4.5)
        actions.append(Action("shot", log_between(rng, 12.0, 90.0), run_s=between(rng, 14.0, 38.0), resistance=flow))
        if rng.random() < 0.5:
            actions += _flushes(rng, 1)
    return actions


def _refills(rng: np.random.Generator) -> list[Action]:
    back_bar = between(rng, 0.8, 13.0)
    if rng.random() < 0.3:
        return [
            Action("pulse", log_between(rng, 0.4, 4.0), run_s=log_between(rng, 0.08, 0.6), resistance=back_bar)
            for _ in range(int(rng.integers(8, 30)))
        ]
    return [
        Action("refill", between(rng, 4.0, 25.0), run_s=log_between(rng, 1.5, 15.0), resistance=back_bar)
        for _ in range(int(rng.integers(1, 6)))
    ]


def _spliced(rng: np.random.Generator, splices: Sequence[Splice]) -> MachineParameters:
    if not splices:
        raise OptionError(
            "machine kind 'spliced' needs recordings of a pump: give splices (--pumps, or splices_from_labels)"
        )
    machine = sample_machine(("home", "thermoblock", "dumper")[int(rng.integers(3))], rng)
    splice = splices[int(rng.integers(len(splices)))]
    return replace(machine, kind="spliced", splice=replace(splice, deepen_db=between(rng, 0.0, 8.0)))


def _with_fault(machine: MachineParameters, fault: str, rng: np.random.Generator) -> MachineParameters:
    h = machine.hydraulics
    if fault == "leak":
        h = h._replace(leak_ml_s=h.free_flow_ml_s * between(rng, 0.55, 1.1))
    elif fault == "stuck_open":
        h = h._replace(stuck_open_mm=between(rng, 0.7, h.orifice_mm))
    elif fault == "stuck_shut":
        h = h._replace(vents=0.0)
    elif fault == "clog":
        h = h._replace(orifice_mm=between(rng, 0.6, 1.0))
    elif fault == "air":
        h = h._replace(air_in_line=between(rng, 0.15, 0.6), wear=h.wear * between(rng, 0.7, 1.0))
    return replace(machine, hydraulics=h)


# Distractions a minute, their levels, and how often each kind comes.
_Traffic = tuple[float, tuple[float, float], tuple[tuple[DistractionKind, float], ...]]
_TRAFFIC: Final[dict[str, _Traffic]] = {
    "home": (
        1.0,
        (-28.0, -6.0),
        (
            ("speech", 2.0),
            ("dishes", 2.0),
            ("knock", 2.0),
            ("appliance", 1.5),
            ("tap", 1.0),
            ("beep", 0.7),
            ("music", 0.5),
            ("bump", 0.7),
            ("grinder", 0.2),
            ("steam", 0.3),
            ("juicer", 0.1),
        ),
    ),
    "kitchen": (
        4.0,
        (-22.0, 3.0),
        (
            ("speech", 4.0),
            ("dishes", 3.0),
            ("knock", 2.0),
            ("appliance", 2.0),
            ("tap", 2.0),
            ("beep", 1.0),
            ("music", 1.5),
            ("bump", 1.0),
            ("grinder", 0.5),
            ("steam", 0.7),
            ("juicer", 0.7),
        ),
    ),
    "cafe": (
        7.0,
        (-20.0, 4.0),
        (
            ("speech", 4.0),
            ("dishes", 4.0),
            ("knock", 3.0),
            ("grinder", 2.0),
            ("steam", 3.0),
            ("music", 2.0),
            ("machine", 1.0),
            ("tap", 1.0),
            ("beep", 0.5),
            ("bump", 0.5),
            ("appliance", 1.0),
            ("juicer", 0.3),
        ),
    ),
    "hard": (
        7.0,
        (-16.0, 8.0),
        (
            ("speech", 4.0),
            ("dishes", 3.0),
            ("knock", 2.0),
            ("grinder", 1.0),
            ("steam", 2.0),
            ("music", 2.0),
            ("machine", 0.5),
            ("tap", 2.0),
            ("beep", 1.0),
            ("bump", 1.5),
            ("appliance", 2.0),
            ("juicer", 1.0),
        ),
    ),
}
_LENGTHS_S: Final = {
    "dishes": (0.5, 6.0),
    "knock": (0.2, 4.0),
    "bump": (0.2, 3.0),
    "beep": (0.5, 6.0),
    "steam": (0.4, 18.0),
    "machine": (8.0, 25.0),
}
# Somebody else's machine is farther away than one's own.
_LOUDEST_MACHINE_DB: Final = -7.0


def _expected_s(machine: MachineParameters, actions: Sequence[Action], lead_s: float) -> float:
    """About how long a session takes: a run that ends after its hold fills for about the time of free flow."""
    h = machine.hydraulics
    fill_s = (h.refill_ml + 0.8 * h.later_air_ml) / (h.free_flow_ml_s * h.wear * h.duty) * 1.4
    runs = (
        min(action.run_s or 60.0, fill_s + action.hold_s if action.hold_s is not None else 60.0) for action in actions
    )
    return lead_s + sum(runs) + sum(action.gap_s for action in actions[1:]) + 5.0


def _distractions(
    condition: str, rng: np.random.Generator, duration_s: float, library: Library | None
) -> tuple[Distraction, ...]:
    rate_per_min, levels_db, weights = _TRAFFIC[condition]
    busy = log_between(rng, 0.25, 2.0) * rate_per_min
    found = []
    for _ in range(int(busy * duration_s / 60.0 + rng.random())):
        kind = pick(rng, weights)
        length = log_between(rng, *_LENGTHS_S.get(kind, (1.0, 15.0)))
        level = between(rng, *levels_db)
        file, offset = "", 0.0
        if library is not None and rng.random() < 0.6:
            file, whole_s = library.files[int(rng.integers(len(library.files)))]
            kind = "recording"
            length = min(length, whole_s)
            offset = rng.random() * (whole_s - length)
        if kind == "machine":
            level = min(level, _LOUDEST_MACHINE_DB)
        found.append(
            Distraction(
                kind,
                float(rng.random() * duration_s),
                length,
                level,
                log_between(rng, 0.4, 5.0),
                int(rng.integers(2**31)),
                file,
                offset,
            )
        )
    return tuple(sorted(found, key=lambda distraction: distraction.start_s))


def _actions(scenario: str, rng: np.random.Generator) -> list[Action]:
    if scenario == "idle":
        return [Action("wait", run_s=between(rng, 30.0, 90.0))]
    if scenario == "shots":
        return _shots(rng)
    if scenario == "flushes":
        return _flushes(rng, int(rng.integers(2, 10)))
    if scenario == "refills":
        return _refills(rng)
    if scenario in {"leak", "stuck_open"}:
        return [replace(action, run_s=between(rng, 8.0, 30.0)) for action in _cycles(rng, int(rng.integers(1, 5)))]
    if scenario == "stuck_shut":
        return _cycles(rng, int(rng.integers(1, 4)))
    if scenario in {"clog", "air"}:
        return _cycles(rng, int(rng.integers(3, 7)))
    return _cleaning(rng, early=between(rng, 0.3, 0.7) if scenario == "early_stops" else 0.0)


def sample_plan(
    condition: str,
    rng: np.random.Generator,
    kind: str | None = None,
    scenario: str | None = None,
    *,
    library: Library | None = None,
    splices: Sequence[Splice] = (),
) -> Plan:
    """Draw a session.

    Parameters
    ----------
    condition
        One of `CONDITIONS`.
    rng
        The only source of randomness.
    kind
        One of `MACHINE_KINDS`, `stranger`, `bright stranger` or `spliced`; drawn as the condition suggests if None.
    scenario
        One of `SCENARIOS`; `cleaning` if None.
    library
        Recordings from which most distractions, and some lasting backgrounds, are taken; all synthetic if None.
    splices
        What a machine of kind `spliced` may take its pump sound from.

    Raises
    ------
    OptionError
        For an unknown name, or `spliced` without splices.
    """
    check_condition(condition)
    scenario = "cleaning" if scenario is None else scenario
    if scenario not in SCENARIOS:
        raise OptionError(f"scenario {scenario!r} is unknown; one of {', '.join(SCENARIOS)} is wanted")
    if kind is None:
        kind = pick(rng, _KINDS_BY_CONDITION[condition])
    if kind == "spliced":
        machine = _spliced(rng, splices)
    else:
        strange = kind in ("stranger", "bright stranger")
        machine = sample_stranger(rng, bright=kind != "stranger") if strange else sample_machine(kind, rng)
    fault = scenario if scenario in FAULTS else ""
    machine = _with_fault(machine, fault, rng)
    lead_s = between(rng, 3.0, 12.0)
    actions = _actions(scenario, rng)
    background = sample_background(condition, rng)
    if library is not None and rng.random() < _BED_SHARE[condition]:
        longest = [file for file, duration_s in library.files if duration_s >= 4.0]
        if longest:
            bed = longest[int(rng.integers(len(longest)))]
            background = replace(background, bed=bed, bed_db=between(rng, -6.0, 3.0))
    return Plan(
        condition=condition,
        scenario=scenario,
        fault=fault,
        lead_s=lead_s,
        tail_s=between(rng, 4.0, 8.0),
        machine=machine,
        room=sample_room(condition, rng),
        microphone=sample_microphone(condition, rng),
        background=background,
        actions=tuple(actions),
        distractions=_distractions(condition, rng, _expected_s(machine, actions, lead_s), library),
    )
