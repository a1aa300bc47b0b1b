"""An evaluation as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rich.table import Table

from .aggregate import Figure, Rate, Summary
from .evaluate import Evaluation

__all__ = ["figure_text", "groups", "rate_text", "tables"]

_MISCOUNTED_SHOWN = 20

Cell = Callable[[Summary], str]


def groups(evaluation: Evaluation) -> list[tuple[str, Mapping[str, Summary]]]:
    """Return what the sessions are divided by, each with its summaries; one that divides nothing is left out."""
    divided = [
        ("condition", evaluation.conditions),
        ("scenario", evaluation.scenarios),
        ("machine", evaluation.machines),
    ]
    return [("", {"all": evaluation.overall}), *((name, parts) for name, parts in divided if len(parts) > 1)]


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield one table a question: counts, events, delays, faults, phases and confidence, failures."""
    yield _table(
        evaluation,
        "Cycles counted",
        {
            "sessions": lambda each: str(each.sessions),
            "hours": lambda each: f"{each.hours:.2f}",
            "true": lambda each: str(each.cycles),
            "counted": lambda each: str(each.cycles_counted),
            "exact, %": lambda each: figure_text(each.exact, 100, 1),
            "mean error": lambda each: figure_text(each.count_error, 1, 2, sign=True),
            "false an hour": lambda each: rate_text(each.false_cycles),
            "false pump an hour": lambda each: rate_text(each.false_pump_on),
        },
    )
    scored = ("pump_on@0.5", "pressure@1", "pump_off@0.5", "release@0.1", "release@0.2", "release@0.5")
    yield _table(evaluation, "Events, F1 within a collar in seconds", {key: _f1(key) for key in scored})
    yield _table(
        evaluation,
        "Delay of the decision, s (median, 95 %); pressure from the complete quieting",
        {
            **{kind: _delay(kind) for kind in ("pump_on", "pressure", "pump_off", "release", "cycle")},
            "early pressure, %": lambda each: figure_text(each.early_cues, 100, 1),
        },
    )
    yield _table(
        evaluation,
        "Faults, % of pump runs",
        {
            "early stops named": lambda each: figure_text(each.early_stops_named, 100, 1),
            "early stops counted": lambda each: figure_text(each.early_stops_counted, 100, 1),
            "no release, recognised": lambda each: figure_text(each.unreleased_recognised, 100, 1),
            "good ones warned of": lambda each: figure_text(each.good_releases_warned, 100, 1),
        },
    )
    yield _table(
        evaluation,
        "Phases, F1 by intersection; confidence, expected calibration error",
        {
            **{phase: _phase(phase) for phase in ("fill", "hold", "release")},
            **{f"ECE {kind}": _ece(kind) for kind in ("all", "cycle", "release", "pressure")},
        },
    )
    wrong = [each for each in evaluation.sessions if each.cycles_counted != each.cycles]
    if wrong:
        table = Table("session", "machine", "true", "counted", title="Miscounted")
        for each in wrong[:_MISCOUNTED_SHOWN]:
            table.add_row(each.name, each.machine, str(each.cycles), str(each.cycles_counted))
        if len(wrong) > _MISCOUNTED_SHOWN:
            table.caption = f"and {len(wrong) - _MISCOUNTED_SHOWN} more; --json writes them all"
        yield table


def figure_text(figure: Figure, scale: float, digits: int, *, sign: bool = False) -> str:
    """Value and 95 % interval, as in `97.0 (91.5-99.4)`; a dash where there is none."""
    if figure.value is None:
        return "-"
    form = f"{'+' if sign else ''}.{digits}f"
    text = format(scale * figure.value, form)
    if figure.low is None or figure.high is None:
        return text
    to = " to " if sign else "-"
    return f"{text} ({format(scale * figure.low, form)}{to}{format(scale * figure.high, form)})"


def rate_text(rate: Rate) -> str:
    """Rate and the bound that the hours support, as in `0.00 (<= 0.50 in 6.0 h)`."""
    if rate.per_hour is None:
        return "-"
    return f"{rate.per_hour:.2f} (<= {rate.upper_95:.2f} in {rate.hours:.1f} h)"


def _table(evaluation: Evaluation, title: str, columns: Mapping[str, Cell]) -> Table:
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    for name, parts in groups(evaluation):
        if name:
            table.add_section()
        for key, summary in parts.items():
            table.add_row(key, *(cell(summary) for cell in columns.values()))
    return table


def _f1(key: str) -> Cell:
    return lambda each: figure_text(each.events[key].f1, 1, 3)


def _phase(key: str) -> Cell:
    return lambda each: figure_text(each.phases[key].f1, 1, 3)


def _ece(kind: str) -> Cell:
    return lambda each: figure_text(each.calibration[kind].ece, 1, 3)


def _delay(kind: str) -> Cell:
    def text(each: Summary) -> str:
        delays = each.delays[kind]
        if delays.p50_s.value is None or delays.p95_s.value is None:
            return "-"
        return f"{delays.p50_s.value:.2f}, {delays.p95_s.value:.2f}"

    return text
