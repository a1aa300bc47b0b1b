"""The coach in pictures: a session is written as what the machine does, and what the coach says to it is read off.

In a session, `+` is the pump starting, `p` pressure, `-` the pump stopping, `w` the whoosh and its end with a counted
cycle, `d` a counted cycle whose whoosh the room drowned, `u` a whoosh behind which a run is not counted yet, `x` a run
that surely does not count, `?` one without a whoosh that may yet count, `!` a stop without a whoosh, `?!` one of a run
that may yet count, `!p` one before which pressure may have come up unheard; a number lets so many seconds pass;
`[undo]` is the user; `~3` says that the pump stands 3 dB over the background from here on, `/6/2` that cycles filled
for 6 s and held for 2.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.coach import Coach
from acoustic.config import CoachOptions
from acoustic.procedures import Cycles, Flush, Foam, Prepare, Procedure, Rinse, load_procedure
from acoustic.types import ACTION_KINDS, EVENT_KINDS, Action, ActionKind, Cue, Detail, Event, EventKind, Progress

ACTIONS: dict[str, ActionKind] = {kind: kind for kind in ACTION_KINDS}
EVENTS: dict[str, EventKind] = {kind: kind for kind in EVENT_KINDS}
PICTURES = {
    "+": ("pump_on",),
    "p": ("pressure",),
    "-": ("pump_off",),
    "x": ("incomplete",),
    "?": ("incomplete",),
    "!": ("no_release", "incomplete"),
    "?!": ("no_release", "incomplete"),
}
FULL = Procedure(
    "full",
    "",
    (
        Prepare("Ready?"),
        Cycles("Cleaner", 2),
        Foam(look_s=6.0, more=2),
        Rinse("Rinse it."),
        Cycles("Water", 2),
        Flush("Flush it.", 2),
    ),
)
CYCLE = "+ 6 p 2 - w 4"


class Session:
    """A coach, and a clock that the picture drives."""

    def __init__(
        self, procedure: Procedure | None = None, options: CoachOptions | None = None, step_s: float = 0.5
    ) -> None:
        self.coach = Coach(options, procedure)
        self.now_s, self.step_s, self.cycles = 0.0, step_s, 0
        self.over: dict[str, Detail] = {}
        self.lengths: dict[str, Detail] = {}
        self.told: list[Cue | Progress] = self.coach.start(0.0)

    def run(self, picture: str) -> "Session":
        for word in picture.split():
            if word.startswith("["):
                self.told += self.coach.act(Action(ACTIONS[word[1:-1]], self.now_s))
            elif word.startswith("~"):
                self.over = {"over_db": float(word[1:])}
            elif word.startswith("/"):
                self.lengths = dict(zip(("fill_s", "hold_s"), map(float, word[1:].split("/")), strict=True))
            elif word == "w":
                self.push("release")
                self.push("release_end")
                self.cycles += 1
                self.push("cycle", cycle=self.cycles, release_s=2.0 / self.cycles, **self.over, **self.lengths)
            elif word == "d":
                self.push("release_end", unheard=True)
                self.cycles += 1
                self.push("cycle", cycle=self.cycles, release_s=0.0, unheard=True, **self.over, **self.lengths)
            elif word == "!p":
                self.push("no_release", pressed=True)
                self.push("incomplete", reason="no whoosh")
            elif word == "late":
                self.push("pressure", late=True)
            elif word == "again":
                self.push("pressure", again=True)
            elif word in PICTURES:
                sure = 0.6 if "?" in word else 0.98
                for kind in PICTURES[word]:
                    self.push(kind, sure, **({"reason": "too early", **self.over} if kind == "incomplete" else {}))
            elif word == "u":
                for kind in ("release", "release_end"):
                    self.push(kind)
                self.push("incomplete", reason="it may have been a cycle", release_s=1.0)
            else:
                self.wait(float(word))
        return self

    def push(self, kind: str, confidence: float = 0.98, **details: Detail) -> None:
        self.told += self.coach.push(Event(EVENTS[kind], self.now_s, self.now_s, confidence, details))

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + self.step_s, until_s)
            self.told += self.coach.advance(self.now_s)

    @property
    def cues(self) -> str:
        return " ".join(record.kind for record in self.told if isinstance(record, Cue))

    @property
    def texts(self) -> list[str]:
        return [record.text for record in self.told if isinstance(record, Cue)]

    @property
    def steps(self) -> str:
        """Name and count, in the order in which they were told."""
        told = [f"{record.name} {record.count}/{record.target}" for record in self.told if isinstance(record, Progress)]
        return ", ".join(told)

    @property
    def place(self) -> str:
        last = [record for record in self.told if isinstance(record, Progress)][-1]
        return f"{last.name} {last.count}/{last.target}" + (" paused" if last.paused else "")


def test_pressure_that_nobody_hears_stops_the_pump_by_time() -> None:
    session = Session().run("3 + 19.9")
    assert session.cues == "start_pump"
    session.run("0.1 9")
    assert session.cues == "start_pump stop_pump"
    assert session.texts[-1] == "Pressure was not heard, but 20 s are enough for nearly all. Turn the pump off."
    # The machine takes 6 s, found out in retrospect: 1.3 times that and 2 s.
    session.run("- /6/20 w 6 + 9.7")
    assert session.cues.endswith("release_ok start_pump")
    session.run("0.1")
    assert session.texts[-1] == "Pressure was not heard, but it came after 6 s at most before. Turn the pump off."
    # Once it is heard after all, that is told too.
    assert session.run("p").texts[-1] == "Pressure is up. Turn the pump off now."


def test_a_run_that_time_stopped_too_early_is_longer_the_next_time() -> None:
    session = Session().run("3 + 21 - x 6 + 29.9")
    assert session.cues == "start_pump stop_pump warning start_pump"
    assert session.run("0.1").cues.endswith("stop_pump")
    # Counted by hand, it was long enough.
    session = Session().run("3 + 21 - x [count] 6 + 15")
    assert session.cues.endswith("start_pump stop_pump")


def test_a_stop_that_is_not_heeded_is_said_again() -> None:
    session = Session().run("3 + 6 p 19")
    stops = [cue for cue in session.told if isinstance(cue, Cue) and cue.kind == "stop_pump"]
    assert [cue.time_s for cue in stops] == [9.0, 15.5, 22.0]
    assert [cue.about for cue in stops] == 3 * ["pressure"]
    assert stops[1].text == stops[2].text == "Pressure is up, and the pump is still on. Turn it off."
    # From then on the warnings speak, and whose stop was not heard is left in peace.
    assert session.run("12").cues.endswith("stop_pump stop_pump stop_pump warning warning")


def test_who_has_turned_the_pump_off_is_not_told_again() -> None:
    assert Session().run("3 + 6 p 6 - 0.5 w 1").cues == "start_pump stop_pump release_ok"
    # Where the stop was none, they are reminded once that is known.
    session = Session().run("3 + 6 p 2 - 6 again 0.5")
    assert [cue.time_s for cue in session.told if isinstance(cue, Cue)][1:] == [9.0, 17.0]
    # Nobody is spoken to in a pause.
    assert Session().run("3 + 6 p 2 [pause] 30").cues == "start_pump stop_pump"


def test_what_a_step_back_makes_due_is_said_then() -> None:
    session = Session(FULL).run("+ [next] 25 [undo] 0.3")
    assert [cue.time_s for cue in session.told if isinstance(cue, Cue) and cue.kind == "stop_pump"] == [25.0]


def test_a_stop_by_time_is_said_again_later_and_until_pressure_is_heard() -> None:
    session = Session().run("3 + 20 10")
    assert session.texts[-2:] == [
        "Pressure was not heard, but 20 s are enough for nearly all. Turn the pump off.",
        "Still on: turn the pump off.",
    ]
    assert session.told[-1].time_s == 33.0
    assert session.run("1 p 6.5").texts[-2:] == [
        "Pressure is up. Turn the pump off now.",
        "Pressure is up, and the pump is still on. Turn it off.",
    ]


def test_where_a_longer_run_does_not_count_either_it_is_no_longer_any_more() -> None:
    session = Session().run("3 + 21 - u 6")
    assert "count it by hand" in session.texts[-2]
    session.run("+ 29.9")
    assert session.cues.count("stop_pump") == 1
    session.run("1 - u 6 + 20")
    assert session.cues.count("stop_pump") == 3
    assert session.texts[-1].startswith("Pressure was not heard, but 20 s")
    # Where pressure was heard after all, it is not said that it cannot be.
    assert "by hand" not in Session().run("3 + 21 p 1 - u").texts[-1]
    # Without a whoosh there is nothing to count.
    assert "by hand" not in Session().run("3 + 21 - x").texts[-1]


def test_a_cycle_without_a_hold_teaches_only_that_the_air_is_out() -> None:
    session = Session().run("3 + 12 - /12/0 w 6 + 14.9")
    assert session.cues == "start_pump release_ok start_pump"
    assert session.run("0.1").cues.endswith("stop_pump")


def test_a_cycle_that_is_taken_back_teaches_nothing_either() -> None:
    assert Session().run("3 + 6 p - /6/2 w 1 [undo] 6 + 19.9").cues.endswith("start_pump")


def test_the_pump_runs_as_long_as_the_procedure_asks_for_where_pressure_is_not_heard() -> None:
    procedure = Procedure("slow", "", (Cycles("Cleaner", 2, on_s=40.0),))
    assert Session(procedure).run("3 + 39.9").cues == "start_pump"
    assert Session(procedure).run("3 + 40").cues == "start_pump stop_pump"


def test_a_rinse_is_not_stopped_by_time() -> None:
    procedure = Procedure("rinse", "", (Cycles("Cleaner", 1), Flush("Flush it.", 2)))
    assert Session(procedure).run(f"3 {CYCLE} + 60").cues == "start_pump stop_pump release_ok flush_group"


FLUSH = Procedure("flush", "", (Cycles("Cleaner", 1), Flush("Flush it.", 3)))
BURST = "+ 3 - x"


def test_a_burst_that_was_not_heard_is_asked_for_once() -> None:
    session = Session(FLUSH).run(f"3 {CYCLE} {BURST} 2 {BURST} 19.5")
    assert session.cues.endswith("flush_group release_ok release_ok")
    session.run("0.5")
    assert session.cues.endswith("release_ok release_ok flush_group")
    assert session.texts[-1].startswith("2 of 3 bursts heard.")
    # Who answers the door finds the count as it was, and is not nagged.
    assert session.run("600").cues.endswith("release_ok release_ok flush_group")
    assert session.run(f"{BURST}").cues.endswith("flush_group release_ok done")


@pytest.mark.parametrize("busy", ["60", f"{BURST} 2 + 30", f"{BURST} [pause] 60", f"{BURST} 2 {BURST} 2 {BURST} 60"])
def test_no_burst_is_asked_for_before_the_first_while_the_pump_runs_in_a_pause_or_once_all_are_made(busy: str) -> None:
    assert Session(FLUSH).run(f"3 {CYCLE} {busy}").cues.count("flush_group") == 1


def test_after_each_burst_the_next_is_asked_for_anew() -> None:
    assert Session(FLUSH).run(f"3 {CYCLE} {BURST} 30 {BURST} 30").cues.count("flush_group") == 3


def test_after_an_undo_the_burst_is_asked_for_again() -> None:
    session = Session(FLUSH).run(f"3 {CYCLE} {BURST} 2 {BURST} 30 [undo] 30")
    assert session.texts[-1].startswith("1 of 3 bursts heard.")


def test_counting_leads_to_the_foam_and_is_done() -> None:
    session = Session(options=CoachOptions(cycles=2)).run(f"3 {CYCLE} {CYCLE} 10")
    assert session.cues == "start_pump stop_pump release_ok start_pump stop_pump release_ok foam_clear done"
    assert session.texts[-4:-1] == [
        "Pressure is up. Turn the pump off now.",
        "Counted: 2 of 2.",
        "The foam should be clear now: 2 cycles are done and the whoosh went from 2.0 to 1.0 s. Sound cannot show it: "
        "look into the drip tray. White foam is clean, brown foam wants more cycles.",
    ]
    assert session.coach.count == 2


def test_a_whole_procedure_by_hearing_alone() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} 20 {CYCLE} {CYCLE} 5 + 3 - x 2 + 3 - x 5")
    assert session.steps == (
        "Get ready 0/2, Cleaner 0/2, Cleaner 1/2, Look at the foam 2/2, Rinse the handle 2/2, "
        "Water 0/2, Water 1/2, Flush the group 0/2, Flush the group 1/2, Done 2/2"
    )
    assert session.cues == (
        "start_pump stop_pump release_ok start_pump stop_pump release_ok foam_clear rinse_handle "
        "stop_pump release_ok start_pump stop_pump release_ok flush_group release_ok release_ok done"
    )
    assert session.texts[-1] == "All done: cleaner 2, water 2, flush the group 2."


def test_someone_answers_the_door_for_ten_minutes() -> None:
    session = Session(FULL).run(f"3 {CYCLE} 600 {CYCLE}")
    assert session.place == "Look at the foam 2/2"


def test_an_early_stop_is_not_counted_and_says_why() -> None:
    session = Session(FULL).run(f"3 + 2 - x 3 {CYCLE}")
    assert session.texts[1:3] == ["Not counted: too early.", "Ready?"]
    assert session.place == "Cleaner 1/2"
    assert session.run("+ 2 - x 4").texts[-2:] == ["Not counted: too early.", "Next: cycle 2 of 2. Turn the pump on."]


def test_water_run_through_before_the_first_cycle_begins_nothing() -> None:
    session = Session(FULL).run("3 + 2 - x")
    assert session.place == "Get ready 0/2"
    assert session.run("5 + 6 p").place == "Cleaner 0/2"


def test_a_first_run_with_a_whoosh_has_begun_the_cleaning_though_it_is_not_counted_yet() -> None:
    session = Session(FULL).run("3 + 6 p 2 - u")
    assert session.place == "Cleaner 0/2"
    assert "it may have been a cycle" in session.texts[-1]


def test_behind_a_whoosh_an_early_stop_takes_nothing_back() -> None:
    """The first run may yet count, once others like it have followed."""
    session = Session(FULL).run("3 + 6 p 2 - u 4 + 1 -")
    assert session.place == "Cleaner 0/2"
    assert session.run("x 2").place == "Cleaner 0/2"


def test_a_first_run_that_may_yet_count_has_begun_the_cleaning_though_its_whoosh_was_not_heard() -> None:
    session = Session(FULL).run("3 + 6 p 2 - ? 4")
    assert session.place == "Cleaner 0/2"
    assert session.texts[1:] == [
        "Pressure is up. Turn the pump off now.",
        "Not counted: too early.",
        "Next: cycle 1 of 2. Turn the pump on.",
    ]
    assert session.run("+ 1 - x 2").place == "Cleaner 0/2"


def test_behind_the_warning_not_to_unlock_an_early_stop_takes_nothing_back_either() -> None:
    session = Session(FULL).run("3 + 6 p 2 - 3 ?! 4 + 1 - x 2")
    assert session.place == "Cleaner 0/2"


def test_no_whoosh_is_an_alarm_that_nothing_covers() -> None:
    session = Session(FULL).run("3 + 6 p 2 - 3 !")
    last = [record for record in session.told if isinstance(record, Cue)][-1]
    assert (last.kind, last.urgency) == ("warning", "alarm")
    assert "do not unlock" in last.text


def test_without_pressure_there_is_nothing_to_unlock() -> None:
    assert "unlock" not in " ".join(Session(FULL).run("3 + 2 - 3 !").texts)
    assert "do not unlock" in Session(FULL).run("3 + 8 - 3 !p").texts[-1]


@pytest.mark.parametrize("step_s", [0.1, 0.5, 7.0])
def test_a_long_hold_is_warned_of_at_20_and_30_s_and_not_again(step_s: float) -> None:
    session = Session(FULL, step_s=step_s).run("3 + 6 p 60 - w 5")
    warnings = [(cue.time_s, cue.urgency) for cue in session.told if isinstance(cue, Cue) and cue.kind == "warning"]
    assert warnings == [(29.0, "act"), (39.0, "alarm")]


def test_the_pump_runs_at_least_as_long_as_the_procedure_says() -> None:
    procedure = Procedure("timed", "", (Prepare("Ready?"), Cycles("Cleaner", 2, on_s=10.0, pause_s=8.0)))
    session = Session(procedure).run("3 + 4 p 10 - w 2 + 12 p")
    stops = [cue.time_s for cue in session.told if isinstance(cue, Cue) and cue.kind == "stop_pump"]
    assert stops == [13.0, 31.0]  # 10 s after the start; then at pressure, which came later than that
    assert [text for text in session.texts if "early" in text] == ["A little early: 8 s between cycles are better."]


def test_a_long_pause_is_counted_down_from_where_the_count_has_been_read() -> None:
    procedure = Procedure("timed", "", (Prepare("Ready?"), Cycles("Cleaner", 2, on_s=10.0, pause_s=10.0)))
    session = Session(procedure).run("3 + 12 p 2 - w 20")
    assert session.cues == "start_pump stop_pump release_ok wait start_pump"
    assert session.texts[-3:] == [
        "Counted: 1 of 2. Wait a moment.",
        "Wait 8 s before the next cycle.",
        "Next: cycle 2 of 2. Turn the pump on.",
    ]


def test_a_pump_that_can_hardly_be_heard_is_said_once_until_it_was_heard_well() -> None:
    session = Session(options=CoachOptions(cycles=9)).run(f"3 ~3.4 {CYCLE} 10 {CYCLE} 10")
    assert session.cues == (
        "start_pump stop_pump release_ok faint start_pump stop_pump release_ok start_pump"  # no second one
    )
    (faint,) = [cue for cue in session.told if isinstance(cue, Cue) and cue.kind == "faint"]
    assert faint.text == (
        "Cannot hear the pump well: it is only 3 dB louder than the room. Bring the microphone nearer, take another, "
        "or turn noise suppression off."
    )
    assert (faint.urgency, faint.about) == ("act", "microphone")
    starts = [cue.time_s for cue in session.told if isinstance(cue, Cue) and cue.kind == "start_pump"]
    assert starts[1] - faint.time_s == 6.0  # time to read it
    session.run(f"~6.0 {CYCLE} 10 ~-2.0 + 2 - x 10 + 2 - x 10")
    assert session.cues.endswith("release_ok start_pump warning start_pump warning faint start_pump")
    assert "it is only 0 dB louder" in session.texts[-2]


def test_a_faint_pump_gives_way_to_what_the_next_step_wants_and_is_silent_without_a_figure() -> None:
    assert "faint" not in Session(FULL).run(f"3 {CYCLE} {CYCLE}").cues
    assert Session(FULL).run(f"3 {CYCLE} ~1 {CYCLE}").cues.endswith("release_ok faint foam_clear")
    assert Session(FULL).run("~1 3 + 2 - x 3 + 6 p 2 - 3 !").cues.endswith("warning faint")


def test_what_may_not_be_the_pump_says_nothing_of_how_it_is_heard() -> None:
    assert "faint" not in Session(FULL).run("~1 3 + 2 - x").cues  # one alone may be another sound
    assert "faint" not in Session(FULL).run(f"3 {CYCLE} ~1 + 2 - x 0.5 + 2 - x").cues  # nor may what follows at once
    assert "faint" not in Session(FULL).run("[next] [next] [next] [next] [next] ~1 + 3 - x 3 + 3 - x").cues
    assert "faint" not in Session(FULL).run("3 + 6 [pause] ~1 p 2 - w").cues


def test_an_echo_is_no_burst() -> None:
    session = Session(FULL).run("[next] [next] [next] [next] [next] 3 + 0.3 - x")
    assert session.place == "Flush the group 0/2"
    assert session.run("3 + 1.5 - x").place == "Flush the group 1/2"


@pytest.mark.parametrize("burst", ["+ 3 - w", "+ 3 late - x", "+ 3 late - w"])
def test_a_burst_is_counted_once_whatever_is_made_of_it_afterwards(burst: str) -> None:
    session = Session(FULL).run(f"[next] [next] [next] [next] [next] 3 {burst} 5")
    assert session.place == "Flush the group 1/2"
    assert session.run(f"{burst} 5").place == "Done 0/2"
    assert session.coach.count == 0


def test_one_more_cycle_before_the_flush_is_a_cycle() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} 20 {CYCLE} {CYCLE} 5 {CYCLE} 5 + 3 - x")
    assert session.steps.endswith("Flush the group 0/2, Flush the group 1/2")
    assert session.coach.count == 5


def test_a_pump_stopped_before_its_time_is_not_told_to_stop() -> None:
    procedure = Procedure("timed", "", (Prepare("Ready?"), Cycles("Cleaner", 2, on_s=10.0)))
    assert "stop_pump" not in Session(procedure).run("3 + 4 p 1 - w 20").cues


def test_a_stop_that_was_none_leaves_due_what_was_due() -> None:
    procedure = Procedure("timed", "", (Prepare("Ready?"), Cycles("Cleaner", 2, on_s=10.0)))
    session = Session(procedure).run("3 + 4 p 1 - 1 again 6 - w 1")
    stops = [cue.time_s for cue in session.told if isinstance(cue, Cue) and cue.kind == "stop_pump"]
    assert stops == [13.0]
    assert session.place == "Cleaner 1/2"
    # What fell due while the pump seemed to be off is said as soon as it is known not to be, and only then.
    session = Session(procedure).run("3 + 4 p 1 - 8 again 6 - w 1")
    stops = [cue.time_s for cue in session.told if isinstance(cue, Cue) and cue.kind == "stop_pump"]
    assert stops == [16.0]


def test_the_next_cycle_is_asked_for_after_the_pause_unless_it_has_begun() -> None:
    assert Session(FULL).run("3 + 6 p 2 - w 2 + 6 p").cues == "start_pump stop_pump release_ok stop_pump"
    session = Session(FULL).run("3 + 6 p 2 - w 60")
    assert session.cues == "start_pump stop_pump release_ok start_pump"
    assert session.texts[-1] == "Next: cycle 2 of 2. Turn the pump on."


def test_another_cycle_while_looking_at_the_foam_is_one_more_of_the_cleaner() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} {CYCLE}")
    assert session.steps.endswith("Look at the foam 2/2, Cleaner 2/3, Look at the foam 3/3")


def test_a_pump_that_runs_without_pressure_while_looking_or_rinsing_moves_nothing() -> None:
    session = Session(FULL).run(f"3 {CYCLE} + 6 p 2 - w 2 + 3 - x 3")
    assert session.place == "Look at the foam 2/2"
    assert session.run("4").place == "Rinse the handle 2/2"
    assert session.run("5 + 3 - x 30").place == "Rinse the handle 2/2"
    assert session.texts[-2:] == ["Not counted: too early.", "Rinse it."]
    assert session.run("+ 6 p").place == "Water 0/2"


def test_a_cycle_whose_pressure_could_not_be_heard_moves_on_as_well() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} + 8 - w 1")
    assert session.place == "Look at the foam 3/3"
    assert session.run("20 + 8 - w 1").place == "Water 1/2"


def test_brown_foam_asks_for_more_and_white_foam_goes_on() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} [more]")
    assert session.place == "Cleaner 2/4"
    assert session.run(f"{CYCLE} {CYCLE}").place == "Look at the foam 4/4"
    assert session.run("[clean]").place == "Rinse the handle 4/4"
    assert session.run("[more]").place == "Cleaner 4/6"
    assert Session(FULL).run("[more]").place == "Get ready 0/2"
    assert Session(FULL).run("[next] [more]").place == "Cleaner 0/2"


def test_pause_and_resume_keep_the_count() -> None:
    session = Session(FULL).run(f"3 {CYCLE} [pause]")
    assert session.place == "Cleaner 1/2 paused"
    before = len(session.told)
    session.run("+ 25 p 40 - w 600")  # a shot for the visitor
    assert session.told[before:] == []
    assert session.run("[resume]").place == "Cleaner 1/2"
    assert session.texts[-1] == "Cleaner: cycle 2 of 2. Turn the pump on."
    assert session.run(CYCLE).place == "Look at the foam 2/2"


def test_a_count_can_be_taken_back_and_made_by_hand() -> None:
    session = Session(FULL).run(f"3 {CYCLE} [undo]")
    assert session.place == "Cleaner 0/2"
    assert session.run("[count] [count]").place == "Look at the foam 2/2"
    assert session.run("[undo]").place == "Cleaner 1/2"
    assert session.texts[-1] == "Cleaner: cycle 2 of 2. Turn the pump on."
    assert session.run("[undo] [undo] [undo]").place == "Cleaner 0/2"


def test_a_cycle_that_was_not_heard_is_counted_by_hand_where_it_belongs() -> None:
    session = Session(FULL).run("3 [count]")
    assert session.place == "Cleaner 1/2"
    assert session.run("[undo]").place == "Get ready 0/2"
    session.run("[count] [count] [count]")
    assert session.place == "Look at the foam 3/3"
    assert "Counted: 3 of 3." in session.texts
    assert session.run("[clean] [count]").place == "Water 1/2"
    assert session.run("[undo]").place == "Rinse the handle 3/3"
    assert session.run("[next] [next] [count]").place == "Flush the group 1/2"


def late(session: Session, time_s: float) -> str:
    """Count an earlier run after all; return where the session stands."""
    now_s = session.now_s
    session.cycles += 1
    session.told += session.coach.push(Event("cycle", time_s, now_s, 0.7, {"cycle": session.cycles, "late": True}))
    return session.place


def test_a_run_that_is_counted_after_all_belongs_to_the_step_that_it_was_made_in() -> None:
    session = Session(FULL).run(f"3 + 6 p 2 - x 4 {CYCLE}")
    assert session.place == "Cleaner 1/2"
    assert late(session, 11.0) == "Look at the foam 2/2"
    assert "Counted after all: 2 of 2. An earlier run sounded like those after it." in session.texts
    assert session.run("[undo]").place == "Cleaner 1/2"
    session = Session(FULL).run(f"3 {CYCLE} + 6 p 2 - x 4 {CYCLE} [clean] [next] {CYCLE}")
    assert session.place == "Water 1/2"
    assert late(session, 25.0) == "Water 1/2"
    assert session.coach.count == 4


def test_a_run_that_the_user_counted_by_hand_is_not_counted_again() -> None:
    session = Session(FULL).run(f"3 + 6 p 2 - x 4 [count] {CYCLE}")
    assert session.place == "Look at the foam 2/2"
    assert late(session, 11.0) == "Look at the foam 2/2"
    # By hand it was counted once, and so is any other run.
    assert late(session, 11.5) == "Look at the foam 3/3"


@pytest.mark.parametrize("by_hand", ["", "[count]"])
def test_a_run_in_two_parts_is_counted_once(by_hand: str) -> None:
    session = Session(FULL).run(f"3 + 6 p 2 - x {by_hand} + 4 -")
    whole = {"cycle": 1, "joined": True, "fill_s": 6.0, "hold_s": 6.0, "release_s": 1.0}
    now_s = session.now_s
    session.told += session.coach.push(Event("cycle", now_s, now_s, 0.9, whole))
    assert session.place == "Cleaner 1/2"
    # The next one is another.
    assert session.run(CYCLE).place == "Look at the foam 2/2"


def test_a_burst_that_a_late_whoosh_makes_longer_is_counted_once() -> None:
    session = Session(FULL).run("[next] [next] [next] [next] [next] 3 + 3 - x 4 -")
    assert session.place == "Flush the group 1/2"
    longer = {"cycle": 1, "joined": True, "fill_s": 3.0, "hold_s": 3.5, "release_s": 0.4}
    session.told += session.coach.push(Event("cycle", session.now_s, session.now_s, 0.9, longer))
    assert session.place == "Flush the group 1/2"
    assert session.coach.count == 0
    # A cycle is one also here, where nothing of it was counted before.
    session.told += session.coach.push(Event("cycle", session.now_s + 20.0, session.now_s + 20.0, 0.9, longer))
    assert session.coach.count == 1


def test_what_is_counted_by_hand_in_a_pause_asks_for_nothing_in_the_past() -> None:
    session = Session(FULL).run("2 [pause] [count] 4 [resume] 5")
    assert [(cue.kind, cue.time_s) for cue in session.told if isinstance(cue, Cue)] == [
        ("start_pump", 0.0),
        ("release_ok", 2.0),
        ("start_pump", 6.0),
    ]


def test_undo_after_the_rinse_has_begun_goes_back_to_the_last_count() -> None:
    session = Session(FULL).run(f"3 {CYCLE} {CYCLE} 20 [undo]")
    assert session.place == "Cleaner 1/2"


def test_next_goes_through_all_steps() -> None:
    session = Session(FULL).run("[next] [next] [next] [next] [next] [next] [next]")
    assert session.cues == "start_pump start_pump foam_clear rinse_handle start_pump flush_group done"
    assert session.place.startswith("Done")
    assert "The foam may not be clear yet: 0 of 2 cycles are done." in session.texts[2]


def test_stopping_early_is_said_at_the_end() -> None:
    session = Session(FULL).run(f"3 {CYCLE}")
    assert session.coach.finish(30.0)[-1] == Cue(
        "done", "Stopped early: cleaner 1 of 2, water 0 of 2, flush the group 0 of 2.", "info", 30.0, "session"
    )


def test_after_the_end_a_further_cycle_still_counts_but_says_nothing_new() -> None:
    session = Session(options=CoachOptions(cycles=1)).run(f"3 {CYCLE} 20 {CYCLE}")
    assert session.coach.finish(60.0) == []
    assert session.coach.count == 2


@pytest.mark.parametrize("name", ["article", "home", "cafe", "cafiza", "firmware", "water"])
def test_every_shipped_procedure_can_be_gone_through_by_hearing_alone(name: str) -> None:
    procedure = load_procedure(name)
    session = Session(procedure).run("3")
    for step in procedure.steps:
        if isinstance(step, Cycles):
            session.run(f"+ 8 p {step.on_s} 3 - w 12 " * step.cycles)
        elif isinstance(step, Foam | Rinse):
            session.run("15")
        elif isinstance(step, Flush):
            session.run("+ 3 - x 3 " * step.bursts)
    assert session.place.startswith("Done")


words = st.sampled_from([*"+p-wx!", "again", "~2", "~9", "0.3", "4", "25", *(f"[{kind}]" for kind in ACTION_KINDS)])


@given(st.lists(words, max_size=40), st.sampled_from([0.1, 0.7, 100.0]))
def test_no_order_of_things_breaks_it_and_cues_do_not_depend_on_how_time_is_chopped(
    order: list[str], step_s: float
) -> None:
    first = Session(FULL, step_s=0.3).run(" ".join(order))
    second = Session(FULL, step_s=step_s).run(" ".join(order))
    assert first.told == second.told
    times_s = [record.time_s for record in first.told]
    assert times_s == sorted(times_s)
    for record in first.told:
        if isinstance(record, Progress):
            assert 1 <= record.step <= record.steps + 1
            assert record.target > 0


@given(st.lists(st.sampled_from(EVENT_KINDS), max_size=30))
def test_events_in_any_order_are_borne(kinds: list[str]) -> None:
    session = Session(FULL)
    for kind in kinds:
        session.push(kind)
        session.wait(1.0)
    assert all(re.fullmatch(r"[A-Z].*[.!?]", text) for text in session.texts)


def test_a_drowned_whoosh_counts_and_asks_the_user_to_see_to_it() -> None:
    session = Session(FULL).run(f"{CYCLE} + 6 p 2 - d 1")
    assert session.place == "Look at the foam 2/2"
    assert any("drowned" in text and "unlock" in text for text in session.texts)
    # What nobody heard has no length to compare with.
    foam = next(record.text for record in session.told if isinstance(record, Cue) and record.kind == "foam_clear")
    assert "0.0 s" not in foam


def test_the_pump_is_stopped_when_this_machine_should_have_pressure() -> None:
    """What all cycles together say comes before the longest of them."""
    session = Session().run("3 + 9 p 2 -")
    session.push("cycle", cycle=1, release_s=1.0, fill_s=9.0, hold_s=2.0, next_fill_s=4.0)
    assert session.run("6 + 6").cues.endswith("release_ok start_pump")
    assert session.run("0.2").cues.endswith("stop_pump")
    assert session.texts[-1] == "Pressure was not heard, but this machine should have it after 4 s. Turn the pump off."
