"""When a run counts, and what is said when it does not."""

import pytest

from acoustic.config import CycleOptions
from acoustic.cycles import CycleFold
from acoustic.types import Event, settled


def told(*, run_s=8.0, complete=0.9, over_db=20.0, released=True, pressed=True):
    """Last event of one run."""
    fold = CycleFold()
    off_s = 1.0 + run_s
    events = [Event("pump_on", 1.0, 1.1, 0.9)]
    events += [Event("pressure", 1.0 + 0.7 * run_s, 1.2 + 0.7 * run_s, 0.9)] * pressed
    events += [Event("pump_off", off_s, off_s + 0.1, 0.9)]
    events += [Event("release", off_s + 0.1, off_s + 0.2, 0.9)] * released
    end = "release_end" if released else "no_release"
    events += [
        Event(end, off_s + 1.5, off_s + 2.0, 0.9, {"complete": complete, "quieting_db": -9.0, "over_db": over_db})
    ]
    (last,) = [each for event in events for each in fold.push(event)]
    return last


def test_a_run_that_was_complete_counts():
    assert told().kind == "cycle"
    assert told().details["cycle"] == 1


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"run_s": 1.0, "pressed": False}, "released before pressure was up"),
        ({"complete": 0.05, "pressed": False}, "released before pressure was up"),
        ({"complete": 0.05, "pressed": False, "released": False}, "stopped before pressure was up"),
        ({"complete": 0.4}, "not sound like a closed basket"),
        ({"released": False}, "pressure was up, but no whoosh"),
        ({"over_db": 1.0, "complete": 0.7}, "too faint to be sure"),
        ({"complete": 0.6}, "once others like it follow"),
        ({"complete": 0.6, "run_s": 1.2}, "closed basket"),
    ],
)
def test_what_does_not_count_says_why(run, reason):
    last = told(**run)
    assert last.kind == "incomplete"
    assert reason in str(last.details["reason"])


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"complete": 0.2}, "pressure was not heard before the whoosh"),
        ({"complete": 0.6}, "may have been a cycle"),
        ({"complete": 0.2, "released": False}, "neither pressure nor a whoosh was heard"),
        ({"complete": 0.6, "released": False}, "yet it may have been a cycle"),
    ],
)
def test_of_what_may_have_been_a_cycle_no_more_is_said_than_what_was_not_heard(run, reason):
    """Pressure may have come unheard: that the pump stopped before it is then a claim that sound does not bear."""
    said = str(told(**run, pressed=False).details["reason"])
    assert reason in said
    assert "before pressure was up" not in said


def test_a_stop_that_was_none_does_not_end_the_hold():
    fold = CycleFold()
    times = {"pump_on": 1.0, "pressure": 6.0, "pump_off": 9.0}
    for kind, time_s in times.items():
        assert fold.push(Event(kind, time_s, time_s, 0.9)) == []
    assert fold.push(Event("pressure", 9.5, 9.7, 0.9, {"again": True})) == []
    for kind, time_s in {"pump_off": 12.0, "release": 12.1}.items():
        assert fold.push(Event(kind, time_s, time_s, 0.9)) == []
    (cycle,) = fold.push(Event("release_end", 13.0, 13.2, 0.9, {"complete": 0.9}))
    assert (cycle.details["fill_s"], cycle.details["hold_s"]) == (5.0, 6.0)


def test_the_first_cycle_must_be_surer_than_those_behind_it():
    options = CycleOptions()
    assert not options.counts(0.6, run_s=8.0, over_db=20.0, earlier=0)
    assert options.counts(0.6, run_s=8.0, over_db=20.0, earlier=1)
    assert not options.counts(0.85, run_s=8.0, over_db=20.0, earlier=0)
    assert options.counts(0.92, run_s=8.0, over_db=20.0, earlier=0)


def test_a_short_run_counts_if_it_is_surer():
    assert told(run_s=1.4, complete=0.95).kind == "cycle"
    assert told(run_s=1.4, complete=0.85).kind == "incomplete"


def test_a_faint_run_counts_if_it_is_surer():
    assert told(over_db=1.0, complete=0.92).kind == "cycle"


def test_a_run_may_be_counted_after_all():
    fold = CycleFold()
    doubtful = Event("incomplete", 12.0, 12.5, 0.6, {"reason": "too short", "fill_s": 5.0, "hold_s": 2.0})
    late = fold.recount(doubtful, 40.0, 0.8)
    assert (late.kind, late.time_s, late.decided_s, late.confidence) == ("cycle", 12.0, 40.0, 0.8)
    assert late.details == {"cycle": 1, "fill_s": 5.0, "hold_s": 2.0, "late": True}
    assert fold.count == 1


@pytest.mark.parametrize(
    ("complete", "counted", "released", "counts"),
    [
        (0.6, 1, True, True),
        (0.6, 1, False, True),
        (0.45, 1, False, False),
        (0.9, 0, True, True),
        (0.9, 0, False, False),
    ],
)
def test_what_counts_late_needs_a_whoosh_or_another_cycle(complete, counted, released, counts):
    assert CycleOptions().counts_late(complete, 8.0, 20.0, counted, released=released) is counts


