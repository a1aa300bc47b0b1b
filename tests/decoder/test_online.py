"""Pictures of what the emission says, one letter every 0.1 s, against what the decoder tells."""

import numpy as np
import pytest

from acoustic.config import DecoderOptions, DurationOptions
from acoustic.decoder import Decoder
from acoustic.decoder.kernels import new_belief, packed, step, weigh
from acoustic.decoder.states import State, duration_pmf
from acoustic.types import Phase

CLASSES = "BFHR"


def decode(picture, options=None, sure=3.0):
    """Kinds and times (s) of what is told; a dot says nothing."""
    rows = np.full((len(picture) * 10, 4), -sure)
    for i, letter in enumerate(picture):
        rows[i * 10 : (i + 1) * 10, CLASSES.index(letter) if letter in CLASSES else slice(None)] = 0.0
    decoder = Decoder(options or DecoderOptions(evidence=1.0))
    told = decoder.push(rows * decoder.options.evidence) + decoder.flush()
    return [(transition.kind, transition.frame / 100) for transition in told], told


def kinds(picture):
    return [kind for kind, _ in decode(picture)[0]]


CYCLE = "B" * 30 + "F" * 60 + "H" * 20 + "B" * 2 + "R" * 10 + "B" * 30


def test_a_cycle_is_told_in_order_and_in_time():
    told, _ = decode(CYCLE)
    assert [kind for kind, _ in told] == ["pump_on", "pressure", "pump_off", "release", "release_end"]
    for (_, time_s), expected in zip(told, [3.0, 9.0, 11.0, 11.2, 12.2], strict=True):
        assert time_s == pytest.approx(expected, abs=0.05)


def test_nothing_is_told_before_it_is_decided():
    _, told = decode(CYCLE)
    assert all(transition.decided >= transition.frame for transition in told)
    assert [t.decided for t in told] == sorted(t.decided for t in told)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("B" * 100, []),
        ("B" * 30 + "R" * 10 + "B" * 30, []),
        ("B" * 30 + "F" * 20 + "B" * 200, ["pump_on", "pump_off", "no_release"]),
        ("B" * 30 + "F" * 20 + "R" * 8 + "B" * 30, ["pump_on", "pump_off", "release", "release_end"]),
        ("B" * 30 + "F" * 60 + "H" * 20 + "B" * 40, ["pump_on", "pressure", "pump_off", "no_release"]),
        ("F" * 50 + "H" * 30 + "R" * 10 + "B" * 20, ["pump_on", "pressure", "pump_off", "release", "release_end"]),
    ],
    ids=["silence", "a whoosh alone", "a flush", "an early stop", "no release", "begun in the middle"],
)
def test_pictures(picture, expected):
    assert kinds(picture) == expected


def test_a_hold_that_nobody_hears_is_told_with_its_release():
    _, told = decode("B" * 30 + "F" * 60 + "B" * 60 + "R" * 10 + "B" * 30)
    pressure = next((t for t in told if t.kind == "pressure"), None)
    release = next(t for t in told if t.kind == "release")
    assert release.frame == pytest.approx(1500, abs=5)
    assert pressure is not None
    assert pressure.masked
    assert pressure.late
    assert pressure.confidence <= 0.5


def test_out_of_a_quiet_room_no_hold_disappears():
    # As above, but the caller knows better than to wait for a hold that nobody can hear.
    rows = np.full((2000, 4), -3.0)
    picture = "B" * 30 + "F" * 60 + "B" * 110
    for i, letter in enumerate(picture):
        rows[i * 10 : (i + 1) * 10, CLASSES.index(letter)] = 0.0
    waits = {}
    for could_drown in (True, False):
        decoder = Decoder(DecoderOptions(evidence=1.0))
        told = []
        for row in rows:
            found = decoder.push(row[None])
            if any(transition.kind == "pump_off" for transition in found):
                decoder.could_drown = could_drown
            told += found
        stop = next(t for t in told if t.kind == "pump_off")
        none = next(t for t in told if t.kind == "no_release")
        waits[could_drown] = (none.decided - stop.frame) / 100
        # Of the next run nothing is known yet.
        assert decoder.could_drown
    assert waits[False] == pytest.approx(2.6, abs=0.05)
    assert waits[True] > 4.0


