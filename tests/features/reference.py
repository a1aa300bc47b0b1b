"""The features once more: in float64, from the whole signal at once, spectra and filters by scipy.

Written from what `acoustic.features.layout` promises. Slow, and without buffers: a frame is a slice of the signal, a
value of a second ago is an index."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.fft
import scipy.signal

from acoustic.config import RATE_HZ, FeatureOptions

HOP, HOP_S, WINDOW = 160, 0.01, 512
# Frames at which the first windows are full: 32 ms, 256 ms at 2 kHz, 512 ms of envelope.
FULL, FULL_TONE, FULL_ENVELOPE = 3, 26, 52
TONE_BIN_HZ = 2000 / 512
TONE_FLOOR = 1e-13


def reference_features(samples: np.ndarray, options: FeatureOptions) -> dict[str, np.ndarray]:
    """Every feature by its name, shape (frames,), for float samples at 16 kHz, shape (n,)."""
    frames = len(samples) // HOP
    signal = np.asarray(samples, dtype=np.float64)
    level, widths = band_levels(signal, frames, options)
    found = scalars_of_levels(level, widths, options)
    found |= tone_features(signal, frames) | pulse_features(signal, frames)
    over_background, per_band = level_features(level, options)
    found |= over_background
    edges = options.band_edges_hz
    for kind, values in per_band.items():
        for band, (low, high) in enumerate(pairwise(edges)):
            found[f"{kind} {low:g}-{high:g}Hz"] = values[:, band]
    return {name: np.clip(values / 10, -5, 5) for name, values in found.items()}


def power_spectra(pieces: np.ndarray) -> np.ndarray:
    """One-sided power of Hann-windowed pieces, shape (n, size) to (n, size // 2 + 1); a sine of 1 sums to 0.5."""
    window = scipy.signal.get_window("hann", pieces.shape[1])
    power = np.abs(scipy.fft.rfft(pieces * window)) ** 2 / (pieces.shape[1] * np.sum(window**2))
    power[:, 1:-1] *= 2
    return power


def ending_at(signal: np.ndarray, stops: np.ndarray, size: int) -> np.ndarray:
    """Pieces of `size` that end before each of `stops`; zeros before the beginning."""
    padded = np.concatenate([np.zeros(size), signal])
    return np.stack([padded[stop : stop + size] for stop in stops])


def db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power)


def band_levels(signal: np.ndarray, frames: int, options: FeatureOptions) -> tuple[np.ndarray, np.ndarray]:
    """Levels in dBFS, shape (frames, bands), and how many bins each band touches."""
    power = power_spectra(ending_at(signal, HOP * np.arange(1, frames + 1), WINDOW))
    bin_hz = RATE_HZ / WINDOW
    centres = np.arange(WINDOW // 2 + 1) * bin_hz
    columns, widths = [], []
    for low, high in pairwise(options.band_edges_hz):
        share = np.clip((np.minimum(centres + bin_hz / 2, high) - np.maximum(centres - bin_hz / 2, low)) / bin_hz, 0, 1)
        columns.append(power @ share)
        widths.append(np.count_nonzero(share))
    return db(np.stack(columns, axis=1) + options.floor_power), np.array(widths)


def scalars_of_levels(level: np.ndarray, widths: np.ndarray, options: FeatureOptions) -> dict[str, np.ndarray]:
    rises = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0).mean(axis=1)
    rises[: FULL + 1] = 0
    # 850 Hz to 4.8 kHz.
    density = level[:, 7:12] - db(widths[7:12])
    return {"flux": rises, "flatness": density.mean(axis=1) - db((10 ** (density / 10)).mean(axis=1))}


def follow(values: np.ndarray, seconds: float) -> np.ndarray:
    """Exponential mean along axis 0 that begins with the first full frame."""
    share = 1 - np.exp(-HOP_S / seconds)
    out = values.copy()
    for i in range(FULL + 1, len(values)):
        out[i] = out[i - 1] + share * (values[i] - out[i - 1])
    return out


def lagged(values: np.ndarray, frames: int) -> np.ndarray:
    """Change against so many frames ago; against the first level before."""
    i = np.arange(len(values))
    return values - values[np.maximum(i - frames, np.minimum(FULL + 1, i))]


