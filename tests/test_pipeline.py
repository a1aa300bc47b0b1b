"""What is counted after all, and what the user takes back."""

import gc
import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from acoustic.assets import demo_recording
from acoustic.config import DecoderOptions, DetectorOptions
from acoustic.evidence import CONTEXT_NAMES, EVIDENCE_NAMES, RunJudge, Trees
from acoustic.model import load_model
from acoustic.pipeline import Detector, Monitor
from acoustic.sources.file import FileSource
from acoustic.synth import SynthSource, sample_plan
from acoustic.tools.foreign import foreign_sound
from acoustic.types import Action, AudioBlock, Event, settled

BLOCK = AudioBlock(0, np.zeros(160, np.float32), 16_000)


class Script(Detector):
    """A detector that hears what it is told, and notes what is taken back."""

    def __init__(self):
        super().__init__()
        self.heard, self.taken_back = [], []

    def push(self, block):
        return [self.heard.pop(0)] if self.heard else []

    def take_back(self, cycle):
        self.taken_back.append(cycle)


def cycle(number, time_s):
    return Event("cycle", time_s, time_s, 0.9, {"cycle": number, "fill_s": 5.0, "hold_s": 2.0, "release_s": 1.0})


def test_undo_takes_back_the_cycle_that_was_heard_last():
    detector = Script()
    monitor = Monitor(detector)
    detector.heard = [cycle(1, 10.0), cycle(2, 20.0)]
    monitor.push(BLOCK)
    monitor.push(BLOCK)
    monitor.act(Action("count", 25.0))
    monitor.act(Action("undo", 26.0))
    assert detector.taken_back == []
    monitor.act(Action("undo", 27.0))
    monitor.act(Action("undo", 28.0))
    assert detector.taken_back == [2, 1]


def test_a_cycle_that_a_pause_hid_is_none_to_take_back():
    detector = Script()
    monitor = Monitor(detector)
    detector.heard = [cycle(1, 10.0), cycle(2, 20.0)]
    monitor.push(BLOCK)
    monitor.act(Action("pause", 15.0))
    monitor.push(BLOCK)
    monitor.act(Action("resume", 25.0))
    monitor.act(Action("undo", 26.0))
    assert detector.taken_back == [1]


def tree(feature, threshold, below, above):
    return Trees(
        feature=np.array([feature, 0, 0]),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        value=np.array([0.0, below, above]),
        roots=np.array([0]),
        baseline=np.zeros(1),
    )


def both(first, second):
    parts = {name: np.concatenate(pair) for name, *pair in zip(Trees._fields, first, second, strict=True)}
    shifted = np.where(second.left >= 0, second.left + 3, -1), np.where(second.right >= 0, second.right + 3, -1)
    parts["left"][3:], parts["right"][3:] = shifted
    return Trees(**{**parts, "roots": np.array([0, 3]), "baseline": np.zeros(1)})


def always(odds):
    return tree(0, np.inf, odds, odds)