def out_of_a_quiet_room(hold, release=None):
    """What is told of a fill, a hold of so many tenths of a second that nobody hears, a whoosh, and a second run."""
    picture = "B" * 30 + "F" * 60 + "B" * hold + "R" * 10 + "B" * 30
    judge = None if release is None else lambda possible: release
    decoder = Decoder(DecoderOptions(evidence=1.0), judge_release=judge)
    told = []
    for row in painted(picture + CYCLE):
        found = decoder.push(row[None])
        if any(transition.kind == "pump_off" for transition in found):
            # A hold cannot drown here, as far as anybody knows: the end of the run is told soon.
            decoder.could_drown = False
        told += found
    return told


ONE_RUN = ["pump_on", "pressure", "pump_off", "release", "release_end"]


@pytest.mark.parametrize("release", [None, 0.97])
def test_a_whoosh_takes_back_the_end_of_a_run_that_went_on_unheard(release):
    told = out_of_a_quiet_room(50, release)
    ended, went_on = ["pump_on", "pump_off", "no_release"], ["pump_on", "pressure", "pump_off", "release"]
    assert [t.kind for t in told] == [*ended, *went_on, "release_end", *ONE_RUN]
    goes_on, pressure, stop, release_at = told[3:7]
    assert goes_on.again
    assert (pressure.masked, pressure.late, stop.masked) == (True, True, True)
    assert goes_on.frame == pressure.frame == told[1].frame
    assert stop.frame == release_at.frame == pytest.approx(1400, abs=5)
    assert release_at.decided - release_at.frame < 40
    assert not any(t.again for t in told[7:])


@pytest.mark.parametrize(("hold", "release"), [(50, 0.9), (170, 0.97)], ids=["not sure", "too late"])
def test_a_whoosh_that_is_not_sure_or_comes_too_late_takes_nothing_back(hold, release):
    told = out_of_a_quiet_room(hold, release)
    assert [t.kind for t in told] == ["pump_on", "pump_off", "no_release", *ONE_RUN]
    assert not any(t.again for t in told)


def test_a_pump_that_runs_again_ends_the_wait_for_a_whoosh():
    quick = "B" * 30 + "F" * 60 + "B" * 40 + "F" * 20 + "B" * 2 + "R" * 10 + "B" * 30
    decoder, told = Decoder(DecoderOptions(evidence=1.0)), []
    for row in painted(quick):
        found = decoder.push(row[None])
        decoder.could_drown = False
        told += found
    assert not any(t.again for t in told)
    assert [t.kind for t in told].count("pump_on") == 2
    assert [t.kind for t in told].count("release") == 1


def painted(picture, sure=3.0):
    rows = np.full((len(picture) * 10, 4), -sure)
    for i, letter in enumerate(picture):
        rows[i * 10 : (i + 1) * 10, CLASSES.index(letter)] = 0.0
    return rows


def judged(picture, judge=None, sure=3.0, **judges):
    rows = painted(picture, sure)
    decoder = Decoder(DecoderOptions(evidence=1.0), judge_release=judge, **judges)
    return decoder.push(rows) + decoder.flush()


def test_a_release_is_told_when_its_judge_says_so_and_not_before():
    asked = []

    def judge(possible):
        asked.append(possible)
        return 0.9 if possible.now >= 1130 else 0.1

    told = judged(CYCLE, judge)
    release = next(t for t in told if t.kind == "release")
    assert (release.decided, release.confidence) == (1130, 0.9)
    assert release.frame == pytest.approx(1120, abs=5)
    first = asked[0]
    assert first.on == pytest.approx(300, abs=5)
    assert first.stop == pytest.approx(1100, abs=5)
    assert first.told == {"pump_on", "pressure", "pump_off"}
    assert first.belief[State.RELEASE] > DecoderOptions().release_possible
    # Asked once a frame, until it was told.
    assert [each.now for each in asked] == list(range(first.now, 1131))


def test_what_its_judge_takes_for_no_whoosh_is_none():
    what = [t.kind for t in judged(CYCLE, lambda possible: 0.5)]
    assert what == ["pump_on", "pressure", "pump_off", "no_release"]


