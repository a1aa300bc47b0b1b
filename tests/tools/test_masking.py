"""The measure of what can be heard at all: machine and room apart are what is heard together."""

from dataclasses import replace

import numpy as np
import pytest

from acoustic.synth import Background, MicrophoneParameters, Plan, Run, sample_plan, synthesise
from acoustic.tools.evaluate import SimulatedSession
from benchmarks.masking import RATE_HZ, hear, quieting_change_db, quieting_heard_s, render_part, whoosh_rise_db


def noise(seconds: float, level_db: float, seed: int) -> np.ndarray:
    return 10 ** (level_db / 20) * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def draw() -> tuple[Plan, np.random.Generator]:
    rng = np.random.default_rng(4)
    plan = sample_plan("cafe", rng, scenario="cleaning")
    return replace(plan, microphone=MicrophoneParameters(noise_dbfs=-90.0), actions=plan.actions[:1]), rng


def test_machine_and_room_add_up_to_the_session():
    machine, room = (render_part(*draw(), machine=which) for which in (True, False))
    whole = synthesise(*draw(), RATE_HZ).samples
    assert min(machine.std(), room.std()) > 0.03 * whole.std()
    assert np.abs(machine + room - whole).max() < 1e-4


RUN = Run("backflush", 0.0, quieting_50_s=2.0, quieting_80_s=2.1, pump_off_s=4.0, vent_s=4.0, release_peak_ml_s=20.0)


@pytest.mark.parametrize(
    ("room_db", "change_db"),
    [pytest.param(-60.0, 20.0, id="quiet"), pytest.param(0.0, 2.97, id="as loud"), pytest.param(20.0, 0.04, id="loud")],
)
def test_a_quieting_changes_the_sound_by_less_the_louder_the_room(room_db, change_db):
    sound = np.concatenate([noise(2.0, 0.0, 1), noise(3.0, -20.0, 2)])
    change, rooms = quieting_change_db(RUN, sound, noise(5.0, room_db, 3))
    # Of noise, the three bands that change most do so by somewhat more than it does as a whole.
    assert change == pytest.approx(change_db, abs=2.5)
    assert rooms < 2.5


@pytest.mark.parametrize(("at_s", "else_db"), [(2.1, -60.0), (1.8, -60.0), (2.1, -20.0)])
def test_when_a_quieting_was_heard_is_known(at_s, else_db):
    quiet = noise(5.0, 0.0, 1)
    quiet[round(at_s * RATE_HZ) :] *= 0.1
    heard_s = quieting_heard_s(replace(RUN, quieting_100_s=2.2), quiet + noise(5.0, else_db, 2), noise(5.0, -30.0, 3))
    assert heard_s == pytest.approx(at_s - 2.1, abs=0.12)


def test_what_goes_on_covers_the_end_of_a_quieting():
    shares = np.clip((np.arange(5 * RATE_HZ) / RATE_HZ - 1.0) / 1.25, 0.0, 1.0)
    run = replace(RUN, quieting_50_s=1.625, quieting_80_s=2.0, quieting_100_s=2.2)
    water = noise(5.0, 0.0, 1) * 10 ** (-2.0 * shares)
    alone, beside = (quieting_heard_s(run, water + noise(5.0, db, 2), noise(5.0, -80.0, 3)) for db in (-60.0, -20.0))
    assert alone == pytest.approx(0.0, abs=0.15)
    assert beside < -0.3


@pytest.mark.parametrize("off_s", [2.5, 2.8, 4.0])
def test_how_long_a_hold_is_makes_no_difference(off_s):
    sound = np.concatenate([noise(2.0, 0.0, 1), noise(3.0, -20.0, 2)])
    change, rooms = quieting_change_db(replace(RUN, pump_off_s=off_s), sound, noise(5.0, -20.0, 3))
    assert change == pytest.approx(17.0, abs=2.5)
    assert rooms < 2.5


def test_a_hold_too_short_to_measure_is_left_out():
    assert quieting_change_db(replace(RUN, pump_off_s=2.2), noise(5.0, 0.0, 1), noise(5.0, 0.0, 2)) is None


def test_a_whoosh_stands_over_the_room_by_its_level():
    sound = np.concatenate([noise(4.0, -40.0, 1), noise(1.0, 10.0, 2)])
    rise, rooms = whoosh_rise_db(RUN, sound, noise(5.0, 0.0, 3))
    assert rise == pytest.approx(10.4, abs=2.0)
    assert rooms < 4.0
    assert whoosh_rise_db(replace(RUN, release_peak_ml_s=0.0), sound, sound) is None


class Short(SimulatedSession):
    """A session of two runs in a room of this level."""

    snr_db = 30.0

    def draw(self):
        plan, rng = super().draw()
        return replace(plan, actions=plan.actions[:2], distractions=(), background=Background(snr_db=self.snr_db)), rng


class Drowned(Short):
    """The same in a room that is louder by far."""

    snr_db = -40.0


def test_of_a_session_it_is_known_how_many_of_its_cycles_can_be_heard():
    clear, drowned = (hear(session("home", "cleaning", 5, 0)) for session in (Short, Drowned))
    assert clear.exact
    assert clear.cycles == clear.clear == 2
    assert not drowned.exact
    assert (drowned.cycles, drowned.clear) == (2, 0)
