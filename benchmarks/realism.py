"""Measure real recordings and simulated sessions the same way, side by side.

Run `python -m benchmarks.realism [--corpus FOLDER] [--sessions N] [--json FILE]`; it writes its section of RESULTS.md.
The recordings are of espresso machines with coffee in the basket: nobody has published a backflush. So the real figures
are compared with simulated shots, and the blind basket is shown beside them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from acoustic.synth import Action, Recording, sample_plan, synthesise

from .results import table, write_section

Span = tuple[float, float]
# file, fill, pressurised, pump start, pump stop, nominal mains rate; spans by eye from spectrograms, to about 0.3 s.
REAL: tuple[tuple[str, Span, Span | None, float | None, float | None, float], ...] = (
    ("machine/espresso-50hz.wav", (0.2, 2.4), (6.0, 27.0), None, 27.9, 50.0),
    ("machine/grind-then-pump-50hz.flac", (12.4, 14.2), None, 12.15, None, 50.0),
    ("machine/capsule-50hz.wav", (4.15, 5.1), (5.7, 12.0), 4.0, None, 50.0),
)
_COMB = "comb off nominal, Hz"
_BANDS_HZ = ((140.0, 300.0), (700.0, 1500.0), (3000.0, 6000.0))


def _band(samples: np.ndarray, rate_hz: int, low_hz: float, high_hz: float) -> np.ndarray:
    sos = scipy.signal.butter(4, (low_hz, min(high_hz, 0.49 * rate_hz)), "bandpass", fs=rate_hz, output="sos")
    return scipy.signal.sosfilt(sos, samples)


def _level_db(samples: np.ndarray, rate_hz: int) -> float:
    """Median level of frames of 0.1 s: talk and knocks in a recording then count little."""
    size = min(rate_hz // 10, len(samples))
    power = np.square(samples[: len(samples) // size * size].reshape(-1, size)).mean(axis=1)
    return float(10.0 * np.log10(np.median(power) + 1e-20))


def _cut(samples: np.ndarray, rate_hz: int, span: Span) -> np.ndarray:
    return samples[int(span[0] * rate_hz) : int(span[1] * rate_hz)]


def _envelope(samples: np.ndarray, rate_hz: int) -> tuple[np.ndarray, int]:
    """Envelope of 1-6 kHz at about 1 kHz."""
    power = np.square(_band(samples, rate_hz, 1000.0, 6000.0))
    every = rate_hz // 1000
    power = power[: len(power) // every * every].reshape(-1, every).mean(axis=1)
    return np.sqrt(power), rate_hz // every


def comb_hz(samples: np.ndarray, rate_hz: int, nominal_hz: float) -> float:
    """Spacing of the comb: the rate within 1 Hz of nominal whose harmonics hold most energy."""
    window = samples * np.hanning(len(samples))
    size = max(len(window), 16 * rate_hz)
    spectrum = np.abs(np.fft.rfft(window, size))
    candidates = np.arange(nominal_hz - 1.0, nominal_hz + 1.0, 0.01)
    orders = np.arange(3, 15)
    bins = np.rint(candidates[:, None] * orders * size / rate_hz).astype(int)
    return float(candidates[np.argmax(np.log(spectrum[bins] + 1e-9).sum(axis=1))])


def am_depth_db(samples: np.ndarray, rate_hz: int, pulse_hz: float) -> float:
    """Depth of the modulation at the pulse rate: envelope folded over the period, peak over trough."""
    envelope, hz = _envelope(samples, rate_hz)
    phase = (np.arange(len(envelope)) * pulse_hz / hz) % 1.0
    folded = np.array([np.mean(envelope[(phase * 10).astype(int) == i] ** 2) for i in range(10)])
    return float(10.0 * np.log10(folded.max() / folded.min()))


def envelope_line_db(samples: np.ndarray, rate_hz: int, pulse_hz: float) -> float:
    """Line of the envelope's spectrum at the pulse rate over the median of 30-200 Hz, in windows of a second."""
    envelope, hz = _envelope(samples, rate_hz)
    size = min(hz, len(envelope))
    frequencies, power = scipy.signal.welch(envelope, hz, "hann", size)
    near = np.abs(frequencies - pulse_hz) <= 1.1
    wide = (frequencies >= 30.0) & (frequencies <= 200.0)
    return float(10.0 * np.log10(power[near].max() / np.median(power[wide])))


