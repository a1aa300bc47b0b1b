"""The whole protocol in one run: fresh sessions by fixed seeds, real sounds, spliced pumps; its table goes to
RESULTS.md.

    python -m benchmarks.protocol [--corpus DIR] [--count 100] [--hours 6] [--jobs 2] [--only counts,sounds,...]

The seeds here are for this table alone: neither training nor tuning may use them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from acoustic.pipeline import Detector
from acoustic.sources.file import FileSource
from acoustic.synth import CONDITIONS, Library, splices_from_labels
from acoustic.tools.aggregate import Figure, Summary, summarise
from acoustic.tools.evaluate import (
    Session,
    SimulatedSession,
    StreamDetector,
    evaluate,
    find_sounds,
    live_detector,
    looped,
    simulated,
)
from acoustic.tools.evaluation_tables import figure_text, rate_text
from acoustic.tools.lessons import is_held_out
from acoustic.tools.scoring import SessionScore

from .baselines import BASELINES
from .results import table, write_section

SEED = 20_260_401
NEGATIVES = ("shots", "flushes", "refills", "leak", "stuck_open", "idle")
# Sounds that may be mixed into sessions; those of the second list are for hearing alone, never for mixing.
MIXED = ("cafe", "speech", "music")
HEARD = ("cafe", "kitchen", "speech", "music")
# False alarms come in bursts, by how loud an appliance happens to be: the same sounds are heard so often, each time at
# other gains.
DRAWS = 3
LEVELS_DBFS = (-50.0, -40.0, -30.0, -20.0, -10.0, -3.0)
RATES_HZ = (8_000, 16_000, 44_100, 48_000, 96_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was wanted, what was measured, and on how much."""

    what: str
    wanted: str
    measured: str
    met: bool | None = None

    def cells(self) -> list[str]:
        """For the table."""
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        return [self.what, self.wanted, self.measured, verdict]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts of the protocol share."""

    corpus: Path | None
    count: int
    hours: float
    jobs: int
    detector: Callable[[], StreamDetector] = live_detector
    kind: str | None = None

    @property
    def library(self) -> Library | None:
        """Recordings to mix into sessions: those that training must not have heard."""
        if self.corpus is None:
            return None
        files = (file for name in MIXED for file in Library.from_folder(self.corpus / name).files)
        return Library(tuple(file for file in files if is_held_out(file[0])))

    def scores(self, sessions: Iterable[Session]) -> list[SessionScore]:
        """Hear the sessions."""
        return list(evaluate(sessions, self.detector, self.jobs))

    def simulated(self, conditions: Sequence[str], scenarios: Sequence[str], count: int) -> list[SimulatedSession]:
        """Fresh sessions; spliced ones where the setting's kind of machine says so."""
        splices = ()
        if self.kind == "spliced":
            assert self.corpus is not None
            splices = splices_from_labels(self.corpus / "labels.tsv", self.corpus / "machine")
        return simulated(conditions, scenarios, count, SEED, kind=self.kind, library=self.library, splices=splices)


def _least(what: str, figure: Figure, wanted: float, *, percent: bool = False) -> Row:
    scale, digits, unit = (100, 1, " %") if percent else (1, 3, "")
    met = None if figure.value is None else figure.value >= wanted
    return Row(what, f">= {scale * wanted:g}{unit}", f"{figure_text(figure, scale, digits)}, n = {figure.of}", met)


def _most(what: str, figure: Figure, wanted: float, *, percent: bool = False) -> Row:
    scale, digits, unit = (100, 1, " %") if percent else (1, 2, " s")
    met = None if figure.value is None else figure.value <= wanted
    return Row(what, f"<= {scale * wanted:g}{unit}", f"{figure_text(figure, scale, digits)}, n = {figure.of}", met)


def _summary(scores: Sequence[SessionScore]) -> Summary:
    return summarise(scores, np.random.default_rng(SEED))


def cleanings(setting: Setting) -> list[Row]:
    """Counts, events and delays on cleanings of every condition."""
    scores = setting.scores(setting.simulated(CONDITIONS, ("cleaning",), setting.count))
    parts = {name: _summary([each for each in scores if each.condition == name]) for name in CONDITIONS}
    exact = {"home": 0.99, "kitchen": 0.95, "hard": 0.80, "cafe": 0.90}
    release = {"home": 0.99, "kitchen": 0.95, "hard": 0.85}
    pressure = {"home": 0.97, "kitchen": 0.92, "hard": 0.80}
    rows = [_least(f"{name}: sessions counted exactly", parts[name].exact, exact[name], percent=True) for name in exact]
    rows += [
        Row(f"{name}: mean error of the count", "", figure_text(parts[name].count_error, 1, 2, sign=True))
        for name in exact
    ]
    rows += [
        _least(f"{name}: release F1 at 200 ms", parts[name].events["release@0.2"].f1, release[name]) for name in release
    ]
    rows += [
        _least(f"{name}: pressure F1 at 1 s", parts[name].events["pressure@1"].f1, pressure[name]) for name in pressure
    ]
    overall = _summary(scores)
    rows += [
        _most("pressure told after the complete quieting, median", overall.delays["pressure"].p50_s, 0.4),
        _most("the same, 95 %", overall.delays["pressure"].p95_s, 1.0),
        _most("pressure told before 80 % of the quieting", overall.early_cues, 0.02, percent=True),
        _most("release told after it, median", overall.delays["release"].p50_s, 0.2),
        _most("the same, 95 %", overall.delays["release"].p95_s, 0.35),
        _most("no-release warnings on good releases", overall.good_releases_warned, 0.02, percent=True),
        Row("calibration error, all events", "", figure_text(overall.calibration["all"].ece, 1, 3)),
        Row("calibration error, cycles", "", figure_text(overall.calibration["cycle"].ece, 1, 3)),
    ]
    return rows


