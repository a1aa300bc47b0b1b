"""A short training must already beat chance by far; what it writes must load again, and say the same."""

from dataclasses import replace

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.decoder import PossiblePressure, State
from acoustic.emission import N_COLUMNS
from acoustic.errors import BackflushError, ModelError
from acoustic.evidence import EVIDENCE_NAMES, HeardRun, RunFrames, Trees, compare
from acoustic.features.extractor import FeatureExtractor
from acoustic.model import load_model
from acoustic.pump import PUMP_NAMES
from acoustic.quieting import QUIETING_NAMES
from acoustic.tools.learn import (
    LearnOptions,
    _KeptEvidence,
    _quieting_truth,
    fit_judge,
    fit_networks,
    fit_pump,
    fit_quieting,
    fit_whoosh,
    pump_vectors,
    quieting_vectors,
    run_vectors,
    train,
    whoosh_vectors,
)
from acoustic.tools.lessons import LessonOptions, make_lesson
from acoustic.whoosh import WHOOSH_NAMES

pytest.importorskip("torch", reason="training needs torch and scikit-learn: BACKFLUSH_TEST_TRAINING=1 bash tests/run")
pytest.importorskip("sklearn", reason="training needs torch and scikit-learn: BACKFLUSH_TEST_TRAINING=1 bash tests/run")

MATERIAL = LessonOptions(
    scenarios=(("cleaning", 0.7), ("early_stops", 0.3)), conditions=(("home", 1.0),), cut_share=0.0, foreign_share=0.0
)
OPTIONS = LearnOptions(
    epochs=8,
    batch=512,
    streams=12,
    stretch=400,
    keep=0.3,
    phases_hidden=(24, 16, 12),
    release_hidden=(24, 12),
    judge_trees=30,
    # The tests' other workers have the other cores.
    threads=1,
)


@pytest.fixture(scope="module")
def material():
    return [make_lesson(index, 1, MATERIAL) for index in range(24)]


@pytest.fixture(scope="module")
def emission(material):
    fitted, _ = fit_networks(material[:16], OPTIONS, say=lambda text: None)
    return fitted


def accuracy(emission, lessons):
    right, total = 0, 0
    for lesson in lessons:
        heard = emission.log_likelihood(lesson.features.astype(np.float32), emission.new_state())
        best = heard[:, :4].argmax(axis=1)
        known = lesson.labels >= 0
        right += (best == lesson.labels)[known].sum()
        total += known.sum()
    return right / total


def test_sixteen_sessions_teach_most_of_it(emission, material):
    assert accuracy(emission, material[16:]) > 0.75


def test_the_same_seed_gives_the_same_networks(material):
    options = replace(OPTIONS, epochs=2)
    (first, _), (again, _) = (fit_networks(material[:6], options, say=lambda text: None) for _ in range(2))
    assert np.allclose(again.phases.w1, first.phases.w1, atol=1e-3)
    other, _ = fit_networks(material[:6], replace(options, seed=1), say=lambda text: None)
    assert not np.allclose(other.phases.w1, first.phases.w1, atol=1e-1)


def test_a_training_goes_on_from_where_another_ended(emission, material):
    # A step that moves nothing gives back what it began with, in whatever way the inputs are standardised now.
    options = replace(OPTIONS, epochs=1, learning_rate=1e-9, release_rate=1e-9)
    same, _ = fit_networks(material[:12], options, say=lambda text: None, begin=emission)
    features = material[16].features.astype(np.float32)
    heard, again = (each.log_likelihood(features, each.new_state())[:, :4] for each in (emission, same))
    # The shares that are taken out differ, by the same in every frame.
    assert np.ptp(heard - again, axis=0).max() < 0.01
    assert not np.array_equal(same.phases.w1, emission.phases.w1)


def test_bands_are_moved_where_that_is_asked_for(material):
    options = replace(OPTIONS, epochs=1, streams=4)
    never, nowhere, always = (
        fit_networks(material[:4], replace(options, shifted_share=share, band_shift=most), say=lambda text: None)[0]
        for share, most in ((0.0, 2), (0.0, 0), (1.0, 2))
    )
    assert np.allclose(never.phases.w1, nowhere.phases.w1, atol=1e-4)
    assert not np.allclose(never.phases.w1, always.phases.w1, atol=1e-2)


def test_runs_are_paired_with_the_truth(emission, material):
    vectors, complete, session = run_vectors(emission, material[16:])
    assert len(vectors) == len(complete) == len(session)
    assert np.isfinite(vectors).all()
    true = sum(run.complete for lesson in material[16:] for run in lesson.runs)
    assert 0.5 * true <= complete.sum() <= true


