"""An evaluation as pictures: reliability, delays, count errors, F1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .evaluate import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]


def plot(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write PNG files into `folder`, which is made if need be; return their paths."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    drawings: dict[str, Callable[[Evaluation, Axes], None]] = {
        "reliability": _reliability,
        "delays": _delays,
        "count-errors": _count_errors,
        "f1": _f1,
    }
    for name, draw in drawings.items():
        # Not pyplot: it keeps global state and picks a window system.
        figure = Figure(figsize=(7, 5), layout="constrained")
        FigureCanvasAgg(figure)
        draw(evaluation, figure.add_subplot())
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=120)
    return paths


def _reliability(evaluation: Evaluation, axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="calibrated")
    for kind in ("pump_on", "pressure", "release", "cycle"):
        bins = [each for each in evaluation.overall.calibration[kind].bins if each.count]
        sizes = [12 + 60 * each.count / max(one.count for one in bins) for each in bins]
        sure = [each.confidence or 0.0 for each in bins]
        right = [each.correct or 0.0 for each in bins]
        axes.plot(sure, right, linewidth=1)
        axes.scatter(sure, right, s=sizes, label=kind)
    axes.set(xlabel="confidence claimed", ylabel="share that was right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="upper left")


def _delays(evaluation: Evaluation, axes: Axes) -> None:
    for kind in ("pump_on", "pressure", "pump_off", "release"):
        delays_s = np.sort([delay_s for each in evaluation.sessions for delay_s in each.delays_s[kind]])
        axes.step(delays_s, np.arange(1, len(delays_s) + 1) / len(delays_s), where="post", label=kind)
    axes.axvline(0, color="0.7", linewidth=1)
    axes.set(xlabel="decided - true time, s (pressure: - complete quieting)", ylabel="share of events", xlim=(-1, 3))
    axes.legend(loc="lower right")


def _count_errors(evaluation: Evaluation, axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    errors = [each.cycles_counted - each.cycles for each in evaluation.sessions]
    edges = np.arange(min([*errors, -1]) - 0.5, max([*errors, 1]) + 1.5)
    conditions = sorted({each.condition for each in evaluation.sessions})
    parts = [
        [each.cycles_counted - each.cycles for each in evaluation.sessions if each.condition == condition]
        for condition in conditions
    ]
    axes.hist(parts, list(edges), stacked=True, label=[condition or "unnamed" for condition in conditions])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="cycles counted - true", ylabel="sessions")
    axes.legend()


def _f1(evaluation: Evaluation, axes: Axes) -> None:
    keys = list(evaluation.overall.events)
    parts = {"all": evaluation.overall} | (dict(evaluation.conditions) if len(evaluation.conditions) > 1 else {})
    width = 0.8 / len(parts)
    for number, (name, summary) in enumerate(parts.items()):
        offset = (number - (len(parts) - 1) / 2) * width
        found = [(i + offset, summary.events[key].f1) for i, key in enumerate(keys)]
        rows = [(x, each.value, each.low or 0.0, each.high or 0.0) for x, each in found if each.value is not None]
        places, values, lows, highs = np.array(rows).reshape(-1, 4).T
        spread = np.maximum([values - lows, highs - values], 0.0)
        axes.errorbar(places, values, yerr=spread, fmt="o", markersize=4, capsize=2, label=name)
    axes.set_xticks(range(len(keys)), keys, rotation=45, ha="right")
    axes.set(ylabel="F1 and 95 % interval", ylim=(0, 1.02))
    axes.legend()