def test_a_first_run_is_counted_once_others_like_it_have_followed():
    # A tree of one question each: a run without others before it is hardly a cycle, nor is any such without others
    # behind it.
    hardly = tree(EVIDENCE_NAMES.index("earlier_runs"), 0.5, -1.0, 3.0)
    unless_followed = tree(CONTEXT_NAMES.index("later"), 0.5, -2.0, 1.0)
    odds = tree(CONTEXT_NAMES.index("odds"), 0.0, 0.0, 5.0)
    doubts_the_first = RunJudge(hardly, both(unless_followed, odds))
    detector = Detector(model=replace(load_model(), judge=doubts_the_first))
    events = [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()
    verdicts = [event for event in events if event.kind in ("cycle", "incomplete")]
    assert [event.kind for event in verdicts] == ["incomplete"] + 5 * ["cycle"]
    doubtful, second, late = verdicts[:3]
    assert (late.time_s, late.decided_s) == (doubtful.time_s, second.decided_s)
    assert [event.details["cycle"] for event in verdicts[1:]] == [1, 2, 3, 4, 5]
    assert [event.kind for event in settled(verdicts)] == 5 * ["cycle"]


def test_only_what_its_judge_takes_for_a_pump_is_told_before_a_whoosh_proves_it():
    def heard(**judges):
        detector = Detector(model=replace(load_model(), **judges))
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    without = heard(pump=None)
    assert [event.kind for event in heard(pump=always(3.0))] == [event.kind for event in without]
    # What is no pump and has no whoosh is nothing; one with a whoosh is a pump, and its cycle counts.
    assert heard(pump=always(-3.0), whoosh=always(-9.0)) == []
    late = heard(pump=always(-3.0))
    told, starts = ([event for event in events if event.kind == "pump_on"] for events in (late, without))
    assert len(told) == len(starts)
    for one, other in zip(told, starts, strict=True):
        assert one.time_s == pytest.approx(other.time_s, abs=0.1)
        assert one.decided_s > other.decided_s + 2.0
    counts = [sum(event.kind == "cycle" for event in events) for events in (late, without)]
    assert counts[0] == counts[1]


def test_pressure_that_is_guessed_at_the_stop_is_told_of_a_cycle_alone():
    def heard(complete, **judges):
        judge = RunJudge(always(complete), always(complete))
        detector = Detector(model=replace(load_model(), quieting=always(-9.0), judge=judge, **judges))
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    cycles, shots, unreleased = heard(4.0), heard(-4.0), heard(-4.0, whoosh=always(-9.0))
    told = [event for event in cycles if event.kind == "pressure"]
    ends = [event for event in cycles if event.kind == "release_end"]
    assert len(told) == len(ends) == 5
    for pressure, end in zip(told, ends, strict=True):
        assert pressure.details["late"]
        assert pressure.decided_s == end.decided_s
        assert pressure.time_s < end.time_s
    assert "pressure" not in {event.kind for event in (*shots, *unreleased)}
    # Whoever unlocks the handle needs to know of what may be in there.
    ends = [event for event in unreleased if event.kind == "no_release"]
    assert sum(bool(event.details.get("pressed")) for event in ends) >= 4
    assert not any(event.details.get("pressed") for event in (*cycles, *shots))


def pumps_told(model, seed):
    detector = Detector(model=model)
    samples = foreign_sound(None, np.random.default_rng([9, seed]), 60.0)
    events = detector.push(AudioBlock(0, samples, 16_000)) + detector.flush()
    return sum(event.kind == "pump_on" for event in events)


def test_noise_that_jumps_in_level_is_told_from_a_pump():
    # No sounds chosen for it: of sixty, the decoder alone takes some fourteen for a pump.
    judged, unjudged = load_model(), replace(load_model(), pump=None)
    taken = [seed for seed in range(60) if pumps_told(judged, seed)]
    assert len(taken) <= 2, taken
    assert sum(pumps_told(unjudged, seed) > 0 for seed in range(60)) >= 10


@pytest.mark.parametrize(("begun_at", "waited"), [(0, 0), (198_765, 179_191), (2_722_304, 129_174)])
def test_a_pump_sets_in_at_one_time_wherever_frames_begin(begun_at, waited):
    """The demo's first pump, after some seconds of a quiet room that is listened to from one sample or another on."""
    rate_hz = 48_000
    demo = soundfile.read(demo_recording(), dtype="float32", frames=12 * rate_hz)[0]
    room = np.random.default_rng(2).normal(0.0, 10 ** (-70 / 20), 64 * rate_hz).astype(np.float32)
    before = np.concatenate([room[begun_at : begun_at + waited], room[: 3 * rate_hz]])
    pump = Detector().push(AudioBlock(0, np.concatenate([before, demo]), rate_hz))[0]
    assert pump.kind == "pump_on"
    assert pump.time_s - len(before) / rate_hz == pytest.approx(4.0, abs=0.02)


def test_the_judge_of_runs_knows_what_the_others_made_of_them():
    # One question each: was the run so likely a pump, and what followed it so likely a whoosh, and no more than that?
    def exactly(name, odds):
        index = EVIDENCE_NAMES.index(name)
        return both(tree(index, odds - 0.1, -5.0, 5.0), tree(index, odds + 0.1, 0.0, -10.0))

    alone = tree(CONTEXT_NAMES.index("odds"), 0.0, -5.0, 5.0)
    for name in ("pump_odds", "whoosh_odds"):
        model = replace(load_model(), pump=always(3.0), whoosh=always(3.0), judge=RunJudge(exactly(name, 3.0), alone))
        detector = Detector(model=model)
        events = [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()
        complete = [event.details["complete"] for event in events if event.kind == "release_end"]
        assert len(complete) >= 5
        assert min(complete) > 0.9


def test_a_hop_in_which_nothing_happens_leaves_nothing_behind():
    """And needs no more room than what comes out of the resampler and some small change."""
    rate_hz, n = 48_000, 480
    rng = np.random.default_rng(0)
    blocks = [AudioBlock(k * n, rng.normal(0.0, 1e-3, n).astype(np.float32), rate_hz) for k in range(900)]
    detector = Detector()
    for block in blocks[:600]:
        detector.push(block)
    gc.collect()
    tracemalloc.start()
    try:
        detector.push(blocks[600])
        before, _ = tracemalloc.get_traced_memory()
        transient = 0
        for block in blocks[601:]:
            now, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            assert not detector.push(block)
            transient = max(transient, tracemalloc.get_traced_memory()[1] - now)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Python's own counters grow, and the list of blocks does not.
    assert after - before < 2_000
    assert transient < 4_000


class Otherwise:
    """An emission that hears some frames of the stream otherwise."""

    def __init__(self, emission):
        self.emission, self.frame = emission, 0

    def new_state(self):
        return self.emission.new_state()

    def judge(self, features, state, log_likelihood):
        self.emission.judge(features, state, log_likelihood)
        self.change(self.frame + np.arange(len(log_likelihood)), log_likelihood)
        self.frame += len(log_likelihood)


def hear(sound, part, log_likelihood):
    log_likelihood[part, :4] = -6.0
    log_likelihood[part, sound] = 0.0


class Drowned(Otherwise):
    """No release is heard from one moment of the stream on, and until another."""

    def __init__(self, emission, first_s, last_s):
        super().__init__(emission)
        self.first, self.last = round(first_s * 100), round(last_s * 100)

    def change(self, frames, log_likelihood):
        deaf = (frames >= self.first) & (frames < self.last)
        log_likelihood[deaf, 3] = log_likelihood[deaf, 0] - 5.0


def test_a_whoosh_that_the_room_drowned_is_counted_behind_one_that_was_heard():
    def heard(first_s, last_s):
        model = load_model()
        detector = Detector(model=replace(model, emission=Drowned(model.emission, first_s, last_s)))
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    releases = [event.time_s for event in heard(0.0, 0.0) if event.kind == "release"]
    third = heard(releases[2] - 1.0, releases[2] + 4.0)
    assert "no_release" not in [event.kind for event in third]
    cycles = [event for event in third if event.kind == "cycle"]
    assert [bool(event.details.get("unheard")) for event in cycles] == [False, False, True, False, False]
    # A valve that never opened before is not known to open: the user is warned.
    all_of_them = heard(0.0, 1000.0)
    assert [event.kind for event in all_of_them].count("no_release") == len(releases)
    assert "cycle" not in [event.kind for event in all_of_them]


def test_a_first_whoosh_that_the_room_drowned_is_counted_once_others_like_it_have_followed():
    # What has no whoosh before it is hardly a cycle, nor is any such without another behind it.
    hardly = tree(EVIDENCE_NAMES.index("earlier_runs"), 0.5, -1.0, 3.0)
    unless_followed = tree(CONTEXT_NAMES.index("later"), 0.5, -2.0, 1.0)
    odds = tree(CONTEXT_NAMES.index("odds"), 0.0, 0.0, 5.0)

    def heard(last_s):
        model = load_model()
        deaf = replace(model, emission=Drowned(model.emission, 0.0, last_s))
        detector = Detector(model=replace(deaf, judge=RunJudge(hardly, both(unless_followed, odds))))
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    second = [event.time_s for event in heard(0.0) if event.kind == "release"][1]
    events = heard(second - 4.0)
    # At first nobody can know, and the user is warned.
    assert [event.kind for event in events].count("no_release") == 1
    verdicts = [event.kind for event in events if event.kind in ("cycle", "incomplete")]
    assert verdicts == 2 * ["incomplete"] + 5 * ["cycle"]
    cycles = [event for event in settled(events) if event.kind == "cycle"]
    assert [bool(event.details.get("unheard")) for event in cycles] == [True, False, False, False, False]
    assert [bool(event.details.get("late")) for event in cycles] == [True, True, False, False, False]


def test_runs_without_a_whoosh_do_not_crowd_a_doubtful_one_out():
    hardly = tree(EVIDENCE_NAMES.index("earlier_runs"), 0.5, -1.0, 3.0)
    unless_followed = tree(CONTEXT_NAMES.index("later"), 0.5, -2.0, 1.0)
    odds = tree(CONTEXT_NAMES.index("odds"), 0.0, 0.0, 5.0)
    blocks = list(FileSource(demo_recording()))
    samples = blocks[-1].start + len(blocks[-1].samples)
    thrice = [replace(block, start=block.start + k * samples) for k in range(3) for block in blocks]
    again_s = 2 * samples / blocks[0].rate_hz

    def heard(first_s, last_s):
        model = load_model()
        deaf = replace(model, emission=Drowned(model.emission, first_s, last_s))
        # Those without a whoosh are not to make each other sure, likely as they are here.
        options = replace(DetectorOptions(), cycle=replace(DetectorOptions().cycle, min_complete_two=1.0))
        detector = Detector(options, replace(deaf, judge=RunJudge(hardly, both(unless_followed, odds))))
        return [event for block in thrice for event in detector.push(block)] + detector.flush()

    first = next(event for event in heard(0.0, 0.0) if event.kind == "release")
    # The first whoosh is heard, then those of nine runs are not; the next one tells of the first.
    verdicts = [event for event in heard(first.time_s + 4.0, again_s) if event.kind in ("cycle", "incomplete")]
    assert [event.kind for event in verdicts[:10]] == 10 * ["incomplete"]
    assert verdicts[10].time_s > again_s
    assert verdicts[0].time_s in [event.time_s for event in verdicts if event.details.get("late")]


class Banged(Otherwise):
    """Fifths of a second of the stream are taken for a release, and behind them the hold is heard."""

    def __init__(self, emission, *bangs_s):
        super().__init__(emission)
        self.bangs = [round(bang_s * 100) for bang_s in bangs_s]

    def change(self, frames, log_likelihood):
        for since in (frames - bang for bang in self.bangs):
            for first, last, sound in ((0, 20, 3), (20, 80, 2)):
                hear(sound, (since >= first) & (since < last), log_likelihood)


def test_a_run_that_a_bang_cuts_in_two_counts_once():
    def heard(bang_s, **options):
        model = load_model()
        banged = replace(model, emission=Banged(model.emission, bang_s), whoosh=always(3.0))
        cycle = replace(DetectorOptions().cycle, **options)
        detector = Detector(replace(DetectorOptions(), cycle=cycle), banged)
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    third = [event.time_s for event in heard(1000.0) if event.kind == "pressure"][2]
    events = heard(third + 0.9)
    verdicts = [event for event in events if event.kind in ("cycle", "incomplete")]
    assert [event.kind for event in verdicts] == 3 * ["cycle"] + ["incomplete"] + 2 * ["cycle"]
    assert "had not stopped" in verdicts[3].details["reason"]
    # By how soon it sets in alone it is known, too.
    too_soon = [event for event in heard(third + 0.9, same_run_s=-1.0) if event.kind in ("cycle", "incomplete")]
    assert [event.kind for event in too_soon] == [event.kind for event in verdicts]
    assert "s after its stop: too soon" in too_soon[3].details["reason"]
    # What is told long after it set in may have set in later than is known: then it is no reason.
    part = next(event for event in events if event.kind == "pump_on" and event.time_s > third)
    told_after_s = part.decided_s - part.time_s
    for soon_told_s, cycles in ((told_after_s - 0.05, 6), (told_after_s + 0.05, 5)):
        told = heard(third + 0.9, same_run_s=-1.0, soon_told_s=soon_told_s)
        assert [event.kind for event in told].count("cycle") == cycles
    # Unless the second part is known for what it is, it counts too.
    unknown = heard(third + 0.9, same_run_s=-1.0, shortest_pause_s=-1.0)
    assert [event.kind for event in unknown].count("cycle") == 6


class Faded(Otherwise):
    """Nothing is heard of a run from a moment on, 4 s later a whoosh, and then nothing for a while."""

    def __init__(self, emission, since_s, until_s):
        super().__init__(emission)
        self.since, self.until = round(since_s * 100), round(until_s * 100)

    def change(self, frames, log_likelihood):
        for first, last, sound in ((0, 400, 0), (400, 480, 3), (480, self.until - self.since, 0)):
            hear(sound, (frames >= self.since + first) & (frames < min(self.since + last, self.until)), log_likelihood)


@pytest.mark.parametrize("counted_unheard", [False, True])
def test_a_run_that_went_on_unheard_is_one_run_and_counts_once(counted_unheard):
    def heard(emission, judge):
        model = replace(load_model(), emission=emission, whoosh=always(5.0), judge=judge)
        detector = Detector(model=model)
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    likely = RunJudge(always(0.0), always(3.0))
    emission = load_model().emission
    starts = [event.time_s for event in heard(emission, likely) if event.kind == "pump_on"]
    on_s, next_s = starts[2:4]
    released_only = RunJudge(always(0.0), tree(CONTEXT_NAMES.index("released"), 0.5, -3.0, 3.0))
    events = heard(Faded(emission, on_s + 3.0, next_s - 0.5), likely if counted_unheard else released_only)
    told = [event for event in events if on_s - 0.5 < event.time_s < next_s - 0.5]
    kinds = [event.kind for event in told]
    again = next(event for event in told if event.details.get("again"))
    first, second = (event for event in told if event.kind in ("cycle", "incomplete"))
    assert kinds.index("pump_off") < told.index(first) < told.index(again) < kinds.index("release") < told.index(second)
    release = next(event for event in told if event.kind == "release")
    assert release.time_s == pytest.approx(on_s + 7.0, abs=0.1)
    stops = [event for event in told if event.kind == "pump_off"]
    assert stops[0].time_s == pytest.approx(on_s + 3.0, abs=0.3)
    assert stops[1].time_s == release.time_s
    if counted_unheard:
        assert (first.kind, second.kind) == ("cycle", "incomplete")
        assert "counted already" in second.details["reason"]
    else:
        assert (first.kind, second.kind) == ("incomplete", "cycle")
        assert second.details["joined"]
        assert second.details["fill_s"] + second.details["hold_s"] == pytest.approx(7.0, abs=0.2)
        assert first not in settled(events)


def test_two_parts_of_a_run_that_are_no_cycles_are_one_together():
    """The first part fills and is hardly held, the second is held and has no fill: the judge wants both."""
    wants_both = (
        tree(EVIDENCE_NAMES.index(name), np.log(least_s), -3.0, 3.0)
        for name, least_s in (("log_fill_s", 2.0), ("log_hold_s", 2.0))
    )
    judge = RunJudge(both(*wants_both), tree(CONTEXT_NAMES.index("odds"), 3.0, -3.0, 3.0))

    def heard(bang_s, **options):
        model = load_model()
        banged = replace(model, emission=Banged(model.emission, bang_s), whoosh=always(3.0), judge=judge)
        cycle = replace(DetectorOptions().cycle, **options)
        detector = Detector(replace(DetectorOptions(), cycle=cycle), banged)
        events = [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()
        return events, [event for event in events if event.kind in ("cycle", "incomplete")]

    events, unhurt = heard(1000.0)
    assert [event.kind for event in unhurt] == 5 * ["cycle"]
    third = [event.time_s for event in events if event.kind == "pressure"][2]
    whole = [*2 * ["cycle"], "incomplete", *3 * ["cycle"]]
    verdicts = heard(third + 0.9)[1]
    assert [event.kind for event in verdicts] == whole
    assert [event.kind for event in settled(verdicts)] == 5 * ["cycle"]
    # It is told as the run that it was.
    for name in ("fill_s", "hold_s"):
        assert verdicts[3].details[name] == pytest.approx(unhurt[2].details[name], abs=0.3)
    # Where they are not likelier as one, or do not follow each other so soon, they are not taken for one.
    for options in ({"least_likelier_whole": 9.0}, {"shortest_pause_s": -1.0}, {"most_complete_part": 0.0}):
        apart = heard(third + 0.9, **options)[1]
        assert [event.kind for event in apart] == [*2 * ["cycle"], *2 * ["incomplete"], *2 * ["cycle"]]


def test_what_sets_in_too_soon_again_and_again_is_no_cycle_however_sure_it_sounds():
    def heard(*bangs_s, **options):
        model = load_model()
        sure = RunJudge(always(5.0), always(5.0))
        banged = replace(model, emission=Banged(model.emission, *bangs_s), whoosh=always(3.0), judge=sure)
        anything = {"same_run_s": -1.0, "min_run_s": 0.0, "short_run_s": 0.0, "faint_db": -np.inf}
        cycle = replace(DetectorOptions().cycle, **anything, **options)
        detector = Detector(replace(DetectorOptions(), cycle=cycle), banged)
        return [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()

    bangs_s = [event.time_s + 0.9 for event in heard() if event.kind == "pressure"][1:4]
    # Three runs are cut in two; of one of them the start may have been put too early.
    for options, cycles in (({}, 6), ({"most_soon": 0}, 5), ({"most_soon": 9}, 8)):
        events = heard(*bangs_s, **options)
        assert [event.kind for event in events].count("cycle") == cycles


def judged_alike(odds, whoosh=None, **options):
    """Verdicts on the demo's runs where all are as likely, with other trees for their whooshes."""
    model = replace(load_model(), judge=RunJudge(always(0.0), always(odds)))
    model = model if whoosh is None else replace(model, whoosh=whoosh)
    cycle = replace(DetectorOptions().cycle, **options)
    detector = Detector(replace(DetectorOptions(), cycle=cycle), model)
    events = [event for block in FileSource(demo_recording()) for event in detector.push(block)] + detector.flush()
    return [event for event in events if event.kind in ("cycle", "incomplete", "no_release")]


def test_two_likely_runs_make_each_other_sure():
    # Six in seven: none is sure enough to be the first.
    alone = judged_alike(np.log(6.0), min_complete_two=1.0)
    assert "cycle" not in [event.kind for event in alone]
    told = judged_alike(np.log(6.0))
    assert [event.kind for event in told[:3]] == ["incomplete", "cycle", "cycle"]
    second, late = told[1:3]
    assert late.details["late"]
    assert late.time_s == told[0].time_s
    assert "late" not in second.details
    assert (second.details["cycle"], late.details["cycle"]) == (1, 2)
    assert late.decided_s == second.decided_s
    assert "cycle" not in [event.kind for event in judged_alike(np.log(3.0))]


def test_two_likely_runs_whose_whooshes_nobody_hears_make_each_other_sure():
    deaf = always(-9.0)
    alone = judged_alike(np.log(6.0), deaf, min_complete_two=1.0)
    assert "cycle" not in [event.kind for event in alone]
    events = judged_alike(np.log(6.0), deaf)
    told = [event for event in events if event.kind != "no_release"]
    assert [event.kind for event in told[:3]] == ["incomplete", "cycle", "cycle"]
    second, late = told[1:3]
    assert second.details["unheard"]
    # They count, but whoever would unlock the handle is warned each time.
    assert len(events) - len(told) == 5
    assert late.details["late"]
    assert late.time_s == told[0].time_s
    # Of a valve that is stuck the judge is not as sure.
    assert "cycle" not in [event.kind for event in judged_alike(np.log(3.0), deaf)]


def begun_in_a_humming_room(seed):
    """Eight seconds of a room with a fridge in it, then a pump: blocks at 16 kHz, and when the pump starts."""
    rng = np.random.default_rng([900, seed])
    plan = replace(sample_plan("home", rng), lead_s=8.0, distractions=())
    source = SynthSource(plan, rng, 16_000, block_s=0.1)
    blocks = list(itertools.takewhile(lambda block: block.start < 12 * 16_000, source))
    return blocks, source.simulator.truth().runs[0].pump_on_s


def first_pump_s(blocks, doubt):
    detector = Detector(DetectorOptions(decoder=replace(DecoderOptions(), unknown_room_odds=doubt)))
    told = [event for block in blocks for event in detector.push(block)]
    return next(event.time_s for event in told if event.kind == "pump_on")


@pytest.mark.parametrize("seed", [5, 15, 76, 393])
def test_a_hum_from_the_first_moment_on_is_no_pump(seed):
    blocks, start_s = begun_in_a_humming_room(seed)
    assert first_pump_s(blocks, DecoderOptions().unknown_room_odds) == pytest.approx(start_s, abs=0.3)


def test_without_doubts_of_an_unknown_room_a_hum_is_told_as_a_pump():
    blocks, start_s = begun_in_a_humming_room(5)
    assert first_pump_s(blocks, 0.0) < start_s - 5.0


def test_a_pump_that_ran_before_anybody_listened_is_told():
    # No rooms chosen for it.
    late = []
    for seed in range(40):
        blocks, start_s = begun_in_a_humming_room(seed)
        detector = Detector()
        begun = [block for block in blocks if block.start > (start_s + 0.5) * 16_000]
        told = [event for block in begun for event in detector.push(block)]
        if not any(event.kind == "pump_on" and event.decided_s < start_s + 3.0 for event in told):
            late.append(seed)
    assert len(late) <= 5, late


def test_out_of_a_quiet_room_the_warning_comes_at_once():
    # Two runs were stopped before anything quietened; a drowned hold would be waited for.
    detector = Detector()
    path = demo_recording().with_name("other-early-stop.flac")
    told = [event for block in FileSource(path) for event in detector.push(block)]
    stops = [event.time_s for event in told if event.kind == "pump_off"]
    warned = [event for event in told if event.kind == "no_release"]
    assert len(warned) == 2
    for event in warned:
        assert event.decided_s - max(stop for stop in stops if stop < event.time_s) < 3.0