def test_a_run_without_a_whoosh_that_counts_late_says_so():
    silent = Event("incomplete", 12.0, 12.5, 0.6, {"reason": "no whoosh", "fill_s": 5.0, "release_s": 0.0})
    late = CycleFold().recount(silent, 40.0, 0.8)
    assert late.details == {"cycle": 1, "fill_s": 5.0, "release_s": 0.0, "unheard": True, "late": True}


def test_what_was_taken_back_stands_no_longer():
    doubtful, other = (Event("incomplete", t, t, 0.6, {"reason": "too short"}) for t in (12.0, 50.0))
    second = Event("cycle", 30.0, 30.0, 0.9, {"cycle": 1})
    late = CycleFold().recount(doubtful, 31.0, 0.8)
    assert settled([doubtful, second, late, other]) == [late, second, other]


def test_a_run_whose_whoosh_the_room_drowned_counts_and_says_so():
    fold = CycleFold()
    for kind, time_s in {"pump_on": 1.0, "pressure": 6.0, "pump_off": 9.0}.items():
        assert fold.push(Event(kind, time_s, time_s, 0.9)) == []
    (cycle,) = fold.push(Event("release_end", 11.6, 11.6, 0.9, {"complete": 0.8, "unheard": True}))
    assert (cycle.kind, cycle.details["unheard"], cycle.details["release_s"]) == ("cycle", True, 0.0)


@pytest.mark.parametrize(("complete", "earlier", "counts"), [(0.7, 1, True), (0.7, 0, False), (0.55, 3, False)])
def test_an_unheard_whoosh_is_believed_beside_another_cycle_only(complete, earlier, counts):
    assert CycleOptions().counts_unheard(complete, 8.0, 20.0, earlier) is counts


def test_the_second_part_of_a_run_says_why_it_does_not_count():
    fold = CycleFold()
    for kind, time_s in {"pump_on": 1.0, "pressure": 1.0, "pump_off": 5.0, "release": 5.1}.items():
        fold.push(Event(kind, time_s, time_s, 0.9))
    (second,) = fold.push(Event("release_end", 6.0, 6.0, 0.9, {"complete": 0.2, "same_run": True}))
    assert second.kind == "incomplete"
    assert second.details["reason"].startswith("the pump had not stopped")


def test_a_run_that_sets_in_too_soon_says_how_soon():
    fold = CycleFold()
    for kind, time_s in {"pump_on": 1.0, "pump_off": 5.0, "release": 5.1}.items():
        fold.push(Event(kind, time_s, time_s, 0.9))
    (second,) = fold.push(Event("release_end", 6.0, 6.0, 0.9, {"complete": 0.2, "same_run": True, "pause_s": 0.41}))
    assert second.kind == "incomplete"
    assert "0.41 s after its stop" in second.details["reason"]


def test_a_run_whose_end_is_taken_back_counts_from_its_start_to_its_true_stop():
    fold, told = CycleFold(), []
    for kind, time_s in {"pump_on": 1.0, "pump_off": 5.0}.items():
        fold.push(Event(kind, time_s, time_s, 0.9))
    told += fold.push(Event("no_release", 7.6, 7.6, 0.9, {"complete": 0.1}))
    fold.push(Event("pump_on", 5.0, 9.2, 0.97, {"again": True}))
    for kind, time_s in {"pressure": 5.0, "pump_off": 9.0, "release": 9.0}.items():
        assert fold.push(Event(kind, time_s, 9.2, 0.97)) == []
    told += fold.push(Event("release_end", 10.5, 10.7, 0.9, {"complete": 0.95, "joined": True}))
    assert [event.kind for event in told] == ["incomplete", "cycle"]
    assert (told[1].details["fill_s"], told[1].details["hold_s"], told[1].details["release_s"]) == (4.0, 4.0, 1.5)
    assert settled(told) == told[1:]


def test_two_parts_that_are_one_run_count_from_the_first_ones_start():
    fold = CycleFold()
    for kind, time_s in {"pump_on": 1.0, "pressure": 5.0, "pump_off": 6.0, "release": 6.1}.items():
        fold.push(Event(kind, time_s, time_s, 0.9))
    (first,) = fold.push(Event("release_end", 6.4, 6.4, 0.9, {"complete": 0.1}))
    for kind, time_s in {"pump_on": 6.4, "pump_off": 9.0, "release": 9.1}.items():
        fold.push(Event(kind, time_s, time_s, 0.9))
    (whole,) = fold.push(Event("release_end", 10.1, 10.1, 0.9, {"complete": 0.95, "joined": True}))
    assert (first.kind, whole.kind) == ("incomplete", "cycle")
    assert {name: whole.details[name] for name in ("fill_s", "hold_s", "release_s")} == {
        "fill_s": 4.0,
        "hold_s": 4.0,
        "release_s": 1.0,
    }
    before = Event("incomplete", 0.5, 0.5, 0.9)
    assert settled([before, first, whole]) == [before, whole]