def level_features(level: np.ndarray, options: FeatureOptions) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The gate's scalars, and what there is of every band."""
    o = options
    fast, middle, slow, long = (follow(level, seconds) for seconds in (o.fast_s, o.middle_s, o.slow_s, o.long_s))
    floor = floors(fast)
    background, plateau = level.copy(), level.copy()
    peak, floor_peak = np.full_like(level, -200.0), np.full_like(level, -200.0)
    gate, gate_age, silence_age = np.zeros(len(level)), np.zeros(len(level)), np.zeros(len(level))
    fall, near, rise, forget = (
        1 - np.exp(-HOP_S / seconds)
        for seconds in (o.background_fall_s, o.background_near_s, o.plateau_rise_s, o.plateau_fall_s)
    )
    age = quiet = 0
    for i in range(FULL + 1, len(level)):
        over = middle[i] - background[i - 1]
        creep = np.where(over < o.background_near_db, near * over, o.background_rise_db_per_s * HOP_S)
        background[i] = background[i - 1] + np.where(over < 0, fall * over, creep)
        # 140 to 600 Hz, where pumps are.
        stands = np.mean(middle[i, 2:6] - background[i, 2:6])
        running = gate[i - 1] > 0
        opens = not running and stands > o.gate_on_db
        quiet = quiet + 1 if running and stands < o.gate_off_db else 0 if running else quiet
        closes = running and quiet > o.gate_off_s / HOP_S
        if opens:
            age, plateau[i] = 0, middle[i]
        else:
            plateau[i] = plateau[i - 1]
            peak[i], floor_peak[i] = peak[i - 1], floor_peak[i - 1]
        if closes:
            quiet = 0
        if opens or (running and not closes):
            gate[i], age = 10, age + 1
            step = middle[i] - plateau[i]
            plateau[i] += np.where(step > 0, rise, forget) * step
            peak[i] = np.maximum(slow[i], peak[i] + forget * (slow[i] - peak[i]))
            floor_peak[i] = np.maximum(floor[i], floor_peak[i] + forget * (floor[i] - floor_peak[i]))
        else:
            quiet += 1
        gate_age[i] = 10 * np.log10(1 + age * HOP_S) if gate[i] else 0
        silence_age[i] = 0 if gate[i] else 10 * np.log10(1 + quiet * HOP_S)
    within = (gate > 0)[:, None]
    return {"gate": gate, "gate_age": gate_age, "silence_age": silence_age}, {
        "level-background": level - background,
        "middle-background": middle - background,
        "level-middle": level - middle,
        "fast-slow": fast - slow,
        "middle-long": middle - long,
        "middle-plateau": np.where(within, middle - plateau, 0),
        "fast-fast@0.1s": lagged(fast, 10),
        "fast-fast@0.3s": lagged(fast, 30),
        "middle-middle@1s": lagged(middle, 100),
        "middle-middle@2.5s": lagged(middle, 250),
        "slow-peak": np.where(within, slow - peak, 0),
        "floor-background": floor - background,
        "floor-peak": np.where(within, floor - floor_peak, 0),
        "level-floor": level - floor,
    }


