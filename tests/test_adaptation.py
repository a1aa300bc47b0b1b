"""What a session teaches of its machine: measured on made-up levels."""

import numpy as np
import pytest

from acoustic import adaptation
from acoustic.adaptation import MOST_TIMES, MachineMemory, Plateaus, PressureTimes
from acoustic.config import AdaptationOptions

FILL = np.array([-50.0, -40.0, -45.0, -60.0])
HOLD = np.array([-50.0, -46.0, -55.0, -58.0])
OPTIONS = AdaptationOptions()
F, H = 1, 2


def plateaus(shift_db=0.0):
    return Plateaus(FILL + shift_db, HOLD + shift_db, np.full(4, 1.0))


@pytest.fixture
def machine():
    memory = MachineMemory()
    memory.learn(1, plateaus())
    return memory


def frames(level, count=100):
    return np.tile(level, (count, 1)).astype(np.float32)


def change(machine, level, count=100):
    """What is taken from fill and from hold in each frame."""
    machine.begin_run()
    machine.adapt(frames(FILL, OPTIONS.wait_frames), np.zeros((OPTIONS.wait_frames, 4)), F, H)
    log_likelihood = np.zeros((count, 4))
    machine.adapt(frames(level, count), log_likelihood, F, H)
    assert (log_likelihood[:, [0, 3]] == 0).all()
    return log_likelihood[-1, F], log_likelihood[-1, H]


def test_nothing_is_known_at_first():
    assert not MachineMemory().known


def test_a_machine_that_hardly_changes_teaches_nothing():
    memory = MachineMemory()
    memory.learn(1, Plateaus(FILL, FILL + 0.5, np.full(4, 1.0)))
    assert not memory.known


@pytest.mark.parametrize("spread_db", [1.0, 2.5, 3.0])
def test_what_is_known_less_clearly_says_less(spread_db):
    clearly, faintly = MachineMemory(), MachineMemory()
    clearly.learn(1, plateaus())
    faintly.learn(1, Plateaus(FILL, HOLD, np.full(4, spread_db)))
    apart = np.sqrt((np.square(HOLD - FILL) / (spread_db**2 + OPTIONS.least_spread_db**2)).sum())
    assert OPTIONS.min_clear < apart
    assert faintly.known
    share = min((apart / OPTIONS.full_clear) ** 2, 1.0)
    assert change(faintly, HOLD)[0] == pytest.approx(share * change(clearly, HOLD)[0], rel=1e-3)


def test_what_was_taken_back_is_forgotten(machine):
    machine.learn(2, plateaus(6.0))
    machine.forget(3)
    assert machine.progress(np.stack([FILL, HOLD])) != pytest.approx([0.0, 1.0])
    machine.forget(2)
    assert machine.progress(np.stack([FILL, HOLD])) == pytest.approx([0.0, 1.0])
    machine.forget(1)
    assert not machine.known


def test_a_cycle_may_be_taken_back_while_the_pump_runs(machine):
    machine.learn(2, plateaus())
    machine.begin_run()
    machine.adapt(frames(FILL, 60), np.zeros((60, 4)), F, H)
    machine.forget(2)
    log_likelihood = np.zeros((60, 4))
    machine.adapt(frames(FILL, 60), log_likelihood, F, H)
    assert (log_likelihood[OPTIONS.wait_frames :, H] < 0).all()


def test_progress_goes_from_fill_to_hold(machine):
    assert machine.known
    assert machine.progress(np.stack([FILL, 0.5 * (FILL + HOLD), HOLD])) == pytest.approx([0.0, 0.5, 1.0])


def test_what_is_far_from_a_plateau_is_lowered(machine):
    assert change(machine, FILL) == (0.0, -OPTIONS.most_odds)
    fill, hold = change(machine, HOLD)
    assert fill < -0.5
    assert hold == 0.0


def test_half_way_is_still_a_fill(machine):
    fill, hold = change(machine, 0.5 * (FILL + HOLD))
    assert fill == 0.0
    assert hold < 0.0


def test_another_place_or_machine_is_left_alone(machine):
    machine.begin_run()
    log_likelihood = np.zeros((200, 4))
    machine.adapt(frames(FILL + 10.0, 200), log_likelihood, F, H)
    assert (log_likelihood == 0).all()


def test_any_division_of_a_run_gives_the_same(machine):
    levels = np.concatenate([frames(FILL, 80), frames(HOLD, 80)])
    whole, parts = np.zeros((160, 4)), np.zeros((160, 4))
    machine.begin_run()
    machine.adapt(levels, whole, F, H)
    machine.begin_run()
    for first, last in ((0, 1), (1, 34), (34, 36), (36, 160)):
        machine.adapt(levels[first:last], parts[first:last], F, H)
    assert np.array_equal(whole, parts)
    assert (whole != 0).any()


def test_the_last_cycles_count(machine):
    for _ in range(OPTIONS.cycles):
        machine.learn(2, plateaus(-6.0))
    assert machine.mismatch_db(FILL - 6.0, hold=False) == pytest.approx(0.0)
    assert machine.mismatch_db(HOLD - 5.0, hold=True) == pytest.approx(1.0)


def test_reset_forgets(machine):
    machine.reset()
    assert not machine.known


