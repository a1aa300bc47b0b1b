from dataclasses import replace

import numpy as np
import pytest
import soundfile

from acoustic.config import FeatureOptions
from acoustic.synth import Library, Run
from acoustic.tools.foreign import foreign_sound
from acoustic.tools.lessons import (
    IGNORED,
    Lesson,
    LessonOptions,
    is_held_out,
    label_complete,
    label_frames,
    lessons,
    make_lesson,
)


def picture(labels, step=20):
    """One letter for every 0.2 s: B, F, H, R, S for a shot, or a dot where either answer is fair."""
    return "".join(".BFHRS"[label + 1] for label in labels[step // 2 :: step])


def run(**times):
    return Run(**{"kind": "backflush", "pump_on_s": 1.0, "pump_off_s": 4.0, **times})


def test_labels_of_a_complete_cycle():
    cycle = run(
        quieting_50_s=2.8,
        quieting_80_s=3.0,
        vent_s=4.2,
        release_peak_s=4.3,
        release_peak_ml_s=40.0,
        release_end_s=5.2,
    )
    labels, _ = label_frames((cycle,), 7.0, 700)
    assert picture(labels) == "BBBBBFFFFFFFFFFHHHHHBRRRRR.....BBBB"


def test_a_stop_without_release_weighs_most():
    labels, weights = label_frames((run(quieting_50_s=2.8, quieting_80_s=3.0),), 7.0, 700)
    assert picture(labels) == "BBBBBFFFFFFFFFFHHHHHBBBBBBBBBBBBBBB"
    assert weights[450] == weights.max() == 4


def test_a_shot_is_no_hold_once_it_is_pressed():
    labels, _ = label_frames((run(kind="shot", pressure_up_s=3.4),), 5.0, 500)
    assert picture(labels) == "BBBBBFFFFFFFF....SSSBBBBB"


def test_a_shot_that_never_builds_pressure_counts_as_one_from_its_middle():
    labels, _ = label_frames((run(kind="shot", pump_off_s=9.0),), 10.0, 1000)
    assert picture(labels) == "BBBBB" + 8 * "F" + 12 * "." + 20 * "S" + 5 * "B"


def test_a_whoosh_that_only_seeps_on_has_no_end():
    seeping = run(vent_s=4.2, release_peak_s=4.3, release_peak_ml_s=40.0)
    labels, _ = label_frames((seeping,), 9.0, 900)
    assert (labels[430:600] == 3).all()
    assert (labels[640:] == IGNORED).all()


def test_too_weak_to_hear_is_not_called_a_release():
    labels, _ = label_frames((run(vent_s=4.2, release_peak_s=4.3, release_peak_ml_s=1.0, release_end_s=4.5),), 7.0, 700)
    assert 3 not in labels


def lesson_of(*runs, duration_s):
    frames = round(duration_s * 100)
    labels, weights = label_frames(runs, duration_s, frames)
    nothing = np.zeros((frames, 1))
    return Lesson("home", "cleaning", "vibratory", 0.0, duration_s, runs, nothing, nothing, labels, weights)


def test_what_a_run_was_is_labelled_in_the_second_of_its_whoosh():
    whoosh = {"release_peak_ml_s": 40.0}
    complete = run(pump_off_share=1.0, quieting_80_s=3.0, vent_s=4.2, release_peak_s=4.3, release_end_s=5.2, **whoosh)
    early = run(
        pump_on_s=8.0, pump_off_s=9.0, pump_off_share=0.3, vent_s=9.0, release_peak_s=9.1, release_end_s=9.4, **whoosh
    )
    labels = label_complete(lesson_of(complete, early, duration_s=12.0))
    assert (complete.complete, early.complete) == (True, False)
    assert (labels[445:535] == 1).all()
    assert (labels[925:1015] == 0).all()
    assert ((labels >= 0).sum(), (labels == 1).sum()) == (200, 100)


def test_a_stop_without_whoosh_tells_nothing_of_its_run():
    assert (label_complete(lesson_of(run(quieting_50_s=2.8, quieting_80_s=3.0), duration_s=7.0)) == IGNORED).all()


@pytest.mark.parametrize("library", [None, "recording"])
def test_foreign_sound_is_varied_and_within_full_scale(library, tmp_path):
    if library:
        soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(32_000) * 0.2), 16_000)
        library = Library.from_folder(tmp_path)
    sounds = [foreign_sound(library, np.random.default_rng(seed), 20.0) for seed in (1, 1, 2)]
    assert np.array_equal(sounds[0], sounds[1])
    assert not np.array_equal(sounds[0], sounds[2])
    for sound in sounds:
        assert (sound.shape, sound.dtype) == ((320_000,), np.float32)
        assert np.abs(sound).max() <= 1.0
        # Louder by far at some times than at others.
        seconds = np.square(sound.reshape(20, -1)).mean(axis=1)
        assert seconds.max() > 10 * seconds.min() > 0