def others(setting: Setting) -> list[Row]:
    """What is no cleaning, or goes wrong: no cycle, early stops named, stops without release recognised."""
    each_count = max(1, setting.count // len(CONDITIONS))
    scenarios = (*NEGATIVES, "early_stops", "stuck_shut")
    scores = setting.scores(setting.simulated(CONDITIONS, scenarios, each_count))
    parts = {name: [each for each in scores if each.scenario == name] for name in scenarios}
    rows = [
        _least(f"{name}: sessions without a cycle", _summary(parts[name]).exact, 0.98, percent=True)
        for name in NEGATIVES
    ]
    negatives = _summary([each for name in NEGATIVES for each in parts[name]])
    early, stuck = _summary(parts["early_stops"]), _summary(parts["stuck_shut"])
    clear, fair = early.clear_early_stops_counted, early.fair
    leak = _summary(parts["leak"]).fair
    either = "the same, either answer right where either is fair"
    rows.insert(NEGATIVES.index("leak") + 1, Row(either, "", f"{figure_text(leak, 100, 1)}, n = {leak.of}"))
    return [
        *rows,
        Row("false cycles an hour in all of these", "", rate_text(negatives.false_cycles)),
        _most("early stops counted", early.early_stops_counted, 0.0, percent=True),
        Row("the same, without those that may be called a cycle", "", f"{figure_text(clear, 100, 1)}, n = {clear.of}"),
        _least("early stops named", early.early_stops_named, 0.95, percent=True),
        _least("early_stops: sessions counted exactly", early.exact, 0.95, percent=True),
        Row(either, "", f"{figure_text(fair, 100, 1)}, n = {fair.of}"),
        _least("stops without release recognised", stuck.unreleased_recognised, 0.90, percent=True),
    ]


def sounds(setting: Setting) -> list[Row]:
    """Real sounds without a machine, for hours; and the real machines."""
    if setting.corpus is None:
        return [Row("real sounds", "", "no corpus here")]
    files = [path for name in HEARD for path in find_sounds(setting.corpus / name)]
    draws = [setting.scores(looped(files, setting.hours, SEED + draw)) for draw in range(DRAWS)]
    scores = [each for draw in draws for each in draw]
    overall = _summary(scores)
    cycles, pump_on = overall.false_cycles, overall.false_pump_on
    return [
        Row(f"{len(files)} real sounds: false cycles an hour", "0", rate_text(cycles), cycles.count == 0),
        Row("false cycles by draw of the gains", "", _by_draw(draws, "cycles_counted")),
        Row("most of them in", "", _worst(scores, "cycles_counted")),
        Row("the same: false pump_on an hour", "<= 0.5", rate_text(pump_on), (pump_on.per_hour or 0.0) <= 0.5),
        Row("false pump_on by draw of the gains", "", _by_draw(draws, "pump_on_false")),
        Row("most of them in", "", _worst(scores, "pump_on_false")),
        *_machines(setting),
    ]


def _by_draw(draws: Sequence[Sequence[SessionScore]], count: str) -> str:
    """How many were told in each draw, all sounds together."""
    return ", ".join(str(sum(getattr(each, count) for each in draw)) for draw in draws)


def _worst(scores: Sequence[SessionScore], count: str) -> str:
    """Name the sounds in which most was told."""
    told: Counter[str] = Counter()
    for each in scores:
        told[each.name] += getattr(each, count)
    return ", ".join(f"{name} ({number})" for name, number in told.most_common(8) if number) or "none"


def _machines(setting: Setting) -> list[Row]:
    assert setting.corpus is not None
    folder = setting.corpus / "machine"
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".wav", ".flac"):
            detector = setting.detector()
            with closing(FileSource(path)) as source:
                events = [event for block in source for event in detector.push(block)]
            found[path.stem] = events + detector.flush()

    def first(name: str, kind: str) -> float:
        return next((event.time_s for event in found[name] if event.kind == kind), float("nan"))

    pressure, stop = first("espresso-50hz", "pressure"), first("espresso-50hz", "pump_off")
    capsule, ground = first("capsule-50hz", "pump_on"), first("grind-then-pump-50hz", "pump_on")
    cycles = sum(event.kind == "cycle" for events in found.values() for event in events)
    return [
        Row("espresso: pressure", "4.0-6.0 s", f"{pressure:.2f} s", 4.0 <= pressure <= 6.0),
        Row("espresso: pump_off", "27.9 +- 0.3 s", f"{stop:.2f} s", abs(stop - 27.9) <= 0.3),
        Row("capsule: pump_on", "4.0 +- 1.0 s", f"{capsule:.2f} s", abs(capsule - 4.0) <= 1.0),
        Row("grinder, then pump: first pump_on", "12.1 +- 1.0 s", f"{ground:.2f} s", abs(ground - 12.1) <= 1.0),
        Row("machine/: cycles", "0", str(cycles), cycles == 0),
    ]