def test_pressure_is_told_when_its_judge_says_so_and_not_before():
    asked = []
    options = DecoderOptions()

    def judge(possible):
        asked.append(possible)
        return 0.9 if possible.now >= 1000 else 0.1

    told = judged(CYCLE, judge_pressure=judge)
    pressure = next(t for t in told if t.kind == "pressure")
    moments = [each.now for each in asked]
    assert np.all(np.diff(moments) == options.pressure_again_frames)
    # Of the last answers more must say so than say the contrary.
    assert pressure.decided == moments[-1]
    behind = (pressure.decided - 1000) / options.pressure_again_frames
    assert options.pressure_asks / 2 < behind <= options.pressure_asks
    assert options.pressure_judged < pressure.confidence < 0.9
    # By then the belief has the hold begin long before; so sure a judge would have said so.
    assert asked[-1].hold == pytest.approx(900, abs=5)
    assert pressure.frame == pressure.decided - round(options.pressure_back_s[0] / 0.01)
    assert asked[0].on == pytest.approx(300, abs=5)
    # It is asked all the while, also where the belief has nothing of a hold.
    assert asked[0].belief[State.HOLD] < 0.01
    assert asked[0].now < 400
    assert [t.kind for t in told] == ["pump_on", "pressure", "pump_off", "release", "release_end"]


def test_pressure_that_its_judge_takes_soon_began_where_it_was_heard():
    told = judged(CYCLE, judge_pressure=lambda possible: 0.9 if possible.now >= 930 else 0.1)
    pressure = next(t for t in told if t.kind == "pressure")
    assert pressure.frame == pytest.approx(900, abs=5)
    assert 930 < pressure.decided < 970


def test_pressure_of_which_the_belief_has_no_trace_began_shortly_before_its_judge_was_sure():
    told = judged(CYCLE, judge_pressure=lambda possible: 0.9 if possible.now >= 600 else 0.1)
    pressure = next(t for t in told if t.kind == "pressure")
    assert 600 < pressure.decided < 640
    assert pressure.frame == pressure.decided - round(DecoderOptions().pressure_back_s[1] / 0.01)


def test_one_answer_is_not_enough_to_tell_pressure():
    once = iter([0.97] + [0.3] * 1000)
    told = judged(CYCLE, judge_pressure=lambda possible: next(once))
    assert not any(t.kind == "pressure" and not t.late for t in told)


def test_pressure_that_its_judge_never_takes_for_it_is_told_with_the_stop():
    told = judged(CYCLE, judge_pressure=lambda possible: 0.1)
    assert [t.kind for t in told] == ["pump_on", "pressure", "pump_off", "release", "release_end"]
    assert told[1].late
    assert told[1].decided == told[2].decided


def test_a_run_after_another_is_asked_about_afresh():
    """What was answered of one run says nothing of the next."""
    runs = []

    def judge(possible):
        if not runs or runs[-1][0] != possible.on:
            runs.append((possible.on, possible.now))
        return 0.9

    told = [t for t in judged(CYCLE * 2, judge_pressure=judge) if t.kind == "pressure"]
    waited = (DecoderOptions().pressure_asks - 1) * DecoderOptions().pressure_again_frames
    assert [t.decided - first for t, (_, first) in zip(told, runs, strict=True)] == [waited, waited]


def asked_for_pumps(picture, judge):
    return judged(picture, judge_pump=judge)


def test_a_pump_is_told_when_its_judge_says_so_and_not_before():
    asked = []
    least = DecoderOptions().pump_judged

    def judge(possible):
        asked.append(possible)
        return least + 0.01 if possible.now >= 400 else least - 0.01

    told = asked_for_pumps(CYCLE, judge)
    pump = told[0]
    assert pump.kind == "pump_on"
    # It is asked again every tenth of a second, and until then nothing is told.
    moments = [each.now for each in asked]
    assert np.all(np.diff(moments) == DecoderOptions().pump_again_frames)
    assert pump.decided == moments[-1] >= 400 > moments[-2]
    # That it set in long before is not forgotten.
    assert pump.frame == asked[0].on == pytest.approx(300, abs=5)
    assert [t.kind for t in told] == ["pump_on", "pressure", "pump_off", "release", "release_end"]


def test_what_its_judge_takes_for_no_pump_is_none():
    no_whoosh = CYCLE.replace("R", "B")
    assert asked_for_pumps(no_whoosh * 2, lambda possible: 0.5) == []


def test_what_was_taken_for_no_pump_was_one_if_a_whoosh_follows():
    plain = asked_for_pumps(CYCLE, lambda possible: 0.9)
    doubted = asked_for_pumps(CYCLE, lambda possible: 0.5)
    assert [t.kind for t in doubted] == [t.kind for t in plain]
    pump, pressure, stop, release = doubted[:4]
    assert pump.late
    assert pressure.late
    assert pump.decided == pressure.decided == stop.decided == release.decided
    for late, early in zip(doubted, plain, strict=True):
        assert late.frame == pytest.approx(early.frame, abs=10)