def test_a_session_without_machine_is_all_background():
    lesson = make_lesson(0, 1, LessonOptions(foreign_share=1.0))
    assert (lesson.machine, lesson.runs) == ("none", ())
    assert (lesson.labels == 0).all()
    assert len(lesson.labels) == len(lesson.features) == round(lesson.duration_s * 100 - 0.5)


def test_a_third_is_held_out_by_name_alone():
    names = [f"{i}.flac" for i in range(3000)]
    assert np.mean([is_held_out(name) for name in names]) == pytest.approx(1 / 3, abs=0.04)
    assert all(is_held_out(f"/elsewhere/{name}") == is_held_out(name) for name in names[:50])


def test_the_same_seed_gives_the_same_lesson_from_the_cache_too(tmp_path):
    options = LessonOptions(scenarios=(("early_stops", 1.0),), conditions=(("home", 1.0),), foreign_share=0.3)
    fresh = make_lesson(3, 5, options)
    for _ in range(2):
        (*_, kept) = lessons(4, 5, options, cache=tmp_path)
        assert kept.runs == fresh.runs
        for name in ("features", "levels", "labels", "weights"):
            assert np.array_equal(getattr(kept, name), getattr(fresh, name), equal_nan=True)
    assert len(list(tmp_path.glob("*.npz"))) == 4


def test_labels_stand_where_the_sound_changes():
    lesson = make_lesson(
        0,
        11,
        LessonOptions(
            scenarios=(("cleaning", 1.0),),
            conditions=(("home", 1.0),),
            cut_share=0.0,
            joined_share=0.0,
            foreign_share=0.0,
        ),
    )
    total = lesson.levels[:, -1]
    # The pump is louder than the room: a shift of labels by a few frames would show at once.
    for run in lesson.runs:
        start = round(run.pump_on_s * 100)
        assert np.median(total[start + 10 : start + 40]) > np.median(total[start - 40 : start - 10]) + 3


def test_some_who_come_late_come_just_before_a_run():
    options = LessonOptions(
        scenarios=(("flushes", 1.0),),
        conditions=(("home", 1.0),),
        cut_share=1.0,
        joined_share=0.0,
        foreign_share=0.0,
    )
    before_s = []
    for index in range(12):
        lesson = make_lesson(index, 3, options)
        assert len(lesson.labels) == len(lesson.features)
        after = [run.pump_on_s - lesson.start_s for run in lesson.runs if run.pump_on_s >= lesson.start_s]
        before_s.append(min(after, default=np.inf))
    assert sum(0.19 < each < 2.01 for each in before_s) >= 3