def invariance(setting: Setting) -> list[Row]:
    """The same sessions at other levels and rates: the same counts."""
    count = max(1, setting.count // 10)
    plain = setting.simulated(("home", "kitchen"), ("cleaning",), count)
    expected = [each.cycles_counted for each in setting.scores(plain)]
    variants = {f"pump at {level:g} dBFS": [replace(each, level_dbfs=level) for each in plain] for level in LEVELS_DBFS}
    variants |= {f"heard at {rate / 1000:g} kHz": [replace(each, heard_hz=rate) for each in plain] for rate in RATES_HZ}
    rows = []
    for name, sessions in variants.items():
        counted = [each.cycles_counted for each in setting.scores(sessions)]
        same = sum(a == b for a, b in zip(counted, expected, strict=True))
        rows.append(
            Row(f"{name}: same count", f"{len(plain)} of {len(plain)}", f"{same} of {len(plain)}", same == len(plain))
        )
    return rows


def spliced(setting: Setting) -> list[Row]:
    """The first two parts again, with the pump sound of a real machine."""
    if setting.corpus is None:
        return [Row("spliced pump", "", "no corpus here")]
    real = replace(setting, kind="spliced")
    return cleanings(real) + others(real)


def strangers(setting: Setting) -> list[Row]:
    """The first part again, with machines of no kind."""
    return cleanings(replace(setting, kind="stranger"))


def baselines(setting: Setting) -> str:
    """Detector and baselines on the same sessions, a column each."""
    names: dict[str, Callable[[], StreamDetector]] = {"Detector": live_detector, **BASELINES}
    columns: dict[str, list[str]] = {}
    for name, detector in names.items():
        one = replace(setting, detector=detector)
        summary = _summary(one.scores(setting.simulated(("home", "kitchen"), ("cleaning",), setting.count // 2)))
        shots = _summary(one.scores(setting.simulated(("home", "kitchen"), ("shots",), setting.count // 4)))
        columns[name] = [
            figure_text(summary.exact, 100, 1),
            figure_text(summary.count_error, 1, 2, sign=True),
            figure_text(summary.events["release@0.2"].f1, 1, 3),
            figure_text(summary.events["pressure@1"].f1, 1, 3),
            figure_text(summary.events["pump_on@0.5"].f1, 1, 3),
            figure_text(shots.exact, 100, 1),
        ]
    facts = (
        "home, kitchen: counted exactly, %",
        "mean error of the count",
        "release F1 at 200 ms",
        "pressure F1 at 1 s",
        "pump_on F1 at 0.5 s",
        "shots: without a cycle, %",
    )
    return table(["", *columns], [[fact, *cells] for fact, *cells in zip(facts, *columns.values(), strict=True)])


PARTS: dict[str, tuple[str, Callable[[Setting], list[Row]]]] = {
    "cleanings": ("Cleanings", cleanings),
    "others": ("Other runs and faults", others),
    "sounds": ("Real sounds", sounds),
    "invariance": ("Levels and rates", invariance),
    "spliced": ("Real pump sound, spliced", spliced),
    "strangers": ("Machines of no kind", strangers),
}


def main() -> None:
    """Run the parts that are asked for, and write one section each."""
    corpus = Path(os.environ.get("BACKFLUSH_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "audio"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.protocol", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=corpus if corpus.is_dir() else None)
    parser.add_argument("--count", type=int, default=100, help="sessions a condition or scenario")
    parser.add_argument("--hours", type=float, default=6.0, help="of real sounds, in each draw of their gains")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default=",".join([*PARTS, "baselines"]), help="parts, with commas between")
    parser.add_argument("--json", type=Path, help="write the rows")
    arguments = parser.parse_args()
    setting = Setting(arguments.corpus, arguments.count, arguments.hours, arguments.jobs)
    Detector()  # a missing model is told before hours of work
    rows: dict[str, list[Row]] = {}
    command = f"python -m benchmarks.protocol --count {arguments.count} --hours {arguments.hours:g}"
    for name in arguments.only.split(","):
        if name == "baselines":
            body = baselines(setting)
            write_section("protocol-baselines", "Protocol: beside simple thresholds", f"{command} --only {name}", body)
            continue
        title, part = PARTS[name]
        rows[name] = part(setting)
        body = table(["", "wanted", "measured (95 % interval)", ""], [row.cells() for row in rows[name]])
        write_section(f"protocol-{name}", f"Protocol: {title.lower()}", f"{command} --only {name}", body)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({name: [asdict(row) for row in each] for name, each in rows.items()}, indent=1)
        )


if __name__ == "__main__":
    main()