def test_a_pump_that_sets_in_over_something_else_begins_where_that_was_heard():
    # An appliance runs for three seconds, then the pump as well; the frames are the same.
    told = asked_for_pumps(CYCLE, lambda possible: 0.99 if possible.now >= 600 else 0.2)
    assert told[0].frame == pytest.approx(600, abs=2 * DecoderOptions().pump_again_frames)
    assert told[1].kind == "pressure"


@pytest.mark.parametrize(("louder_db", "start"), [(6.0, 600), (-3.0, 300)])
def test_only_what_grows_louder_has_set_in(louder_db, start):
    asked = []

    def louder(on, set_in, now):
        asked.append((on, set_in, now))
        return louder_db

    # As surely a pump all at once: because one set in, or because it came to pressure.
    told = judged(CYCLE, judge_pump=lambda possible: 0.99 if possible.now >= 600 else 0.2, louder_db=louder)
    again = DecoderOptions().pump_again_frames
    assert told[0].frame == pytest.approx(start, abs=2 * again)
    ((on, set_in, now),) = asked
    assert on == pytest.approx(300, abs=5)
    assert now == told[0].decided
    assert now - set_in == 2 * again


@pytest.mark.parametrize(("louder_db", "start"), [(6.0, 600), (0.0, 600), (-6.0, 300)])
def test_what_grew_softer_was_there_before(louder_db, start):
    """What was doubted since 3 s is let go of at 5.5 s, and believed from 6 s on: did it stop, and a pump set in?"""
    asked = []

    def louder(on, set_in, now):
        asked.append((on, set_in, now))
        return louder_db

    picture = CYCLE[:55] + "B" * 5 + CYCLE[55:]
    told = judged(picture, judge_pump=lambda possible: 0.9 if possible.on >= 500 else 0.6, louder_db=louder)
    assert told[0].kind == "pump_on"
    assert told[0].frame == pytest.approx(start, abs=10)
    assert asked[0][:2] == (pytest.approx(300, abs=5), pytest.approx(600, abs=10))


@pytest.mark.parametrize("rise", [None, 288])
def test_where_nothing_tells_frames_apart_the_pump_set_in_where_it_grew_loud(rise):
    asked = []

    def sharpest_rise(first, last):
        asked.append((first, last))
        return rise

    # For half a second either may be heard: the belief in where the pump set in is flat there.
    picture = painted(CYCLE)
    picture[250:300, :2] = 0.0
    options = DecoderOptions(evidence=1.0)
    told = Decoder(options, judge_pump=lambda possible: 0.9, sharpest_rise=sharpest_rise).push(picture)
    ((first, last),) = asked
    assert 245 <= first < 265
    assert 290 <= last <= 302
    if rise is None:
        assert first <= told[0].frame <= last
    else:
        assert told[0].frame == rise


def test_a_pump_does_not_set_in_before_the_last_run_ended():
    asked = []
    # The next run follows the whoosh at once, and for 0.4 s nothing tells which of them is heard.
    seam = 10 * (len(CYCLE) - 30)
    picture = painted(CYCLE[:-30] + CYCLE[30:])
    picture[seam - 40 : seam, [0, 1, 3]] = 0.0
    decoder = Decoder(
        DecoderOptions(evidence=1.0),
        judge_pump=lambda possible: 0.9,
        sharpest_rise=lambda first, last: asked.append((first, last)),
    )
    ended = [transition.frame for transition in decoder.push(picture) if transition.kind == "release_end"]
    _, (first, last) = asked
    assert ended[0] <= first < last


@pytest.mark.parametrize(("away_s", "start"), [(0.5, 300), (5.0, 300), (12.0, None)])
def test_what_grew_softer_was_there_before_for_as_long_as_that_is_likely(away_s, start):
    away = round(10 * away_s)
    picture = CYCLE[:55] + "B" * away + CYCLE[55:]
    told = judged(
        picture, judge_pump=lambda possible: 0.9 if possible.on >= 500 else 0.6, louder_db=lambda on, set_in, now: -6.0
    )
    assert told[0].kind == "pump_on"
    assert told[0].frame == pytest.approx(10 * (55 + away) if start is None else start, abs=10)


def test_each_run_is_asked_about_anew():
    first = CYCLE.replace("R", "B")
    told = asked_for_pumps(first + CYCLE, lambda possible: 0.6 if possible.now < len(CYCLE) * 10 else 0.9)
    assert [t.kind for t in told].count("pump_on") == 1
    assert told[0].frame == pytest.approx(300 + len(CYCLE) * 10, abs=5)


