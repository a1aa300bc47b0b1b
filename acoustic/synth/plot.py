"""A session as a picture: spectrogram, true pressure and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from .truth import CURVE_HZ, Truth

__all__ = ["plot_session"]

_COLOURS: Final = {
    "fill": "tab:orange",
    "hold": "tab:green",
    "release": "tab:blue",
    "shot": "tab:brown",
    "flush": "tab:cyan",
    "refill": "tab:purple",
    "distraction": "0.6",
}
_INSTANTS: Final = {"pressure": "tab:green", "cycle": "tab:blue", "incomplete": "tab:red"}


def plot_session(audio: Path, truth: Truth, picture: Path) -> None:
    """Draw a written session into a PNG file.

    Parameters
    ----------
    audio
        The session's sound.
    truth
        What happened in it.
    picture
        Where to draw.
    """
    import soundfile
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    samples, rate_hz = soundfile.read(audio, dtype="float32")
    # Not pyplot: it keeps global state and picks a window system.
    figure = Figure(figsize=(max(12.0, min(40.0, truth.duration_s / 6.0)), 7.0), layout="constrained")
    FigureCanvasAgg(figure)
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(5, 2, 1))
    # About 15 Hz a bin, so that the comb of a mains pump stands out.
    size = round(0.064 * rate_hz)
    above.specgram(samples + 1e-10, NFFT=size, Fs=rate_hz, noverlap=size * 3 // 4, vmin=-140, vmax=-40, cmap="magma")
    above.set_yscale("symlog", linthresh=500)
    above.set_ylim(0, min(16000, rate_hz / 2))
    above.set_ylabel("Hz")
    plan = truth.plan
    faulty = f", {plan.fault}" if plan.fault else ""
    above.set_title(
        f"{audio.name}: {plan.machine.kind}, {plan.condition}, {plan.scenario}{faulty}; {truth.cycles} cycles"
    )
    middle.plot(np.arange(len(truth.pressure_bar)) / CURVE_HZ, truth.pressure_bar, color="tab:red")
    middle.set_ylabel("group, bar")
    for onset, offset, label in truth.labels():
        if label in _COLOURS and offset > onset:
            row = 1 if label == "distraction" else 0
            below.barh(row, offset - onset, left=onset, height=0.8, color=_COLOURS[label], alpha=0.8)
            below.text(onset, row, label, fontsize=7, va="center", clip_on=True)
        elif label in _INSTANTS and offset == onset:
            for axes in (above, middle):
                axes.axvline(onset, color=_INSTANTS[label], linewidth=0.8, linestyle="--")
    below.set_yticks([])
    below.set_xlabel("s")
    below.set_xlim(0.0, truth.duration_s)
    figure.savefig(picture, dpi=80)
