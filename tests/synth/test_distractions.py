"""Sounds that are not the machine's, and the endless loop of a recording."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from acoustic.synth.distractions import make_distraction
from acoustic.synth.filters import weighted_rms
from acoustic.synth.loops import Loop
from acoustic.synth.plan import Distraction, DistractionKind

MADE = [kind for kind in get_args(DistractionKind) if kind != "recording"]


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_has_its_length_and_level(kind: DistractionKind) -> None:
    distraction = Distraction(kind, 0.0, 4.0, -6.0, seed=5)
    sound = make_distraction(distraction, 16000)
    assert len(sound) == 64000
    assert np.isfinite(sound).all()
    loudest = max(weighted_rms(sound[at : at + 16000], 16000) for at in range(0, 48001, 8000))
    assert 20.0 * np.log10(loudest) == pytest.approx(-6.0, abs=0.1)
    np.testing.assert_array_equal(make_distraction(distraction, 16000), sound)


@pytest.mark.parametrize("kind", MADE)
def test_the_shortest_ones_do_not_fail(kind: DistractionKind) -> None:
    for seed in range(5):
        assert np.isfinite(make_distraction(Distraction(kind, 0.0, 0.2, 0.0, seed=seed), 8000)).all()


def test_loop_goes_on_without_a_break() -> None:
    rate_hz = 8000
    seconds = np.arange(rate_hz) / rate_hz
    tone = np.sin(2 * np.pi * 50.0 * seconds)
    loop = Loop([tone], rate_hz, np.random.default_rng(0), period_hz=50.0)
    sound = np.concatenate([loop.read(size) for size in (1, 799, 40000)])
    # In step with the mains through every jump, so no jump is steeper than the tone itself; in a crossfade of equal
    # powers the coherent tone may rise by 3 dB.
    assert np.abs(np.diff(sound)).max() < 1.5 * np.abs(np.diff(tone)).max()
    power = np.square(sound.reshape(-1, 160)).mean(axis=1)
    assert power.min() > 0.45
    assert power.max() < 1.05


def test_loop_is_the_same_in_any_pieces() -> None:
    noise = np.random.default_rng(1).standard_normal(5000)
    whole = Loop([noise], 8000, np.random.default_rng(2)).read(30000)
    loop = Loop([noise], 8000, np.random.default_rng(2))
    np.testing.assert_array_equal(np.concatenate([loop.read(size) for size in (7, 12000, 1, 17992)]), whole)