@pytest.mark.parametrize("lull_s", [0.3, 0.8, 1.8])
def test_a_hold_behind_a_lull_is_the_same_run(lull_s):
    at = 30 + 60 + 20
    told, transitions = decode(CYCLE[:at] + "B" * round(10 * lull_s) + "H" * 20 + CYCLE[at:])
    what = [kind for kind, _ in told]
    assert what.count("pump_on") == what.count("release") == 1
    assert "no_release" not in what
    # A stop that was told is taken back, and followed by the true one.
    again = [t.kind for t in transitions if t.again]
    stops = [t for t in transitions if t.kind == "pump_off"]
    assert again == ["pressure"] * (len(stops) - 1)
    assert len(stops) <= 2
    assert stops[-1].frame == pytest.approx((at + 10 * lull_s + 20) * 10, abs=5)
    assert next(t.frame for t in transitions if t.kind == "pressure") == pytest.approx(900, abs=5)


def test_the_phase_is_that_of_the_hold_again_behind_a_lull():
    decoder = Decoder(DecoderOptions(evidence=1.0))
    at = 30 + 60 + 20
    phases = []
    for letter in CYCLE[:at] + "B" * 8 + "H" * 20:
        rows = np.full((10, 4), -3.0)
        rows[:, CLASSES.index(letter)] = 0.0
        decoder.push(rows)
        phases.append(decoder.phase)
    assert Phase.STOPPED in phases
    assert phases[-1] is Phase.HOLD
    assert decoder.since_frame == pytest.approx(1180, abs=5)


def test_a_second_run_without_a_whoosh_before_it_is_another_run():
    what = kinds(CYCLE[:110] + "B" * 8 + "F" * 60 + "H" * 20 + "B" * 2 + "R" * 10 + "B" * 30)
    assert what.count("pump_on") == 2
    assert what.count("no_release") == 1


def test_two_seconds_of_nothing_in_the_hold_are_bridged():
    whole, _ = decode(CYCLE)
    gap = CYCLE[:92] + "." * 15 + CYCLE[107:]
    bridged, _ = decode(gap)
    assert [kind for kind, _ in bridged] == [kind for kind, _ in whole]


def test_five_cycles_are_five_releases():
    assert kinds(CYCLE * 5).count("release") == 5


def test_cost_does_not_grow_with_time():
    decoder = Decoder()
    most = 0
    for _ in range(60):
        decoder.push(np.random.default_rng(0).normal(0, 0.2, (1000, 4)))
        most = max(most, int(decoder._belief.counters[0]))
    assert most <= decoder.options.capacity


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"wanted \(frames, 4\)"):
        Decoder().push(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="not finite"):
        Decoder().push(np.full((3, 4), np.nan))


def test_frames_that_pass_before_the_first_only_move_the_clock():
    rows = np.full((1000, 4), -3.0)
    rows[:300, 0] = rows[300:, 1] = 0.0
    plain, later = Decoder(DecoderOptions(evidence=1.0)), Decoder(DecoderOptions(evidence=1.0))
    later.skip(500)
    (told,), (moved,) = plain.push(rows), later.push(rows)
    assert (moved.kind, moved.frame, moved.decided) == (told.kind, told.frame + 500, told.decided + 500)
    with pytest.raises(ValueError, match="before the first"):
        later.skip(1)


def test_a_release_is_weighed_less_and_every_frame_with_it():
    rows = np.random.default_rng(0).normal(0.0, 3.0, (50, 6))
    expected = 0.1 * (rows[:, :4] - np.array([0.0, 0.0, 0.0, 1.5]))
    weighed = np.empty((50, 4))
    for row, out in zip(rows, weighed, strict=True):
        weigh(row, 0.1, 1.5, out)
    np.testing.assert_allclose(weighed, expected)


def a_run(rng):
    """What an emission may say of a run with a release, noise included."""
    rows = rng.normal(0.0, 1.0, (2500, 6))
    for phase, first, last in ((0, 0, 500), (1, 500, 1100), (2, 1100, 1500), (3, 1510, 1650), (0, 1650, 2500)):
        rows[first:last, phase] += 4.0
    return rows


def test_what_is_heard_is_weighed_and_then_pushed():
    options = DecoderOptions()
    rows = a_run(np.random.default_rng(3))
    weighed = np.empty((len(rows), 4))
    for row, out in zip(rows, weighed, strict=True):
        weigh(row, options.evidence, options.release_odds, out)
    heard = Decoder(options).hear(rows)
    assert [each.kind for each in heard] == ["pump_on", "pressure", "pump_off", "release", "release_end"]
    assert heard == Decoder(options).push(weighed)