def floors(fast: np.ndarray) -> np.ndarray:
    """Lowest fast level of the last eight blocks of 80 ms, the present one included as far as it has come."""
    out = fast.copy()
    for i in range(FULL + 1, len(fast)):
        out[i] = fast[max((i // 8 - 7) * 8, FULL) : i + 1].min(axis=0)
    return out


def tone_features(signal: np.ndarray, frames: int) -> dict[str, np.ndarray]:
    """What is read from 256 ms at 2 kHz, every other frame."""
    taps = np.sinc((np.arange(128) - 63.5) / 8) * np.kaiser(128, 7.0)
    low_rate = scipy.signal.upfirdn(taps / taps.sum(), signal)[7::8]
    at = np.arange(FULL_TONE, frames, 2)
    power = power_spectra(ending_at(low_rate, 20 * (at + 1), WINDOW))
    level = db(power + TONE_FLOOR)
    low = {hz: comb(level, hz, 145, 310) for hz in (50, 60)}
    high = {hz: comb(level, hz, 340, 910) for hz in (50, 60)}
    fifty = low[50] + high[50] >= low[60] + high[60]
    out = {
        "comb_low": np.where(fifty, low[50], low[60]),
        "comb_high": np.where(fifty, high[50], high[60]),
        "comb_other": np.where(fifty, low[60], low[50]),
        "tonality_low": tonality(level[:, 21:78]),
        "tonality_middle": tonality(level[:, 78:154]),
        "tonality_high": tonality(level[:, 154:235]),
    }
    for name in ("comb_low", "comb_high"):
        out[f"{name}-1s"] = since_a_second(out[name])
    out |= line_features(power, at)
    return {name: held(values, at, frames) for name, values in out.items()}


def comb(level: np.ndarray, fundamental_hz: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Mean height of the multiples of a fundamental over the middles between them, each from 0 to 25 dB."""

    def around(multiple: float) -> np.ndarray:
        centre = round(multiple * fundamental_hz / TONE_BIN_HZ)
        return level[:, centre - 1 : centre + 2]

    multiples = np.arange(np.ceil(low_hz / fundamental_hz), high_hz // fundamental_hz + 1)
    heights = [
        around(k).max(axis=1) - (around(k - 0.5).mean(axis=1) + around(k + 0.5).mean(axis=1)) / 2 for k in multiples
    ]
    return np.clip(heights, 0, 25).mean(axis=0)


def tonality(level: np.ndarray) -> np.ndarray:
    """Mean of the three highest bins, five apart at least, over the mean."""
    out = np.zeros(len(level))
    for i, row in enumerate(level):
        left, best = row.copy(), []
        for _ in range(3):
            top = int(np.argmax(left))
            best.append(row[top])
            left[max(top - 4, 0) : top + 5] = -np.inf
        out[i] = np.mean(best) - row.mean()
    return out


def line_features(power: np.ndarray, at: np.ndarray) -> dict[str, np.ndarray]:
    """How the strongest lines of then stand now, and those of now stood then."""
    slow = long = np.full(power.shape[1], 0.0)
    picked: dict[str, list[int]] = {"slow": [], "long": [], "now": []}
    spectra: list[np.ndarray] = []
    out = {name: np.zeros(len(at)) for name in ("survival", "survival_long", "lines", "birth")}
    for i, frame in enumerate(at):
        now = power[i]
        if frame % 4 == 0:
            if len(spectra) >= 12:
                then = spectra[-12]
                first = len(spectra) == 12
                slow = then if first else slow + 0.04 * (then - slow)
                long = then if first else long + 0.01 * (then - long)
            spectra.append(now)
            picked = {name: lines(each) for name, each in (("slow", slow), ("long", long), ("now", now))}
        if len(spectra) > 12 and frame >= FULL_TONE + 52:
            out["survival"][i] = change(now, slow, picked["slow"])
            out["survival_long"][i] = change(now, long, picked["long"])
            out["lines"][i] = 10 * len(picked["now"]) / 8
            out["birth"][i] = change(now, slow, picked["now"])
    return out


def lines(power: np.ndarray) -> list[int]:
    """The eight strongest maxima of 80 to 700 Hz that stand 6 dB over what lies four to six bins beside them."""
    level = db(power + TONE_FLOOR)
    found = []
    for k in range(21, 180):
        beside = np.concatenate([level[k - 6 : k - 3], level[k + 4 : k + 7]]).mean()
        if level[k] >= level[k - 1] and level[k] > level[k + 1] and level[k] - beside >= 6:
            found.append(k)
    return sorted(found, key=lambda k: -level[k])[:8]


def change(now: np.ndarray, then: np.ndarray, bins: list[int]) -> float:
    """Mean change in dB at `bins`; a line may wander by a bin."""
    if not bins:
        return 0.0
    return float(np.mean([db((now[k - 1 : k + 2].max() + TONE_FLOOR) / (then[k] + TONE_FLOOR)) for k in bins]))


def pulse_features(signal: np.ndarray, frames: int) -> dict[str, np.ndarray]:
    """What is read from 512 ms of the envelope of 1-6 kHz, in the frames between those of the tones."""
    band = np.vstack(
        [
            scipy.signal.butter(2, 1000, "high", fs=RATE_HZ, output="sos"),
            scipy.signal.butter(2, 6000, "low", fs=RATE_HZ, output="sos"),
        ]
    )
    heard = scipy.signal.sosfilt(band, signal)
    envelope = np.mean(np.square(heard[: len(heard) // 32 * 32]).reshape(-1, 32), axis=1)
    at = np.arange(FULL_ENVELOPE + 1, frames, 2)
    pieces = ending_at(envelope, 5 * (at + 1), 256)
    power = power_spectra(np.minimum(pieces / (pieces.mean(axis=1, keepdims=True) + 1e-13), 10) - 1)
    median = np.median(power[:, 16:103], axis=1) + 1e-9

    def peak(*centres: int) -> np.ndarray:
        return np.max([power[:, centre - 1 : centre + 2].max(axis=1) for centre in centres], axis=0)

    line = db((peak(26, 31) + 1e-9) / median)
    out = {
        "pulse_depth": db(peak(26, 31) + 1e-4) + 20,
        "pulse_line": line,
        "pulse_line-1s": since_a_second(line),
        "pulse_double": db((peak(51, 61) + 1e-9) / median),
        "pulse_slow": db(power[:, 1:11].sum(axis=1) + 1e-3) + 10,
    }
    return {name: held(values, at, frames) for name, values in out.items()}


def since_a_second(values: np.ndarray) -> np.ndarray:
    """Change over 50 values of 20 ms; 0 until there are so many."""
    out = np.zeros(len(values))
    out[50:] = values[50:] - values[:-50]
    return out


def held(values: np.ndarray, at: np.ndarray, frames: int) -> np.ndarray:
    """Each value from its own frame until the next; 0 before the first."""
    out = np.zeros(frames)
    for offset in (0, 1):
        inside = at + offset < frames
        out[at[inside] + offset] = values[inside]
    return out