def drop_s(samples: np.ndarray, rate_hz: int, fill: Span, held: Span) -> float:
    """10-90 % time of the drop in 3-6 kHz (0.7-6 kHz where the drop is seen), in dB over time."""
    band = np.square(_band(samples, rate_hz, 700.0, 6000.0))
    every = rate_hz // 50
    power = band[: len(band) // every * every].reshape(-1, every).mean(axis=1)
    level = 10.0 * np.log10(scipy.signal.medfilt(power, 5) + 1e-20)
    start, stop = int((fill[1] - 1.0) * 50), int((held[0] + 0.8) * 50)
    high = float(np.median(level[int(max(fill[0], fill[1] - 1.0) * 50) : int(fill[1] * 50)]))
    low = float(np.median(level[int(held[0] * 50) : int(held[1] * 50)]))
    stretch = level[max(start, 0) : stop]
    below_90 = np.flatnonzero(stretch <= low + 0.1 * (high - low))
    if high - low < 3.0 or len(below_90) == 0:
        return float("nan")
    above_10 = np.flatnonzero(stretch[: below_90[0]] >= high - 0.1 * (high - low))
    return float((below_90[0] - (above_10[-1] if len(above_10) else 0)) / 50.0)


def stop_s(samples: np.ndarray, rate_hz: int, stop: float) -> float:
    """How long 140-300 Hz takes to fall by 20 dB (or to the background, if that is nearer) at the pump's stop."""
    band = np.square(_band(samples, rate_hz, 140.0, 300.0))
    every = rate_hz // 100
    power = band[: len(band) // every * every].reshape(-1, every).mean(axis=1)
    level = 10.0 * np.log10(power + 1e-20)
    at = int(stop * 100)
    plateau = float(np.median(level[max(0, at - 100) : at - 10]))
    later = level[max(0, at - 30) : at + 60]
    below = np.flatnonzero(later <= plateau - 20.0)
    above = np.flatnonzero(later[: below[0]] >= plateau - 3.0) if len(below) else []
    return float((below[0] - above[-1]) / 100.0) if len(below) and len(above) else float("nan")


def measure(
    samples: np.ndarray,
    rate_hz: int,
    fill: Span,
    held: Span | None,
    start: float | None,
    stop: float | None,
    nominal_hz: float,
) -> dict[str, float]:
    """All figures of one pump run; those that need a pressurised span are left out without one."""

    def level_db(band_hz: Span | None, span: Span) -> float:
        return _level_db(
            _cut(samples if band_hz is None else _band(samples, rate_hz, *band_hz), rate_hz, span), rate_hz
        )

    parts = {"fill": fill} | ({"held": held} if held else {})
    pulse_hz = comb_hz(_cut(samples, rate_hz, held or fill), rate_hz, nominal_hz)
    figures = {_COMB: pulse_hz - nominal_hz}
    if held:
        figures["broadband step, dB"] = level_db(None, held) - level_db(None, fill)
        for band in _BANDS_HZ:
            figures[f"{band[0]:.0f}-{band[1]:.0f} Hz step, dB"] = level_db(band, held) - level_db(band, fill)
        figures["HF drop 10-90 %, s"] = drop_s(samples, rate_hz, fill, held)
    for band in _BANDS_HZ[1:]:
        figures[f"{band[0]:.0f}-{band[1]:.0f} Hz in fill re 140-300 Hz, dB"] = level_db(band, fill) - level_db(
            _BANDS_HZ[0], fill
        )
    for name, span in parts.items():
        part = _cut(samples, rate_hz, span)
        figures[f"AM depth {name}, dB"] = am_depth_db(part, rate_hz, pulse_hz)
        figures[f"envelope line {name}, dB"] = envelope_line_db(part, rate_hz, pulse_hz)
    if held:
        figures["AM depth gain, dB"] = figures["AM depth held, dB"] - figures["AM depth fill, dB"]
    if start is not None:
        figures["tone 0.1-0.2 s after start re fill, dB"] = level_db(
            _BANDS_HZ[0], (start + 0.1, start + 0.2)
        ) - level_db(_BANDS_HZ[0], fill)
    if stop is not None:
        figures["tone -20 dB after stop, s"] = stop_s(samples, rate_hz, stop)
    return figures


def real_figures(corpus: Path) -> dict[str, dict[str, float]]:
    """Figures of the real recordings."""
    result = {}
    for name, fill, held, start, stop, nominal_hz in REAL:
        samples, rate_hz = soundfile.read(corpus / name, dtype="float64", always_2d=True)
        result[Path(name).stem] = measure(samples.mean(axis=1), rate_hz, fill, held, start, stop, nominal_hz)
    return result


def simulated(
    action: Action, sessions: int, seed: int, rate_hz: int = 16000
) -> Iterator[tuple[int, Recording, Span, Span]]:
    """Single pump runs of home machines in quiet and noisy rooms, with their fill and pressurised spans."""
    for number in range(sessions):
        rng = np.random.default_rng((seed, number))
        plan = sample_plan(
            ("home", "kitchen")[number % 2], rng, kind=str(rng.choice(["home", "thermoblock", "low_opv", "dumper"]))
        )
        resistance = action.resistance * float(np.exp(rng.normal(0.0, 0.3)))
        quiet = replace(plan.microphone, agc_db=0.0, suppression_db=0.0)
        plan = replace(plan, actions=(replace(action, resistance=resistance),), microphone=quiet, distractions=())
        recording = synthesise(plan, rng, rate_hz)
        run = recording.truth.runs[0]
        bar = recording.truth.pressure_bar
        low = np.flatnonzero(bar[: int(run.pump_off_s * 20)] < 0.4)
        high = np.flatnonzero(bar[: int(run.pump_off_s * 20)] > 0.96 * bar.max())
        fill = (run.pump_on_s + 0.6, low[-1] / 20.0)
        held = (high[0] / 20.0 + 0.3, run.pump_off_s - 0.05)
        if fill[1] - fill[0] >= 1.2 and held[1] - held[0] >= 1.2:
            yield number, recording, fill, held


def release_figures(recording: Recording) -> dict[str, float]:
    """How the release stands out against the room's decay."""
    run, rate_hz = recording.truth.runs[0], recording.rate_hz
    band = _band(recording.samples.astype(np.float64), rate_hz, 3000.0, 6000.0)
    background = _level_db(_cut(band, rate_hz, (0.5, run.pump_on_s - 0.2)), rate_hz)
    held = _level_db(_cut(band, rate_hz, (run.pump_off_s - 0.5, run.pump_off_s - 0.05)), rate_hz)
    peak = _level_db(_cut(band, rate_hz, (run.release_peak_s, run.release_peak_s + 0.15)), rate_hz)
    return {
        "release 3-6 kHz re hold, dB": peak - held,
        "release 3-6 kHz re background, dB": peak - background,
        "release flow to a tenth, s": run.release_end_s - run.release_peak_s,
    }


def simulated_figures(action: Action, sessions: int, seed: int) -> dict[int, dict[str, float]]:
    """Figures of many simulated runs, by their number: the same number is the same machine and room."""
    figures = {}
    for number, recording, fill, held in simulated(action, sessions, seed):
        run = recording.truth.runs[0]
        samples = recording.samples.astype(np.float64)
        machine = recording.truth.plan.machine
        row = measure(samples, recording.rate_hz, fill, held, run.pump_on_s, run.pump_off_s, machine.mains_hz)
        if action.kind == "backflush" and run.release_peak_s and run.release_end_s:
            row |= release_figures(recording)
        figures[number] = row
    return figures


def column(figures: dict[int, dict[str, float]], name: str) -> list[float]:
    """One figure of all runs that have it."""
    return [row[name] for row in figures.values() if name in row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=os.environ.get("BACKFLUSH_CORPUS", "../shared/audio"))
    parser.add_argument("--sessions", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    real = real_figures(Path(options.corpus)) if Path(options.corpus).is_dir() else {}
    if not real:
        print(f"{options.corpus}: no recordings there, only the simulation is shown")
    shot = simulated_figures(Action("shot", run_s=26.0, resistance=2.0), options.sessions, options.seed)
    blind = simulated_figures(Action("backflush", hold_s=4.0, run_s=60.0), options.sessions, options.seed)
    rows = []
    for name in max(blind.values(), key=len):
        row = [name, *(f"{figures[name]:.2f}" if name in figures else "" for figures in real.values())]
        for figures in (shot, blind):
            values = column(figures, name)
            quantiles = np.nanquantile(values, (0.05, 0.5, 0.95)) if values else ()
            row.append(" / ".join(f"{value:.2f}" for value in quantiles))
        outside = []
        # In the loudest noise nothing tells the rate: it is compared below.
        if name != _COMB and column(shot, name):
            low, high = np.nanquantile(column(shot, name), (0.05, 0.95))
            outside = [
                f"{key.split('-')[0]}" for key, figures in real.items() if not low <= figures.get(name, low) <= high
            ]
        rows.append([*row, ", ".join(outside)])
    # A clip of two seconds tells the rate to about 0.05 Hz.
    off = max([abs(figures[_COMB]) for figures in real.values()] + [np.quantile(np.abs(column(blind, _COMB)), 0.95)])
    notes = [f"The comb of the real recordings, and of 95 % of the simulated, lies within {off:.2f} Hz of nominal."]
    for low, high in _BANDS_HZ[1:]:
        name = f"{low:.0f}-{high:.0f} Hz step, dB"
        further = [blind[number][name] - shot[number][name] for number in blind.keys() & shot.keys()]
        notes.append(
            f"{low:.0f}-{high:.0f} Hz, blind basket against puck on the same machine: median "
            f"{np.median(further):.1f} dB, further down in {np.mean(np.array(further) < 0.0):.0%} of {len(further)}."
        )
    header = ["", *(name.split("-")[0] for name in real), "puck, 5 / 50 / 95 %", "blind, 5 / 50 / 95 %", "outside puck"]
    body = table(header, rows) + "\n\n" + "\n".join(notes)
    write_section(
        "realism", "Real recordings and simulated runs, measured the same way", "python -m benchmarks.realism", body
    )
    if options.json:
        options.json.write_text(json.dumps({"real": real, "puck": shot, "blind": blind}, indent=1))


if __name__ == "__main__":
    main()