def test_packed_and_frame_by_frame_believe_the_same():
    decoder = Decoder()
    rows = a_run(np.random.default_rng(4))[:, :4]
    belief = new_belief(decoder.grammar, decoder.options.capacity)
    for row in rows:
        step(decoder.grammar, belief, row, decoder.options.prune)
    decoder.push(rows)
    for name, expected in belief._asdict().items():
        n = belief.counters[0] if name in ("weight", "state", "entry", "path") else None
        assert np.array_equal(getattr(decoder._belief, name)[:n], expected[:n]), name


def test_packing_keeps_everything():
    grammar = Decoder().grammar
    belief = new_belief(grammar, 30)
    rng = np.random.default_rng(5)
    for array in belief:
        array[:] = rng.integers(0, 100, array.shape)
    _, _, grammar_back, belief_back = packed(grammar, belief)
    for given, back in zip((*grammar, *belief), (*grammar_back, *belief_back), strict=True):
        assert np.array_equal(given, back)


def test_what_is_not_finite_leaves_the_belief_alone():
    decoder, rows = Decoder(), a_run(np.random.default_rng(6))[:50]
    decoder.hear(rows)
    before = decoder._belief.by_state.copy()
    rows[-1, 2] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        decoder.hear(rows)
    assert np.array_equal(decoder._belief.by_state, before)


def test_what_a_machine_is_known_to_take_counts_from_its_frame_on_however_frames_are_handed_over():
    """A hum that could be either: only what is known of the machine tells when its fill has ended."""
    rows = np.full((1600, 4), -3.0)
    rows[:300, 0] = 0.0
    rows[300:, 1:3] = 0.0
    rows[900:, 2] += 0.02
    told = []
    for size in (1, 7, 100, 1600):
        decoder = Decoder(DecoderOptions(evidence=1.0))
        decoder.expect(duration_pmf(DurationOptions(0.0, 6.0, 0.05), 0.01, len(decoder.any_fill)), 200)
        told.append([t for at in range(0, len(rows), size) for t in decoder.push(rows[at : at + size])])
    assert all(each == told[0] for each in told)
    assert [t.kind for t in told[0]] == ["pump_on", "pressure"]
    assert told[0][1].frame == pytest.approx(900, abs=60)
    unknown = Decoder(DecoderOptions(evidence=1.0))
    assert told[0][1].decided < next((t.decided for t in unknown.push(rows) if t.kind == "pressure"), 1600)
    # A new stream is another machine, as far as anybody knows.
    known = Decoder(DecoderOptions(evidence=1.0))
    known.expect(duration_pmf(DurationOptions(0.0, 6.0, 0.05), 0.01, len(known.any_fill)), 0)
    known.push(rows)
    known.reset()
    assert known.push(rows) == Decoder(DecoderOptions(evidence=1.0)).push(rows)


@pytest.mark.parametrize("fill_s", [2.0, 6.0])
def test_a_burst_as_long_as_the_machines_fills_ends_when_it_does(fill_s):
    """It is no hold that nobody can hear, of which only a whoosh could tell the end."""
    decoder = Decoder()
    decoder.expect(duration_pmf(DurationOptions(0.0, fill_s, 0.12), 0.01, len(decoder.any_fill)), 0)
    rows = np.full((300 + round(fill_s * 100) + 300, 6), -5.0)
    rows[:300, 0] = rows[300 : 300 + round(fill_s * 100), 1] = rows[300 + round(fill_s * 100) :, 0] = 0.0
    told = decoder.hear(rows)
    assert [t.kind for t in told] == ["pump_on", "pump_off"]
    assert told[1].decided - told[1].frame < 60


def test_bursts_whose_ends_are_slow_to_show_are_told_apart():
    """Water runs on behind the pump: by the time that the silence is sure, no release is near any more.

    What is left to explain it must not be, for ever, a hold that nobody hears.
    """
    silence, pump, unsure = [0.0, -6.0, -8.0, -6.0], [-6.0, 0.0, -8.0, -6.0], [0.0, 0.0, -8.0, -6.0]
    burst = [pump] * 250 + [unsure] * 100 + [silence] * 230
    decoder = Decoder()
    told = decoder.hear(np.array([silence] * 300 + burst * 3 + [silence] * 900)) + decoder.flush()
    assert [transition.kind for transition in told] == 3 * ["pump_on", "pump_off", "no_release"]
