"""Machines of no kind: whatever they sound like, something changes when the pressure is up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from acoustic.synth import Action, Simulator, sample_plan, synthesise
from acoustic.synth.machine_sound import MachineSound
from acoustic.synth.machines import sample_stranger

BANDS_HZ = ((140.0, 300.0), (700.0, 1500.0), (3000.0, 6000.0), (700.0, 6000.0))


def steps_db(machine):
    return MachineSound(machine, 16_000, np.random.default_rng(0)).quieting_db(BANDS_HZ)


@pytest.mark.parametrize("seed", range(6))
def test_something_changes_when_the_pressure_is_up(seed):
    machine = sample_stranger(np.random.default_rng(seed))
    assert machine.kind == "stranger"
    assert max(abs(step) for step in steps_db(machine)) >= 4.0


def test_they_change_in_every_direction():
    steps = np.array([steps_db(sample_stranger(np.random.default_rng(seed))) for seed in range(30)])
    # The band of the pump's tone grows louder in some and softer in others; so do the high frequencies.
    assert (steps[:, 0] > 2.0).any()
    assert (steps[:, 0] < -6.0).any()
    assert (steps[:, 2] > 0.0).any()
    assert (steps[:, 2] < -12.0).any()


def test_some_are_far_softer_as_a_whole_and_some_hardly():
    loudest = [max(steps_db(sample_stranger(np.random.default_rng(seed)))) for seed in range(30)]
    assert min(loudest) < -10.0
    assert max(loudest) > 3.0


def test_the_bright_ones_hiss_or_whine_more_than_they_hum():
    def rises_db(bright):
        rises = []
        for seed in range(30):
            machine = sample_stranger(np.random.default_rng(seed), bright=bright)
            fill = MachineSound(machine, 16_000, np.random.default_rng(0)).steady_fill(1.0)
            power = np.abs(np.fft.rfft(fill)) ** 2
            hz = np.fft.rfftfreq(len(fill), 1 / 16_000)
            high, low = (power[(hz >= first) & (hz < last)].sum() for first, last in ((2400, 6200), (60, 600)))
            rises.append(10.0 * np.log10(high / low))
        return np.percentile(rises, [10, 50, 90])

    dark, bright = rises_db(False), rises_db(True)
    assert (bright > dark + 5.0).all()
    assert bright[1] > 0.0 > dark[1]


def test_their_motors_turn_at_any_speed_but_a_vibratory_pump_keeps_to_the_mains():
    machines = [sample_stranger(np.random.default_rng(seed)) for seed in range(40)]
    motors = [machine.stroke_hz for machine in machines if machine.pump != "vibratory"]
    assert min(motors) < 23.0
    assert max(motors) > 40.0
    assert all(machine.stroke_hz == machine.mains_hz for machine in machines if machine.pump == "vibratory")


def test_what_the_pressed_sound_is_passed_through_is_heard_in_the_hold_only():
    machine = next(
        machine for seed in range(50) if len((machine := sample_stranger(np.random.default_rng(seed))).pressed) > 1
    )
    plain = replace(machine, pressed=())
    fills = [MachineSound(each, 16_000, np.random.default_rng(0)).steady_fill(0.5) for each in (machine, plain)]
    np.testing.assert_array_equal(*fills)
    assert np.abs(np.subtract(steps_db(machine), steps_db(plain))).max() > 0.5


def test_a_strangers_cycles_are_complete_and_any_division_gives_the_same_sound():
    draw = np.random.default_rng(4)
    plan = sample_plan("home", draw, "stranger")
    plan = replace(plan, actions=(Action("backflush", hold_s=1.0, run_s=60.0),), distractions=())
    state = draw.bit_generator.state
    assert synthesise(plan, draw, 8000).truth.cycles == 1
    pieces = []
    for size in (8000, 1000):
        draw.bit_generator.state = state
        simulator = Simulator(plan, draw, 8000)
        pieces.append(np.concatenate([simulator.render(size) for _ in range(24_000 // size)]))
    np.testing.assert_allclose(*pieces, atol=1e-6)
