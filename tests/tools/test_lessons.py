import numpy as np
import pytest

from acoustic.synth import Run
from acoustic.tools.lessons import IGNORED, LessonOptions, is_held_out, label_frames, lessons, make_lesson


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


def test_a_third_is_held_out_by_name_alone():
    names = [f"{i}.flac" for i in range(3000)]
    assert np.mean([is_held_out(name) for name in names]) == pytest.approx(1 / 3, abs=0.04)
    assert all(is_held_out(f"/elsewhere/{name}") == is_held_out(name) for name in names[:50])


def test_the_same_seed_gives_the_same_lesson_from_the_cache_too(tmp_path):
    options = LessonOptions(scenarios=(("early_stops", 1.0),), conditions=(("home", 1.0),))
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
        LessonOptions(scenarios=(("cleaning", 1.0),), conditions=(("home", 1.0),), cut_share=0.0, joined_share=0.0),
    )
    total = lesson.levels[:, -1]
    # The pump is louder than the room: a shift of labels by a few frames would show at once.
    for run in lesson.runs:
        start = round(run.pump_on_s * 100)
        assert np.median(total[start + 10 : start + 40]) > np.median(total[start - 40 : start - 10]) + 3