HOP_S = 0.01
ANY = np.full(4000, 1 / 4000)


def heard(at_s, spread_s=0.1, frames=3000):
    """Log-likelihood of pressure after each duration: a hump."""
    return -0.5 * (((np.arange(frames) + 1) * HOP_S - at_s) / spread_s) ** 2


def share(pmf, first_s, last_s):
    return pmf[round(first_s / HOP_S) : round(last_s / HOP_S)].sum()


def test_a_machine_takes_as_long_as_it_did():
    times = PressureTimes()
    assert times.until_pressure(ANY, HOP_S) is None
    assert times.next_fill_s(0.95) is None
    for cycle in (1, 2, 3):
        times.learn(cycle, heard(5.0), HOP_S, 0.95, first=False)
    pmf = times.until_pressure(ANY, HOP_S)
    assert pmf.sum() == pytest.approx(1.0)
    assert share(pmf, 4.0, 6.2) > 0.8
    assert 5.0 < times.next_fill_s(0.95) < 6.5
    # Nothing is impossible: a handle is changed, a tank runs dry.
    assert (pmf > 0).all()


def test_cycles_that_leave_it_open_agree_on_what_all_of_them_allow():
    """Each run alone could have come to pressure at either of two moments; only one of them is common to all."""
    times = PressureTimes()
    for cycle, other_s in enumerate((2.0, 9.0, 14.0), 1):
        times.learn(cycle, np.logaddexp(heard(5.0), heard(other_s)), HOP_S, 0.95, first=False)
    assert share(times.until_pressure(ANY, HOP_S), 4.0, 6.2) > 0.75


def test_the_first_run_takes_longer_and_says_less():
    first, later = PressureTimes(), PressureTimes()
    first.learn(1, heard(10.0), HOP_S, 0.95, first=True)
    later.learn(1, heard(10.0), HOP_S, 0.95, first=False)
    seconds = (np.arange(len(ANY)) + 1) * HOP_S
    means = [float((each.until_pressure(ANY, HOP_S) - 0.07 * ANY) @ seconds) / 0.93 for each in (first, later)]
    assert means[0] < 9.0 < means[1] < 11.0
    assert share(first.until_pressure(ANY, HOP_S), 3.0, 6.0) > share(later.until_pressure(ANY, HOP_S), 3.0, 6.0)


def test_a_change_of_habits_is_learned_within_a_few_cycles():
    times = PressureTimes()
    for cycle in range(1, 6):
        times.learn(cycle, heard(2.5), HOP_S, 0.95, first=False)
    for cycle in range(6, 9):
        times.learn(cycle, heard(8.0), HOP_S, 0.95, first=False)
    assert share(times.until_pressure(ANY, HOP_S), 6.5, 9.5) > 0.7


def test_a_time_that_was_taken_back_is_forgotten():
    times = PressureTimes()
    times.learn(1, heard(5.0), HOP_S, 0.95, first=False)
    times.forget(2)
    assert times.known
    times.forget(1)
    assert not times.known
    assert times.until_pressure(ANY, HOP_S) is None


def test_what_says_nothing_teaches_nothing():
    times = PressureTimes()
    times.learn(1, np.full(200, -np.inf), HOP_S, 0.95, first=False)
    assert not times.known


def test_a_run_is_compared_with_what_is_known():
    times = PressureTimes()
    assert times.agreement(5.0, 8.0) == (0.0, 0.5)
    for cycle in (1, 2):
        times.learn(cycle, heard(5.0), HOP_S, 0.95, first=False)
    like, due = times.agreement(5.0, 8.0)
    unlike, early = times.agreement(1.5, 2.0)
    assert like > 1.0 > 0.0 > unlike
    assert due > 0.9 > 0.1 > early


def test_what_so_many_cycles_ago_taught_is_dropped_and_was_worth_nothing():
    short, long = PressureTimes(), PressureTimes()
    for cycle in range(1, MOST_TIMES + 100):
        long.learn(cycle, heard(9.0 if cycle < 100 else 5.0), HOP_S, 0.95, first=False)
        if cycle >= 100:
            short.learn(cycle, heard(5.0), HOP_S, 0.95, first=False)
    np.testing.assert_array_equal(long.until_pressure(ANY, HOP_S), short.until_pressure(ANY, HOP_S))
    # Beyond recall as well.
    long.forget(1)
    np.testing.assert_array_equal(long.until_pressure(ANY, HOP_S), short.until_pressure(ANY, HOP_S))


def test_one_cycle_more_than_are_remembered_changes_next_to_nothing(monkeypatch):
    bounded, unbounded = PressureTimes(), PressureTimes()
    for cycle in range(1, MOST_TIMES + 10):
        bounded.learn(cycle, heard(9.0 if cycle < 10 else 5.0), HOP_S, 0.95, first=False)
    monkeypatch.setattr(adaptation, "MOST_TIMES", 10**6)
    for cycle in range(1, MOST_TIMES + 10):
        unbounded.learn(cycle, heard(9.0 if cycle < 10 else 5.0), HOP_S, 0.95, first=False)
    wanted = unbounded.until_pressure(ANY, HOP_S)
    np.testing.assert_allclose(bounded.until_pressure(ANY, HOP_S), wanted, rtol=1e-6)
