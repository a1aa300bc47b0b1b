"""Named kinds of machines, each a distribution over machine parameters.

| kind | what it is |
|---|---|
| `home` | vibratory pump, solenoid valve, OPV into the tank |
| `thermoblock` | small and light, thin case that rattles, little water above the puck |
| `low_opv` | OPV set low, or draining audibly into the tray |
| `dumper` | stops the pump, then vents for about two seconds by itself, or late |
| `dimmer` | vibratory pump behind a PSM dimmer that skips strokes |
| `e61` | vibratory pump, lever valve, preinfusion chamber, no click |
| `e61_rotary` | the same with a rotary pump |
| `cafe` | large machine with a rotary pump and solenoid groups |
| `gear` | gear pump on a DC motor whose pitch follows the load |

The ranges are wide on purpose: a detector that works on all of them has a chance on a machine nobody here has heard.
Beside them stands the `stranger`: the water of any of these, with a voice that none of them has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final, TypeVar

import numpy as np

from ..errors import OptionError
from .hydraulics import final_pressure_bar, final_quieting
from .machine_sound import MachineSound
from .plan import Hydraulics, MachineParameters, PumpKind, Resonance, SoundLevels, StrangerParameters

__all__ = ["MACHINE_KINDS", "between", "log_between", "pick", "sample_machine", "sample_stranger"]

MACHINE_KINDS: Final = (
    "home",
    "thermoblock",
    "low_opv",
    "dumper",
    "dimmer",
    "e61",
    "e61_rotary",
    "cafe",
    "gear",
)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Uniform number."""
    return float(low + (high - low) * rng.random())


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform number."""
    return float(low * (high / low) ** rng.random())


_T = TypeVar("_T")


def pick(rng: np.random.Generator, choices: Sequence[tuple[_T, float]]) -> _T:
    """One of the choices, each with its weight."""
    total = sum(weight for _, weight in choices)
    draw = rng.random() * total
    for value, weight in choices:
        draw -= weight
        if draw < 0.0:
            return value
    return choices[-1][0]


def _bands(
    rng: np.random.Generator,
    count: int,
    low_hz: float,
    high_hz: float,
    q: tuple[float, float],
    spread_db: float,
    tilt_db: float,
) -> tuple[Resonance, ...]:
    """Resonances spread over a range, falling by `tilt_db` an octave, each off by up to `spread_db`."""
    octaves = np.log2(high_hz / low_hz)
    rows = []
    for i in range(count):
        place = (i + rng.random()) / count * octaves
        gain = tilt_db * place + spread_db * (2.0 * rng.random() - 1.0)
        rows.append(Resonance(float(low_hz * 2.0**place), log_between(rng, *q), float(gain)))
    return tuple(rows)


def _hydraulics(rng: np.random.Generator) -> Hydraulics:
    opv = between(rng, 8.0, 14.0)
    air = log_between(rng, 8.0, 50.0)
    fill = between(rng, 6.0, 55.0)
    return Hydraulics(
        free_flow_ml_s=between(rng, 6.5, 11.0),
        stall_bar=between(rng, 14.5, 18.0),
        curve_exponent=between(rng, 0.9, 1.3),
        wear=between(rng, 0.75, 1.0),
        opv_bar=opv,
        opv_ml_s_bar=log_between(rng, 1.5, 12.0),
        restrictor_bar_s2_ml2=log_between(rng, 0.004, 0.05),
        fill_ml=fill,
        refill_ml=fill * between(rng, 0.1, 0.6),
        drain_s=between(rng, 0.8, 4.0),
        air_ml=air,
        later_air_ml=air * between(rng, 0.45, 1.0),
        compliance_ml_bar=log_between(rng, 0.1, 0.9),
        leak_ml_s=between(rng, 0.0, 0.25),
        orifice_mm=between(rng, 1.3, 2.5),
        valve_ramp_s=log_between(rng, 0.006, 0.04),
        seep_ml_s=log_between(rng, 0.01, 0.15),
        stop_lag_s=between(rng, 0.0, 0.03) if rng.random() < 0.6 else between(rng, 0.03, 0.3),
        pump_lag_s=between(rng, 0.0, 0.03) if rng.random() < 0.7 else between(rng, 0.03, 0.4),
        vent_lag_s=log_between(rng, 0.01, 0.12),
        vent_jitter_s=between(rng, 0.0, 0.01),
        spin_up_s=log_between(rng, 0.015, 0.16),
        spin_down_s=log_between(rng, 0.008, 0.03),
    )


def _levels(rng: np.random.Generator) -> SoundLevels:
    noise = between(rng, -42.0, -5.0)
    return SoundLevels(
        tone_load_db=between(rng, -18.0, 11.0),
        tone_bump_db=between(rng, -8.0, 8.0) if rng.random() < 0.5 else 0.0,
        tone_bump_load=between(rng, 0.1, 0.6),
        impact_load_db=between(rng, -32.0, 2.0),
        impact=log_between(rng, 0.0015, 0.3),
        stroke_width=between(rng, 0.25, 0.55),
        stroke_jitter=log_between(rng, 0.005, 0.1),
        low_thump=between(rng, 0.0, 1.0),
        resonance_shift=between(rng, -0.12, 0.2) if rng.random() < 0.6 else 0.0,
        noise_db=noise,
        noise_exponent=between(rng, 0.3, 1.3),
        noise_floor=log_between(rng, 0.005, 0.5),
        noise_rise_db=between(rng, -1.0, 5.0),
        prime_db=between(rng, -4.0, 4.0) if rng.random() < 0.5 else 0.0,
        prime_s=log_between(rng, 0.3, 1.5),
        wander_db=log_between(rng, 0.15, 2.0),
        choke_db=between(rng, 3.0, 20.0),
        choke_width_bar=log_between(rng, 0.1, 1.0),
        flow_db=noise + between(rng, -4.0, 13.0),
        flow_exponent=between(rng, 0.7, 1.7),
        opv_db=between(rng, -42.0, -16.0),
        trickle_db=between(rng, -60.0, -24.0),
        release_db=between(rng, -2.0, 18.0),
        release_exponent=between(rng, 0.2, 2.0),
        gurgle_db=between(rng, -22.0, 2.0),
        drip_db=between(rng, -36.0, -6.0),
        splash_db=between(rng, -12.0, 8.0),
        switch_db=between(rng, 0.0, 26.0),
        solenoid_db=between(rng, 0.0, 26.0),
        idle_hum_db=between(rng, -60.0, -24.0),
        run_hum_db=between(rng, -40.0, -14.0),
        idle_hiss_db=between(rng, -75.0, -45.0),
        pattern_depth=between(rng, 0.0, 0.15),
    )


def _machine(
    rng: np.random.Generator,
    kind: str,
    pump: PumpKind,
    stroke_hz: float,
    mains_hz: float,
    vanes: int,
    hydraulics: Hydraulics,
    levels: SoundLevels,
    *,
    lever: bool = False,
    low_case_hz: float = 110.0,
) -> MachineParameters:
    return MachineParameters(
        kind=kind,
        pump=pump,
        mains_hz=mains_hz,
        stroke_hz=stroke_hz,
        vanes=vanes,
        lever=lever,
        hydraulics=hydraulics,
        levels=levels,
        case=_bands(rng, int(rng.integers(6, 12)), low_case_hz, 3800.0, (3.0, 14.0), 7.0, between(rng, -8.0, -2.0)),
        noise=_bands(rng, 3, 500.0, 7000.0, (0.4, 1.5), 5.0, between(rng, -6.5, 1.0)),
        flow=_bands(rng, 3, 600.0, 9000.0, (0.4, 1.3), 5.0, between(rng, -6.5, 1.0)),
        opv=_bands(rng, 2, 1500.0, 9000.0, (0.4, 1.5), 4.0, between(rng, -3.0, 2.0)),
        # The first is the slow, dark part of the jet, the rest its hiss; a hose or a closed tray muffles it.
        release=(
            Resonance(log_between(rng, 350.0, 1200.0), log_between(rng, 0.4, 1.2), 0.0),
            *_bands(rng, 3, 1200.0, 10000.0, (0.35, 1.2), 5.0, between(rng, -6.0, 2.0)),
        ),
        splash=_bands(rng, 3, 800.0, 8000.0, (0.4, 1.2), 5.0, between(rng, -5.0, 0.0)),
        switch=_bands(rng, 4, 900.0, 9000.0, (4.0, 25.0), 6.0, between(rng, -4.0, 2.0)),
        solenoid=_bands(rng, 4, 250.0, 6000.0, (4.0, 25.0), 6.0, between(rng, -5.0, 1.0)),
    )


_AUDITION_HZ: Final = 16_000
_AUDITION_BANDS_HZ: Final = ((140.0, 300.0), (700.0, 1500.0), (3000.0, 6000.0), (700.0, 6000.0))
# Least and most change of 0.7-6 kHz from fill to hold, dB. A bypass joins a rotary pump's in and out; a low OPV may do
# anything to it, as long as something changes by so much.
_QUIETING_DB: Final = (-24.0, -4.0)
_ROTARY_QUIETING_DB: Final = (-14.0, -2.0)
_LEAST_CHANGE_DB: Final = 4.0
# Where less of the quieting than this comes about, what seeps past drowns the change.
_LEAST_QUIETING: Final = 0.95
_MOST_DRAWS: Final = 200


def _quietens(machine: MachineParameters) -> bool:
    """Whether fill and hold differ as they are known to: where nothing changes, nobody could hear the pressure."""
    if final_quieting(machine.hydraulics, machine.levels) < _LEAST_QUIETING:
        return False
    steps = MachineSound(machine, _AUDITION_HZ, np.random.default_rng(0)).quieting_db(_AUDITION_BANDS_HZ)
    if machine.kind == "low_opv":
        return max(abs(step) for step in steps) >= _LEAST_CHANGE_DB
    low, high = _ROTARY_QUIETING_DB if machine.pump == "rotary" else _QUIETING_DB
    return low <= steps[-1] <= high


def sample_machine(kind: str, rng: np.random.Generator) -> MachineParameters:
    """Draw one machine of a kind, one that quietens when the pressure is up.

    Raises
    ------
    OptionError
        For an unknown kind.
    """
    if kind not in MACHINE_KINDS:
        raise OptionError(f"machine kind {kind!r} is unknown; one of {', '.join(MACHINE_KINDS)} is wanted")
    for _ in range(_MOST_DRAWS):
        machine = _draw_machine(kind, rng)
        if _quietens(machine):
            break
    return machine


# How a stranger's resonances and noise rise, dB an octave, and how loud its noise is, dB.
_DARK: Final = (-6.0, 1.0), (-8.0, 2.0), (-40.0, 4.0)
_BRIGHT: Final = (0.0, 5.0), (-2.0, 5.0), (-14.0, 10.0)
# Whose water a stranger has, and how often.
_STRANGERS: Final = tuple(zip(MACHINE_KINDS, (3.0, 2.0, 1.5, 1.5, 1.0, 1.5, 1.0, 1.5, 0.7), strict=True))


def sample_stranger(rng: np.random.Generator, *, bright: bool = False) -> StrangerParameters:
    """Draw a machine that sounds like none of the kinds, and changes when the pressure is up, in whatever way.

    Its water behaves like that of one of them. Resonances lie anywhere, noise has any colour, strokes are soft or hard,
    even or not, and whatever they make grows louder in some bands and softer in others. A `bright` one hisses or whines
    more than it hums.
    """
    for _ in range(_MOST_DRAWS):
        machine = _with_strange_voice(_draw_machine(pick(rng, _STRANGERS), rng), rng, bright)
        if final_quieting(machine.hydraulics, machine.levels) < _LEAST_QUIETING:
            continue
        steps = MachineSound(machine, _AUDITION_HZ, np.random.default_rng(0)).quieting_db(_AUDITION_BANDS_HZ)
        if max(abs(step) for step in steps) >= _LEAST_CHANGE_DB:
            break
    return machine


def _with_strange_voice(machine: MachineParameters, rng: np.random.Generator, bright: bool) -> StrangerParameters:
    tilts_db, noise_tilts_db, noises_db = _BRIGHT if bright else _DARK
    tilt_db = between(rng, *tilts_db)
    case = []
    for _ in range(int(rng.integers(3, 11))):
        hz = log_between(rng, 90.0, 5000.0)
        gain_db = tilt_db * float(np.log2(hz / 90.0)) + 6.0 * float(rng.normal())
        case.append(Resonance(hz, log_between(rng, 2.0, 25.0), gain_db))
    noise, flow = (
        _bands(
            rng,
            int(rng.integers(1, 5)),
            log_between(rng, 250.0, 1500.0),
            log_between(rng, 3000.0, 9000.0),
            (0.3, 2.0),
            6.0,
            between(rng, *noise_tilts_db),
        )
        for _ in range(2)
    )
    release = (
        Resonance(log_between(rng, 250.0, 2500.0), log_between(rng, 0.3, 1.2), 0.0),
        *_bands(
            rng,
            3,
            log_between(rng, 700.0, 2500.0),
            log_between(rng, 4500.0, 10000.0),
            (0.3, 1.5),
            6.0,
            between(rng, -7.0, 3.0),
        ),
    )
    pressed = [
        Resonance(log_between(rng, 100.0, 6000.0), log_between(rng, 0.3, 6.0), between(rng, -18.0, 12.0))
        for _ in range(int(rng.integers(0, 7)))
    ]
    if rng.random() < 0.6:
        # Nearly all of it: a pump that works against a closed basket may be a tenth as loud, and still run.
        q = log_between(rng, 0.06, 0.25)
        pressed.append(Resonance(log_between(rng, 300.0, 2000.0), q, between(rng, -20.0, 6.0)))
    noise_db = between(rng, *noises_db)
    levels = machine.levels._replace(
        low_thump=log_between(rng, 0.003, 1.0),
        impact=log_between(rng, 0.005, 2.0),
        stroke_jitter=log_between(rng, 0.003, 0.3),
        tone_load_db=between(rng, -14.0, 9.0),
        impact_load_db=between(rng, -16.0, 9.0),
        wander_db=log_between(rng, 0.15, 3.0),
        noise_db=noise_db,
        noise_floor=log_between(rng, 0.01, 1.0),
        flow_db=noise_db + between(rng, -6.0, 13.0),
        noise_exponent=between(rng, 0.0, 1.3),
        flow_exponent=between(rng, 0.3, 1.7),
        choke_db=between(rng, 0.0, 15.0),
        opv_db=between(rng, -24.0, 4.0) if rng.random() < 0.4 else machine.levels.opv_db,
    )
    known = {each.name: getattr(machine, each.name) for each in fields(machine)}
    if machine.pump != "vibratory":
        known |= {"stroke_hz": log_between(rng, 18.0, 70.0), "vanes": int(rng.integers(2, 11))}
        levels = levels._replace(pattern_depth=between(rng, 0.03, 0.9))
    voice = {"case": tuple(case), "noise": noise, "flow": flow, "release": release, "pressed": tuple(pressed)}
    return StrangerParameters(**known | voice | {"kind": "stranger", "levels": levels})


def _draw_machine(kind: str, rng: np.random.Generator) -> MachineParameters:
    mains = 50.0 if rng.random() < 0.65 else 60.0
    mains *= 1.0 + 0.0015 * (2.0 * rng.random() - 1.0)
    h = _hydraulics(rng)
    v = _levels(rng)
    pump: PumpKind = "vibratory"
    stroke, vanes, lever, low_case = mains, 1, False, 110.0
    if kind == "thermoblock":
        h = h._replace(
            fill_ml=between(rng, 4.0, 35.0), air_ml=log_between(rng, 8.0, 35.0), orifice_mm=between(rng, 1.1, 2.0)
        )
        h = h._replace(refill_ml=h.fill_ml * between(rng, 0.1, 0.6), later_air_ml=h.air_ml * between(rng, 0.5, 1.0))
        v = v._replace(impact=log_between(rng, 0.05, 0.6), low_thump=between(rng, 0.0, 0.4))
        low_case = 150.0
    elif kind == "low_opv":
        h = h._replace(opv_bar=between(rng, 6.0, 9.5), opv_ml_s_bar=log_between(rng, 3.0, 15.0))
        v = v._replace(opv_db=between(rng, -20.0, 3.0), trickle_db=between(rng, -30.0, -6.0))
    elif kind == "dumper":
        h = h._replace(
            stop_lag_s=between(rng, 0.0, 0.3),
            vent_lag_s=between(rng, 0.1, 1.9),
            vent_jitter_s=between(rng, 0.0, 0.15),
            orifice_mm=between(rng, 1.0, 1.9),
        )
    elif kind == "dimmer":
        duty = between(rng, 0.35, 0.95)
        h = h._replace(duty=duty)
        if rng.random() < 0.6:
            h = h._replace(preinfusion_s=between(rng, 1.0, 6.0), preinfusion_duty=between(rng, 0.25, 0.7))
            h = h._replace(duty=1.0 if rng.random() < 0.5 else duty)
    elif kind in {"e61", "e61_rotary"}:
        lever = True
        h = h._replace(
            chamber_ml=between(rng, 8.0, 50.0),
            fill_ml=between(rng, 20.0, 80.0),
            vent_lag_s=log_between(rng, 0.03, 1.8),
            vent_jitter_s=0.0,
            stop_lag_s=0.0,
            pump_lag_s=0.0,
            valve_ramp_s=between(rng, 0.04, 0.35),
            orifice_mm=between(rng, 1.3, 3.0),
        )
        h = h._replace(vent_jitter_s=0.5 * h.vent_lag_s, refill_ml=h.fill_ml * between(rng, 0.1, 0.6))
        v = v._replace(solenoid_db=-200.0, switch_db=between(rng, -12.0, 16.0))
        low_case = 90.0
    if kind in {"e61_rotary", "cafe", "gear"}:
        if kind == "gear":
            pump = "gear"
            stroke, vanes = between(rng, 30.0, 75.0), int(rng.integers(3, 9))
            h = h._replace(
                slip=between(rng, 0.05, 0.35), stall_bar=between(rng, 11.0, 14.0), opv_bar=between(rng, 9.0, 12.0)
            )
        else:
            pump = "rotary"
            stroke, vanes = (24.2 if mains < 55.0 else 29.1) * between(rng, 0.99, 1.01), int(rng.integers(4, 10))
            h = h._replace(
                slip=between(rng, 0.0, 0.03), stall_bar=between(rng, 14.0, 18.0), opv_bar=between(rng, 8.5, 11.0)
            )
        h = h._replace(
            free_flow_ml_s=between(rng, 8.0, 30.0) if pump == "rotary" else between(rng, 6.0, 14.0),
            wear=1.0,
            restrictor_bar_s2_ml2=log_between(rng, 0.02, 0.12),
            opv_ml_s_bar=log_between(rng, 15.0, 60.0),
            steady=1.0,
            spin_up_s=log_between(rng, 0.05, 0.25),
            spin_down_s=log_between(rng, 0.06, 0.35),
        )
        noise = between(rng, -18.0, 2.0)
        v = v._replace(
            tone_load_db=between(rng, -10.0, 8.0),
            impact_load_db=between(rng, -14.0, 6.0),
            impact=log_between(rng, 0.002, 0.05),
            noise_floor=between(rng, 0.4, 1.0),
            noise_exponent=between(rng, 0.5, 1.5),
            # Most of what quietens is the water in the group: the pump itself hardly changes.
            noise_db=noise,
            flow_db=noise + between(rng, -2.0, 10.0),
            choke_db=between(rng, 1.5, 9.0),
            opv_db=between(rng, -46.0, -22.0),
            trickle_db=-200.0,
            run_hum_db=between(rng, -14.0, 2.0),
            pattern_depth=between(rng, 0.03, 0.4),
        )
    v = v._replace(choke_bar=final_pressure_bar(h) * between(rng, 0.6, 0.9))
    return _machine(rng, kind, pump, stroke, mains, vanes, h, v, lever=lever, low_case_hz=low_case)
