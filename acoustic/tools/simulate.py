"""The closed loop: simulated machine and microphone, the live detector and coach, and a user who acts on the cues."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from ..coach import Coach
from ..config import CoachOptions
from ..pipeline import Detector, Monitor
from ..synth import Library, Plan, Simulator, Truth, sample_plan
from ..synth.user import FixedRuleUser, ObedientUser, User, sample_user
from ..types import AudioBlock, Cue, Event

__all__ = [
    "Manner",
    "Outcome",
    "Rehearsal",
    "Summary",
    "rehearsals",
    "rehearse",
    "rehearse_all",
    "run_session",
    "summarise",
]

Manner = Literal["guided", "fixed"]

_BLOCK_S: Final = 0.02
_LEAD_S: Final = 4.0
_TAIL_S: Final = 4.0
_LONGEST_S: Final = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One closed-loop session, small enough to be sent to another process.

    `manner` is `guided` for a user who obeys the program and `fixed` for one who runs the pump 10 s on and 10 s off,
    `cycles` times; both meet the same machine in the same room for the same `seed` and `index`.
    """

    condition: str
    seed: int
    index: int
    manner: Manner = "guided"
    cycles: int = 5
    kind: str | None = None
    library: Library | None = None
    rate_hz: int = 16000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    deadhead_s
        For each run in which the pressure was truly up: seconds that the pump went on after that.
    made, counted
        Complete cycles in truth, and as the user believes: counted by the program, or the rule's number.
    wanted
        Cycles to be made.
    early_stops
        Runs against the basket that were stopped before the pressure was up.
    duration_s
        From the session's start to its end; None if it did not end by itself.
    """

    rehearsal: Rehearsal
    machine: str
    deadhead_s: tuple[float, ...]
    made: int
    counted: int
    wanted: int
    early_stops: int
    duration_s: float | None


def run_session(
    simulator: Simulator, user: User, monitor: Monitor | None, *, longest_s: float = _LONGEST_S
) -> tuple[Truth, list[Event | Cue]]:
    """Let a user work at a machine in lockstep with the program.

    Parameters
    ----------
    simulator
        Its plan has no actions.
    user
        Gets every cue after the block in which it was given, and acts from the next block on.
    monitor
        Hears the machine; None for a user without the program.
    longest_s
        The session is given up after so long.

    Returns
    -------
    Truth
        What really happened.
    list of Event and Cue
        What the program said, in its order.
    """
    count = round(_BLOCK_S * simulator.rate_hz)
    records: list[Event | Cue] = []
    while simulator.time_s < longest_s:
        for press in user.act(simulator.time_s):
            if press.on:
                simulator.pump_on(press.load)
            else:
                simulator.pump_off()
        start = simulator.position
        samples = simulator.render(count)
        if monitor is not None:
            told = [
                record
                for record in monitor.push(AudioBlock(start, samples, simulator.rate_hz))
                if isinstance(record, Event | Cue)
            ]
            records += told
            user.hear([record for record in told if isinstance(record, Cue)])
        if user.finished_s is not None and simulator.time_s >= user.finished_s + _TAIL_S:
            break
    return simulator.truth(), records


def _plan(rehearsal: Rehearsal, rng: np.random.Generator) -> Plan:
    plan = sample_plan(rehearsal.condition, rng, rehearsal.kind, library=rehearsal.library)
    return replace(plan, actions=())


def rehearse(rehearsal: Rehearsal) -> Outcome:
    """Run one session, and say what came of it."""
    rng = np.random.default_rng([rehearsal.seed, rehearsal.index, *rehearsal.condition.encode()])
    plan = _plan(rehearsal, rng)
    people = np.random.default_rng([rehearsal.seed, rehearsal.index, 1])
    user: User
    monitor: Monitor | None = None
    if rehearsal.manner == "guided":
        user = ObedientUser(sample_user(people), people)
        monitor = Monitor(Detector(), Coach(CoachOptions(cycles=rehearsal.cycles)))
    else:
        user = FixedRuleUser(_LEAD_S, cycles=rehearsal.cycles)
    truth, records = run_session(Simulator(plan, rng, rehearsal.rate_hz), user, monitor)
    counted = sum(isinstance(record, Event) and record.kind == "cycle" for record in records)
    runs = [run for run in truth.runs if run.kind == "backflush"]
    return Outcome(
        rehearsal,
        plan.machine.kind,
        tuple(
            round((run.pump_off_s if run.pump_off_s is not None else truth.duration_s) - run.pressure_up_s, 3)
            for run in runs
            if run.pressure_up_s is not None
        ),
        truth.cycles,
        counted if monitor is not None else rehearsal.cycles,
        rehearsal.cycles,
        sum(run.pressure_up_s is None for run in runs),
        user.finished_s,
    )


def rehearsals(
    conditions: Sequence[str],
    count: int,
    seed: int,
    cycles: int = 5,
    *,
    kind: str | None = None,
    library: Library | None = None,
) -> list[Rehearsal]:
    """Sessions of every condition, each both guided and by the fixed rule."""
    manners: tuple[Manner, ...] = ("guided", "fixed")
    return [
        Rehearsal(condition, seed, index, manner, cycles, kind, library)
        for condition in conditions
        for index in range(count)
        for manner in manners
    ]


def rehearse_all(sessions: Iterable[Rehearsal], jobs: int = 1) -> Iterator[Outcome]:
    """Run sessions in `jobs` processes; yield the outcomes in their order."""
    if jobs <= 1:
        yield from map(rehearse, sessions)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(rehearse, sessions)
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Summary:
    """Outcomes added up.

    `deadhead_median_s` and `deadhead_p95_s` are over runs, `deadhead_total_s` is the mean over sessions; `exact` is the
    share of sessions in which exactly the wanted cycles were truly made, `short` and `long` that of fewer and of more;
    `counted_right` that in which the count was true; `duration_s` is the median of those that ended by themselves.
    """

    sessions: int
    deadhead_median_s: float
    deadhead_p95_s: float
    deadhead_total_s: float
    exact: float
    short: float
    long: float
    counted_right: float
    early_stops: float
    unfinished: int
    duration_s: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def summarise(mine: Sequence[Outcome]) -> Summary:
    """Add up outcomes, of which there must be one at least."""
    deadhead = [seconds for outcome in mine for seconds in outcome.deadhead_s] or [0.0]
    ended = [outcome.duration_s for outcome in mine if outcome.duration_s is not None]

    def share(test: Callable[[Outcome], bool]) -> float:
        return sum(map(test, mine)) / len(mine)

    return Summary(
        sessions=len(mine),
        deadhead_median_s=float(np.median(deadhead)),
        deadhead_p95_s=float(np.quantile(deadhead, 0.95)),
        deadhead_total_s=sum(sum(outcome.deadhead_s) for outcome in mine) / len(mine),
        exact=share(lambda outcome: outcome.made == outcome.wanted),
        short=share(lambda outcome: outcome.made < outcome.wanted),
        long=share(lambda outcome: outcome.made > outcome.wanted),
        counted_right=share(lambda outcome: outcome.made == outcome.counted),
        early_stops=sum(outcome.early_stops for outcome in mine) / len(mine),
        unfinished=len(mine) - len(ended),
        duration_s=float(np.median(ended)) if ended else float("nan"),
    )
