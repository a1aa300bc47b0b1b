"""What a simulated session is made of: machine, room, microphone, background and the user's actions.

Everything here is data. The defaults describe a common home machine in a quiet kitchen; `machines`, `conditions` and
`scenarios` sample other values. Sources of the figures: pump curve, trapped air, orifice, OPV and leak from the
project's calculations; band steps, comb and start and stop transients from recordings of real machines with espresso
pucks. No recording of a real release was available: its spectrum and level are assumptions, and so sampled widely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = [
    "Action",
    "ActionKind",
    "Background",
    "Distraction",
    "DistractionKind",
    "Hydraulics",
    "MachineParameters",
    "MicrophoneParameters",
    "Plan",
    "PumpKind",
    "Resonance",
    "RoomParameters",
    "SoundLevels",
    "Splice",
    "StrangerParameters",
]

PumpKind = Literal["vibratory", "rotary", "gear"]
ActionKind = Literal["backflush", "shot", "flush", "refill", "pulse", "wait"]
DistractionKind = Literal[
    "speech",
    "music",
    "grinder",
    "steam",
    "juicer",
    "tap",
    "dishes",
    "knock",
    "appliance",
    "texture",
    "beep",
    "bump",
    "machine",
    "recording",
]


class Hydraulics(NamedTuple):
    """Water side of one machine; a named tuple, since compiled kernels read it.

    Volumes in mL, pressures in bar (gauge), flows in mL/s, times in s.
    """

    free_flow_ml_s: float = 10.7
    stall_bar: float = 15.0
    curve_exponent: float = 1.0  # flow = free * (1 - p / stall) ** exponent; 1 fits a vibratory pump's data sheet
    wear: float = 1.0  # factor on the free flow
    opv_bar: float = 11.0
    opv_ml_s_bar: float = 6.0  # how much the OPV lets through for each bar above its opening
    restrictor_bar_s2_ml2: float = 0.012  # pressure lost between pump and group: R * flow ** 2
    fill_ml: float = 40.0  # to fill before the pressure rises, first cycle
    refill_ml: float = 12.0  # the same after a release: what drains out of the group
    drain_s: float = 1.5  # how long that draining takes
    air_ml: float = 30.0  # trapped air at atmospheric pressure, first cycle
    later_air_ml: float = 24.0
    compliance_ml_bar: float = 0.3
    chamber_ml: float = 0.0  # spring-loaded preinfusion chamber (E61), taken up between 0.5 and 3 bar
    leak_ml_s: float = 0.0  # past gasket or disk, at 9 bar
    orifice_mm: float = 1.5  # exhaust path of the three-way valve
    stuck_open_mm: float = 0.0  # part of the exhaust that never shuts
    valve_ramp_s: float = 0.012
    vents: float = 1.0  # 0: no three-way valve, or it is stuck shut
    seep_ml_s: float = 0.05  # back through the pump at 9 bar: how a head without vent loses pressure
    pump_lag_s: float = 0.0  # from the switch to the pump's start
    stop_lag_s: float = 0.0  # from the switch to the pump's stop
    vent_lag_s: float = 0.05  # from the pump's stop to the valve's opening
    vent_jitter_s: float = 0.01
    spin_up_s: float = 0.03
    spin_down_s: float = 0.02
    air_in_line: float = 0.0  # share of time in which the pump sucks air
    preinfusion_s: float = 0.0  # the pump runs at `preinfusion_duty` for so long (PSM dimmer)
    preinfusion_duty: float = 1.0
    duty: float = 1.0  # share of the strokes that a PSM dimmer lets through
    steady: float = 0.0  # 1: positive displacement (rotary, gear): flow hardly falls with pressure
    slip: float = 0.0  # share of the speed lost when stalled


class SoundLevels(NamedTuple):
    """How loud each source of the machine is, and how it changes with flow and pressure.

    Levels of pump and hum in dB relative to the pump tone's RMS during the fill; from `opv_db` to `solenoid_db`
    relative to the whole fill's RMS between 0.5 and 8 kHz, as the ear compares them. `*_load_db` is the change at stall
    pressure; exponents act on flow, as amplitude.
    """

    tone_load_db: float = -4.0
    tone_bump_db: float = 0.0  # a resonance that the rising pressure passes: so much at `tone_bump_load`
    tone_bump_load: float = 0.3
    impact_load_db: float = -14.0  # the stroke's hard end stops: lines beyond 700 Hz
    impact: float = 0.08
    stroke_width: float = 0.4  # share of the period
    stroke_jitter: float = 0.03
    low_thump: float = 0.5  # the stroke's own low frequencies, not passed through a resonance
    resonance_shift: float = 0.0  # relative shift of the resonances at stall
    noise_db: float = -15.0  # noise of valves and water in the pump, pulsed with the strokes
    noise_exponent: float = 0.9
    noise_floor: float = 0.12  # share of it that does not pulse
    noise_rise_db: float = 3.0  # shortly before the pressure is up
    choke_db: float = 5.0  # drop of both water noises when the pressure passes `choke_bar`: cavitation ends
    choke_bar: float = 7.5
    choke_width_bar: float = 0.5
    prime_db: float = 0.0  # louder (or softer) at first, until air is out of the pump
    prime_s: float = 0.8
    wander_db: float = 0.4  # slow random wandering of tone and noise, as standard deviation
    flow_db: float = -13.0  # water rushing into the group
    flow_exponent: float = 1.5
    opv_db: float = -24.0  # at 5 mL/s
    trickle_db: float = -45.0  # drops falling from the OPV's drain into the tray
    release_db: float = 6.0  # at the beginning of a release from 9 bar through 1.5 mm
    release_exponent: float = 1.0  # of its amplitude over the jet's speed, its own area apart
    gurgle_db: float = -6.0
    drip_db: float = -20.0
    splash_db: float = 0.0  # water falling into the tray or a cup at 8 mL/s
    switch_db: float = 16.0  # peak of the clicks
    solenoid_db: float = 16.0
    idle_hum_db: float = -36.0  # mains hum with the pump off
    run_hum_db: float = -30.0  # motor hum with the pump on
    idle_hiss_db: float = -60.0
    pattern_depth: float = 0.0  # unequal strokes or vanes


@dataclass(frozen=True, slots=True)
class Resonance:
    """One resonance: centre, width as Q, gain in dB relative to its siblings."""

    frequency_hz: float
    q: float
    gain_db: float = 0.0


def _resonances(*rows: tuple[float, float, float]) -> tuple[Resonance, ...]:
    return tuple(Resonance(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class Splice:
    """Real pump sound instead of the synthetic: stretches of recordings, as (file, start_s, stop_s).

    The stretches are looped with crossfades; the physics keeps the timing, and the release stays synthetic. Recordings
    of shots quieten less than a blind basket does: `deepen_db` takes so much more off the pressurised sound above
    600 Hz.
    """

    fill: tuple[tuple[str, float, float], ...]
    pressurised: tuple[tuple[str, float, float], ...]
    mains_hz: float = 50.0
    deepen_db: float = 0.0


@dataclass(frozen=True, slots=True)
class MachineParameters:
    """One machine: kind, water side, sound levels and resonances."""

    kind: str = "home"
    pump: PumpKind = "vibratory"
    mains_hz: float = 50.0
    stroke_hz: float = 50.0  # strokes (vibratory) or shaft turns (rotary, gear) a second
    vanes: int = 1  # pulses a turn
    lever: bool = False  # E61: no electric click, the vent follows the lever
    hydraulics: Hydraulics = field(default_factory=Hydraulics)
    levels: SoundLevels = field(default_factory=SoundLevels)
    case: tuple[Resonance, ...] = _resonances(
        (158, 5, 0),
        (207, 6, 1),
        (262, 7, -2),
        (410, 7, -4),
        (640, 8, -6),
        (1050, 8, -8),
        (1800, 7, -10),
        (2900, 6, -14),
    )
    noise: tuple[Resonance, ...] = _resonances((900, 0.8, 0), (3200, 0.7, -3))
    flow: tuple[Resonance, ...] = _resonances((1400, 0.6, 0), (5000, 0.8, -4))
    opv: tuple[Resonance, ...] = _resonances((2500, 0.7, 0), (6000, 0.9, -3))
    release: tuple[Resonance, ...] = _resonances((700, 0.6, 0), (3500, 0.5, 0))
    splash: tuple[Resonance, ...] = _resonances((1800, 0.5, 0), (5500, 0.6, -6))
    switch: tuple[Resonance, ...] = _resonances((1700, 12, 0), (3900, 15, -2), (6500, 12, -6))
    solenoid: tuple[Resonance, ...] = _resonances((420, 9, 0), (1300, 14, -2), (3100, 18, -6))
    splice: Splice | None = None


@dataclass(frozen=True, slots=True)
class StrangerParameters(MachineParameters):
    """A machine of no kind; `pressed` is what its pump's sound is passed through, the more the further it quietens."""

    pressed: tuple[Resonance, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomParameters:
    """A room as its reverberation time, brightness and the distance between machine and microphone."""

    t60_s: float = 0.45
    high_t60_ratio: float = 0.5  # T60 at 8 kHz over that at 500 Hz
    distance_m: float = 0.8
    critical_distance_m: float = 1.0  # where direct and reverberant sound are equally loud
    size_m: float = 3.5  # sets delays of the early reflections


@dataclass(frozen=True, slots=True)
class MicrophoneParameters:
    """A microphone and what the system behind it does to the sound."""

    fill_dbfs: float = -30.0  # level of the machine's first fill at the converter
    highpass_hz: float = 90.0
    highpass_order: int = 1
    lowpass_hz: float = 16000.0
    lowpass_order: int = 2
    equaliser: tuple[Resonance, ...] = ()
    noise_dbfs: float = -78.0
    dc: float = 0.0
    clip_dbfs: float = 0.0
    soft_clip: bool = False
    agc_db: float = 0.0  # largest gain of an automatic gain control; 0 is off
    agc_target_dbfs: float = -22.0
    suppression_db: float = 0.0  # deepest attenuation of a noise suppressor; 0 is off
    dropout_per_min: float = 0.0  # short gaps of zeros, as Bluetooth makes them


@dataclass(frozen=True, slots=True)
class Background:
    """Stationary noise of the room.

    `snr_db` compares the first fill with the noise, both weighted to 0.5-8 kHz, where quieting is heard.
    """

    snr_db: float = 30.0
    slope_db_octave: float = -5.0
    corner_hz: float = 150.0  # below it the noise stays flat
    swell_db: float = 1.0  # slow wandering of its level
    hum_db: float = -20.0  # mains hum of fridge and lamps, relative to the noise
    fan_db: float = -60.0  # laptop fan beside the microphone, relative to the noise
    fan_hz: float = 380.0
    bed: str = ""  # a recording that goes on all the time
    bed_db: float = 0.0  # its level relative to the noise


@dataclass(frozen=True, slots=True)
class Distraction:
    """One sound that is not the machine's; `level_db` relative to the first fill, weighted as for `Background`."""

    kind: DistractionKind
    start_s: float
    duration_s: float
    level_db: float
    distance_m: float = 1.5
    seed: int = 0
    file: str = ""
    offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the user, or the machine by itself, does.

    Parameters
    ----------
    kind
        `backflush` runs the pump against the blind basket, `shot` against coffee, `flush` with the handle off; `refill`
        and `pulse` are the machine's own doing; `wait` does nothing.
    gap_s
        Quiet before it, counted from the previous pump stop.
    hold_s
        Pump stops so long after the quieting was 80 % complete.
    run_s
        Pump stops so long after its start, or a `wait` lasts so long. Of several rules, the first to come true counts.
    stop_share
        Pump stops when the group reaches this share of the final pressure: an early stop.
    resistance
        Of a puck: flow in mL/s at 9 bar. Of a refill: back pressure in bar.
    """

    kind: ActionKind
    gap_s: float = 6.0
    hold_s: float | None = None
    run_s: float | None = None
    stop_share: float | None = None
    resistance: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole session: one machine in one room before one microphone, and what happens."""

    condition: str = "home"
    scenario: str = "cleaning"
    fault: str = ""
    lead_s: float = 5.0
    tail_s: float = 4.0
    machine: MachineParameters = MachineParameters()
    room: RoomParameters = RoomParameters()
    microphone: MicrophoneParameters = MicrophoneParameters()
    background: Background = Background()
    actions: tuple[Action, ...] = ()
    distractions: tuple[Distraction, ...] = ()