@pytest.mark.parametrize(("after_stop_s", "left"), [(-1.0, 3), (0.01, 3), (20.0, 2)])
def test_who_comes_late_is_told_of_a_whoosh_that_still_sounds(after_stop_s, left, monkeypatch):
    plain = LessonOptions(
        scenarios=(("cleaning", 1.0),), conditions=(("home", 1.0),), cut_share=0.0, joined_share=0.0, foreign_share=0.0
    )
    whole = make_lesson(0, 11, plain)
    stop_s = whole.runs[-3].pump_off_s
    cut = round((stop_s + after_stop_s) * 100)
    assert whole.runs[-3].release_end_s > stop_s + 0.1
    monkeypatch.setattr("acoustic.tools.lessons._cut", lambda *_: cut)
    late = make_lesson(0, 11, replace(plain, cut_share=1.0, joined_share=1.0))
    assert late.start_s < cut / 100
    assert len(late.runs) == left
    # Where the other room is heard nothing of this one is told.
    assert min(run.pump_on_s for run in late.runs) >= cut / 100 - 1e-6
    assert min(run.vent_s for run in late.runs) >= cut / 100 - 1e-6
    first = late.runs[0]
    assert (first.pump_off_s > first.pump_on_s) == (after_stop_s != 0.01)
    assert late.labels[round((first.vent_s - late.start_s) * 100) + 4] == 3
    told = label_complete(late) != IGNORED
    assert told.sum() == pytest.approx(100 * (left - (after_stop_s == 0.01)), abs=left)


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_other_makers_serve_too(late):
    options = LessonOptions(
        conditions=(("home", 1.0),), foreign_share=0.0, other_share=1.0, cut_share=late, joined_share=late
    )
    made = [make_lesson(index, 8, options) for index in range(6)]
    assert {lesson.machine.partition(":")[0] for lesson in made} == {"hydraulic", "sculpted"}
    assert any(lesson.start_s != 0.0 for lesson in made) == bool(late)
    heard = 0
    for lesson in made:
        assert len(lesson.labels) == len(lesson.features) == len(lesson.weights)
        assert len(lesson.labels) == round((lesson.duration_s - lesson.start_s) * 100 - 0.5)
        for run in lesson.runs:
            start, stop = (round((time_s - lesson.start_s) * 100) for time_s in (run.pump_on_s, run.pump_off_s))
            assert start >= 0
            on = lesson.labels[start + 5 : stop - 5]
            assert not (on == 0).any()
            heard += len(on) > 0
    assert heard >= 6
    again = make_lesson(4, 8, options)
    assert np.array_equal(again.features, made[4].features)


def test_a_rumble_lies_over_what_is_low_and_moves_no_label():
    plain = LessonOptions(conditions=(("home", 1.0),), foreign_share=0.0, cut_share=0.0, joined_share=0.0)
    edges = np.array(FeatureOptions().band_edges_hz[:-1])
    risen = []
    for index in range(4):
        quiet, rumbling = (make_lesson(index, 3, replace(plain, rumble_share=share)) for share in (1e-9, 1.0))
        assert quiet.runs == rumbling.runs
        assert np.array_equal(quiet.labels, rumbling.labels)
        change = np.median(rumbling.levels[:, :-1] - quiet.levels[:, :-1], axis=0)
        risen.append(change)
        assert change.min() > -3.0
    low, high = (np.mean(risen, axis=0)[where].mean() for where in (edges < 200.0, edges >= 4000.0))
    assert low > high + 3.0


def test_other_makers_have_recordings_in_their_noise(tmp_path):
    rng = np.random.default_rng(4)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(16_000 * 5), 16_000)
    quiet = LessonOptions(
        conditions=(("kitchen", 1.0),), foreign_share=0.0, other_share=1.0, cut_share=0.0, joined_share=0.0
    )
    noisy = replace(quiet, library=Library.from_folder(tmp_path))
    differ = 0
    for index in range(6):
        without, mixed = (make_lesson(index, 12, options) for options in (quiet, noisy))
        assert mixed.runs == without.runs
        differ += not np.array_equal(mixed.features, without.features)
    assert 0 < differ < 6