def test_parts_are_kept_as_they_were_told_and_not_as_one_run():
    features = FeatureExtractor()
    kept = _KeptEvidence(FeatureOptions(), features.names)
    kept.reset()
    rows = np.zeros((2000, len(features.names)), np.float32), np.full((2000, kept.n_bands + 1), -60.0, np.float32)
    kept.push(*rows, np.zeros((2000, N_COLUMNS)))
    # A first part, a second one, both; a third one, all three.
    spans = ((100, 400), (450, 800), (100, 800), (850, 1200), (100, 1200))
    for on, off in spans:
        kept.measure(RunFrames(on, off, None, off + 40))
    assert [(run.on, run.off) for run, _ in kept.seen] == [(100, 400), (450, 800), (850, 1200)]


def test_the_judge_is_shown_runs_whose_whoosh_was_measured(emission, material):
    # A tree of one question: what stands out of the room is a whoosh. Of an ear that hears nothing, nothing does.
    stands_out = Trees(
        feature=np.array([WHOOSH_NAMES.index("now-before all"), 0, 0]),
        threshold=np.array([3.0, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        value=np.array([0.0, -5.0, 5.0]),
        roots=np.array([0]),
        baseline=np.zeros(1),
    )
    vectors, complete, _ = run_vectors(emission, material[16:], whoosh=stands_out)
    assert (vectors[complete, EVIDENCE_NAMES.index("released")] > 0).mean() > 0.5


def test_the_judge_beats_the_majority(emission, material):
    vectors, complete, session = run_vectors(emission, material)
    judge = fit_judge(vectors, complete, session, OPTIONS, say=lambda text: None)
    runs = [HeardRun.of(judge.odds_of(vector), vector) for vector in vectors]
    alone = np.array([run.odds > 0 for run in runs])
    others = [[runs[k] for k in np.flatnonzero(session == own)] for own in session]
    among = [
        compare(run, [other for other in each if other is not run and other.released], ())
        for run, each in zip(runs, others, strict=True)
    ]
    together = np.array([judge.probability(context) > 0.5 for context in among])
    for said in (alone, together):
        assert (said == complete).mean() > max(complete.mean(), 1 - complete.mean()) + 0.05


def test_the_judge_of_whooshes_beats_the_belief_in_them(emission, material):
    vectors, released, session, weight = whoosh_vectors(emission, material)
    assert np.isfinite(vectors).all()
    assert 0 < released.sum() < len(released)
    apart = session % 2 == 0
    options = replace(OPTIONS, whoosh_smallest=20)
    fitted = fit_whoosh(vectors[apart], released[apart], session[apart], weight[apart], options, say=lambda text: None)
    odds = np.array([fitted.odds(vector) for vector in vectors[~apart]])
    believed = vectors[~apart, WHOOSH_NAMES.index("release_belief")]
    sign = np.where(released[~apart], -1.0, 1.0)
    losses = [np.average(np.logaddexp(0.0, sign * each), weights=weight[~apart]) for each in (odds, believed)]
    assert losses[0] < losses[1]


def test_the_judge_of_pumps_tells_them_from_foreign_sounds(emission):
    strange = replace(MATERIAL, foreign_share=0.6)
    mixed = [make_lesson(index, 2, strange) for index in range(40)]
    vectors, running, session, weight = pump_vectors(emission, mixed)
    assert vectors.shape == (len(running), len(PUMP_NAMES))
    assert np.isfinite(vectors).all()
    assert 0 < running.sum() < len(running)
    apart = session % 2 == 0
    options = replace(OPTIONS, pump_trees=60, pump_smallest=10)
    fitted = fit_pump(vectors[apart], running[apart], session[apart], weight[apart], options, say=lambda text: None)
    odds = np.array([fitted.odds(vector) for vector in vectors[~apart]])
    loss = np.average(np.logaddexp(0.0, np.where(running[~apart], -odds, odds)), weights=weight[~apart])
    share = np.average(running[~apart], weights=weight[~apart])
    assert loss < 0.8 * -(share * np.log(share) + (1 - share) * np.log(1 - share))


def test_a_judge_of_pumps_that_has_seen_nothing_else_takes_everything_for_one():
    vectors = np.zeros((30, len(PUMP_NAMES)))
    every = np.ones(30, bool)
    said = []
    fitted = fit_pump(vectors, every, np.arange(30), np.ones(30), OPTIONS, say=said.append)
    assert fitted.probability(vectors[0]) > 0.99
    assert "nothing to tell it from" in said[0]


def test_the_judge_of_quietings_beats_the_belief_in_them(emission, material):
    vectors, quiet, session, weight = quieting_vectors(emission, material)
    assert vectors.shape == (len(quiet), len(QUIETING_NAMES))
    assert np.isfinite(vectors).all()
    assert 0 < quiet.sum() < len(quiet)
    apart = session % 2 == 0
    options = replace(OPTIONS, quieting_trees=60, quieting_smallest=20)
    fitted = fit_quieting(vectors[apart], quiet[apart], session[apart], weight[apart], options, say=lambda text: None)
    odds = np.array([fitted.odds(vector) for vector in vectors[~apart]])
    believed = vectors[~apart, QUIETING_NAMES.index("hold_belief")].clip(1e-6, 1.0 - 1e-6)
    sign = np.where(quiet[~apart], -1.0, 1.0)
    of_belief = np.log(believed) - np.log1p(-believed)
    losses = [np.average(np.logaddexp(0.0, sign * each), weights=weight[~apart]) for each in (odds, of_belief)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    ("quiet", "likely"), [(np.zeros(0, bool), 0.0), (np.zeros(9, bool), 0.0), (np.ones(9, bool), 1.0)]
)
def test_a_judge_of_quietings_that_has_seen_only_one_thing_takes_everything_for_it(quiet, likely):
    vectors = np.zeros((len(quiet), len(QUIETING_NAMES)))
    said = []
    fitted = fit_quieting(vectors, quiet, np.arange(len(quiet)), np.ones(len(quiet)), OPTIONS, say=said.append)
    assert fitted.probability(np.zeros(len(QUIETING_NAMES))) == pytest.approx(likely, abs=0.01)
    assert "nothing to tell it from" in said[0]


def test_what_is_learned_of_quietings_is_what_truly_happened(emission):
    """Before it is complete it is none; what has been quiet for long, is over, or is a shot, teaches nothing."""
    lesson = next(made for k in range(60) if (made := make_lesson(k, 4, MATERIAL)).scenario == "cleaning")
    run = next(run for run in lesson.runs if run.quieting_100_s is not None)
    index = lesson.runs.index(run)

    def truth(time_s, runs=lesson.runs):
        now = round((time_s - lesson.start_s) / 0.01)
        moment = PossiblePressure(0, 0, now, np.zeros(len(State)))
        return _quieting_truth(moment, replace(lesson, runs=runs))

    long = replace(run, pump_off_s=run.quieting_100_s + 9.0)
    assert truth(run.pump_on_s - 0.5, (run,)) is False
    assert truth(run.quieting_100_s - 0.05, (long,)) is False
    assert truth(run.quieting_100_s + 0.3, (long,)) is True
    assert truth(run.quieting_100_s + 5.0, (long,)) is None
    assert truth(run.pump_off_s + 0.1) is None
    shot = replace(long, kind="shot")
    assert truth(run.quieting_100_s + 0.3, (*lesson.runs[:index], shot)) is None


def test_a_whole_training_writes_a_model_that_loads(tmp_path):
    said = []
    train(
        tmp_path / "small",
        LearnOptions(
            epochs=2,
            batch=256,
            streams=2,
            judge_trees=5,
            context_trees=5,
            whoosh_trees=5,
            whoosh_smallest=5,
            pump_trees=5,
            quieting_trees=5,
            bins=16,
            phases_hidden=(8, 8, 8),
            release_hidden=(8, 8),
            threads=1,
        ),
        MATERIAL,
        sessions=3,
        judge_sessions=10,
        say=said.append,
    )
    model = load_model(str(tmp_path / "small"))
    assert model.name == "small"
    assert said[-1].endswith("written")
    (tmp_path / "small" / "weights.npz").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="hash"):
        load_model(str(tmp_path / "small"))


@pytest.mark.parametrize("runs", [0, 3, 40])
def test_too_little_to_learn_from_is_said_in_words(runs):
    # None at all, too few to hold any out, and all alike.
    vectors, all_alike, session = np.zeros((runs, len(EVIDENCE_NAMES))), np.ones(runs, bool), np.arange(runs)
    with pytest.raises(BackflushError, match="take more --sessions"):
        fit_judge(vectors, all_alike, session, OPTIONS, say=lambda text: None)
    moments = np.zeros((runs, len(WHOOSH_NAMES)))
    with pytest.raises(BackflushError, match="take more --sessions"):
        fit_whoosh(moments, all_alike, session, np.ones(runs), OPTIONS, say=lambda text: None)
