"""The per-hop path from 160 samples to one feature vector, in numba.

Everything is state in arrays made once; nothing is allocated per hop. All sums run in a fixed order, so the same
samples give the same bits however they arrive.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from ..config import RATE_HZ, FeatureOptions, FrameOptions
from .fft import FftPlan, fft_plan, power_spectrum
from .layout import BAND_FEATURES, SCALAR_FEATURES

__all__ = ["FeatureState", "feature_state", "process_hop"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

N_SCALARS = len(SCALAR_FEATURES)
N_BAND_KINDS = len(BAND_FEATURES)

# Tone bins are 3.9 Hz wide; lines are sought between 80 and 700 Hz, as pumps' lines reach there on all microphones.
LINE_LOW_BIN = 21
LINE_HIGH_BIN = 180
N_LINES = 8
LINE_PROMINENCE_DB = 6.0
# Frames until a window holds no more of the zeros before the stream's start.
FIRST_FULL_FRAME = 3
FIRST_FULL_TONE = 26
FIRST_FULL_ENVELOPE = 52
FAST_LAG = 64
MIDDLE_LAG = 256
TONE_EVERY = 2
LINES_EVERY = 4
SPECTRUM_LAG = 12
# The floor is the lowest fast level of the last 0.64 s, kept in blocks of 80 ms.
FLOOR_BLOCKS = 8
FLOOR_BLOCK = 8


class FeatureState(NamedTuple):
    """Everything the per-hop kernel remembers; see `feature_state` for the shapes."""

    counters: I64
    constants: F64
    window: F32
    wide_plan: FftPlan
    wide_power: F32
    band_first: I64
    band_last: I64
    band_weight: F32
    decimator: F32
    decimator_ring: F32
    tone_ring: F32
    tone_plan: FftPlan
    tone_power: F32
    tone_db: F32
    tone_lag: F32
    tone_slow: F32
    tone_long: F32
    line_bins: I64
    envelope_filter: F64
    envelope_memory: F64
    envelope_ring: F32
    envelope_scratch: F32
    envelope_plan: FftPlan
    envelope_power: F32
    median_scratch: F32
    level: F64
    fast: F64
    middle: F64
    slow: F64
    long: F64
    background: F64
    plateau: F64
    peak: F64
    floor: F64
    floor_peak: F64
    floor_blocks: F32
    fast_ring: F32
    middle_ring: F32
    scalars: F64
    comb_ring: F32
    observed: F32


def feature_state(frame: FrameOptions, options: FeatureOptions) -> FeatureState:
    """Make a fresh state.

    `level` ... `plateau` are per-band levels in dB, shape (bands,). `observed` is what displays and the history read:
    per-band levels in dBFS and, last, the total level, shape (bands + 1,).
    """
    edges = np.asarray(options.band_edges_hz)
    bands = len(edges) - 1
    bin_hz = RATE_HZ / frame.window
    n_bins = frame.window // 2 + 1
    weight = np.zeros((bands, n_bins))
    for band in range(bands):
        low = (np.arange(n_bins) - 0.5) * bin_hz
        overlap = np.minimum(low + bin_hz, edges[band + 1]) - np.maximum(low, edges[band])
        weight[band] = np.clip(overlap / bin_hz, 0.0, 1.0)
    hop_s = frame.hop_s

    def follow(seconds: float) -> float:
        return float(1.0 - np.exp(-hop_s / seconds))

    constants = np.array(
        [
            options.floor_power,
            follow(options.fast_s),
            follow(options.middle_s),
            follow(options.slow_s),
            follow(options.long_s),
            follow(options.background_fall_s),
            options.background_rise_db_per_s * hop_s,
            options.background_near_db,
            follow(options.background_near_s),
            follow(options.plateau_rise_s),
            follow(options.plateau_fall_s),
            options.gate_on_db,
            options.gate_off_db,
            options.gate_off_s / hop_s,
            hop_s,
        ]
    )
    # Windowed sinc for 16 -> 2 kHz: flat to 800 Hz, 70 dB down from 1.2 kHz.
    taps = 128
    x = np.arange(taps) - (taps - 1) / 2
    sinc = np.sinc(2 * 1000.0 / RATE_HZ * x) * np.kaiser(taps, 7.0)
    decimated = frame.window
    return FeatureState(
        counters=np.zeros(4, dtype=np.int64),
        constants=constants,
        window=np.zeros(frame.window, dtype=np.float32),
        wide_plan=fft_plan(frame.window),
        wide_power=np.zeros(n_bins, dtype=np.float32),
        band_first=np.array([np.flatnonzero(row)[0] for row in weight]),
        band_last=np.array([np.flatnonzero(row)[-1] for row in weight]),
        band_weight=weight.astype(np.float32),
        decimator=(sinc / sinc.sum()).astype(np.float32),
        decimator_ring=np.zeros(taps + frame.hop, dtype=np.float32),
        tone_ring=np.zeros(decimated, dtype=np.float32),
        tone_plan=fft_plan(decimated),
        tone_power=np.zeros(n_bins, dtype=np.float32),
        tone_db=np.zeros(n_bins, dtype=np.float32),
        tone_lag=np.zeros((SPECTRUM_LAG, n_bins), dtype=np.float32),
        tone_slow=np.zeros(n_bins, dtype=np.float32),
        tone_long=np.zeros(n_bins, dtype=np.float32),
        line_bins=np.zeros((3, N_LINES), dtype=np.int64),
        envelope_filter=np.concatenate([_biquad(1000.0, high_pass=True), _biquad(6000.0, high_pass=False)]),
        envelope_memory=np.zeros(5),
        envelope_ring=np.zeros(frame.envelope_window, dtype=np.float32),
        envelope_scratch=np.zeros(frame.envelope_window, dtype=np.float32),
        envelope_plan=fft_plan(frame.envelope_window),
        envelope_power=np.zeros(frame.envelope_window // 2 + 1, dtype=np.float32),
        median_scratch=np.zeros(frame.envelope_window // 2 + 1, dtype=np.float32),
        level=np.zeros(bands),
        fast=np.zeros(bands),
        middle=np.zeros(bands),
        slow=np.zeros(bands),
        long=np.zeros(bands),
        background=np.zeros(bands),
        plateau=np.zeros(bands),
        peak=np.zeros(bands),
        floor=np.zeros(bands),
        floor_peak=np.zeros(bands),
        floor_blocks=np.zeros((FLOOR_BLOCKS, bands), dtype=np.float32),
        fast_ring=np.zeros((FAST_LAG, bands), dtype=np.float32),
        middle_ring=np.zeros((MIDDLE_LAG, bands), dtype=np.float32),
        scalars=np.zeros(N_SCALARS),
        comb_ring=np.zeros((128, 3), dtype=np.float32),
        observed=np.zeros(bands + 1, dtype=np.float32),
    )


def _biquad(corner_hz: float, *, high_pass: bool) -> F64:
    """Second-order Butterworth by the bilinear transform (RBJ's cookbook): b0 b1 b2 a1 a2."""
    w = 2 * np.pi * corner_hz / RATE_HZ
    alpha = np.sin(w) / np.sqrt(2.0)
    c = np.cos(w)
    b = np.array([1 + c, -2 * (1 + c), 1 + c]) / 2 if high_pass else np.array([1 - c, 2 * (1 - c), 1 - c]) / 2
    coefficients: F64 = np.array([b[0], b[1], b[2], -2 * c, 1 - alpha]) / (1 + alpha)
    return coefficients


@numba.njit(cache=True, nogil=True)
def _decimate(state: FeatureState, samples: F32) -> None:
    """Append the hop to the 2 kHz ring."""
    ring, taps, tone = state.decimator_ring, state.decimator, state.tone_ring
    n, hop = taps.shape[0], samples.shape[0]
    factor = 8
    for i in range(n):
        ring[i] = ring[i + hop]
    for i in range(hop):
        ring[n + i] = samples[i]
    new = hop // factor
    for i in range(tone.shape[0] - new):
        tone[i] = tone[i + new]
    for i in range(new):
        total = np.float32(0.0)
        start = (i + 1) * factor
        for j in range(n):
            total += ring[start + j] * taps[j]
        tone[tone.shape[0] - new + i] = total


@numba.njit(cache=True, nogil=True)
def _envelope(state: FeatureState, samples: F32) -> None:
    """Append the hop's 1-6 kHz power, averaged over 32 samples, to the envelope ring."""
    f, m, ring = state.envelope_filter, state.envelope_memory, state.envelope_ring
    h1, h2, l1, l2 = m[0], m[1], m[2], m[3]
    new = samples.shape[0] // 32
    for i in range(ring.shape[0] - new):
        ring[i] = ring[i + new]
    for i in range(new):
        total = 0.0
        for j in range(32):
            x = np.float64(samples[i * 32 + j])
            y = f[0] * x + h1
            h1 = f[1] * x - f[3] * y + h2
            h2 = f[2] * x - f[4] * y
            z = f[5] * y + l1
            l1 = f[6] * y - f[8] * z + l2
            l2 = f[7] * y - f[9] * z
            total += z * z
        ring[ring.shape[0] - new + i] = np.float32(total / 32.0)
    # Digital silence would otherwise decay into denormals, which are a hundred times slower.
    m[0] = h1 if abs(h1) > 1e-20 else 0.0
    m[1] = h2 if abs(h2) > 1e-20 else 0.0
    m[2] = l1 if abs(l1) > 1e-20 else 0.0
    m[3] = l2 if abs(l2) > 1e-20 else 0.0


@numba.njit(cache=True, nogil=True)
def _comb(db: F32, fundamental_hz: float, low_hz: float, high_hz: float) -> float:
    """Mean prominence in dB of the lines at multiples of `fundamental_hz`, each against the two gaps beside it."""
    bin_hz = 3.90625
    total = 0.0
    count = 0
    k = int(np.ceil(low_hz / fundamental_hz))
    while k * fundamental_hz <= high_hz:
        centre = int(np.rint(k * fundamental_hz / bin_hz))
        below = int(np.rint((k - 0.5) * fundamental_hz / bin_hz))
        above = int(np.rint((k + 0.5) * fundamental_hz / bin_hz))
        peak = max(db[centre - 1], db[centre], db[centre + 1])
        gap = 0.0
        for j in range(-1, 2):
            gap += db[below + j] + db[above + j]
        total += min(max(peak - gap / 6.0, 0.0), 25.0)
        count += 1
        k += 1
    return total / max(count, 1)


@numba.njit(cache=True, nogil=True)
def _tonality(db: F32, first: int, last: int) -> float:
    """Mean of the three highest bins (five apart at least) over the mean of the range, dB."""
    mean = 0.0
    for k in range(first, last):
        mean += db[k]
    mean /= last - first
    taken0 = -100
    taken1 = -100
    total = 0.0
    for n in range(3):
        best = -1
        for k in range(first, last):
            if abs(k - taken0) < 5 or abs(k - taken1) < 5:
                continue
            if best < 0 or db[k] > db[best]:
                best = k
        total += db[best] - mean
        if n == 0:
            taken0 = best
        else:
            taken1 = best
    return total / 3.0


@numba.njit(cache=True, nogil=True)
def _pick_lines(db: F32, bins: I64) -> int:
    """Write the bins of the strongest prominent maxima into `bins`, strongest first; return how many there are."""
    count = 0
    for k in range(LINE_LOW_BIN, LINE_HIGH_BIN):
        if not (db[k] >= db[k - 1] and db[k] > db[k + 1]):
            continue
        around = 0.0
        for j in range(4, 7):
            around += db[k - j] + db[k + j]
        if db[k] - around / 6.0 < LINE_PROMINENCE_DB:
            continue
        if count < bins.shape[0]:
            place = count
            count += 1
        elif db[k] > db[bins[count - 1]]:
            place = count - 1
        else:
            continue
        while place > 0 and db[bins[place - 1]] < db[k]:
            bins[place] = bins[place - 1]
            place -= 1
        bins[place] = k
    return count


@numba.njit(cache=True, nogil=True)
def _to_db(power: F32, floor: float, db: F32) -> None:
    for k in range(power.shape[0]):
        db[k] = np.float32(10.0 * np.log10(power[k] + floor))


@numba.njit(cache=True, nogil=True)
def _fall(now: F32, then: F32, bins: I64, count: int, floor: float) -> float:
    """Mean change in dB from `then` to `now` at `bins`, both power."""
    if count == 0:
        return 0.0
    total = 0.0
    for n in range(count):
        k = bins[n]
        # A line may wander by a bin.
        here = max(now[k - 1], now[k], now[k + 1])
        total += 10.0 * np.log10((here + floor) / (then[k] + floor))
    return total / count


@numba.njit(cache=True, nogil=True)
def _tones(state: FeatureState, frame: int) -> None:
    """Update the scalars that come from the 2 kHz spectrum."""
    scalars, ring = state.scalars, state.comb_ring
    power, db, lag = state.tone_power, state.tone_db, state.tone_lag
    slow, long, bins = state.tone_slow, state.tone_long, state.line_bins
    floor = 1e-13
    power_spectrum(state.tone_plan, state.tone_ring, power)
    _to_db(power, floor, db)
    low50 = _comb(db, 50.0, 145.0, 310.0)
    low60 = _comb(db, 60.0, 145.0, 310.0)
    high50 = _comb(db, 50.0, 340.0, 910.0)
    high60 = _comb(db, 60.0, 340.0, 910.0)
    if low50 + high50 >= low60 + high60:
        low, high, other = low50, high50, low60
    else:
        low, high, other = low60, high60, low50
    slot = (frame // TONE_EVERY) % 128
    then = (frame // TONE_EVERY - 50) % 128
    ring[slot, 0] = low
    ring[slot, 1] = high
    seen = frame >= FIRST_FULL_TONE + 100
    scalars[0] = low
    scalars[1] = high
    scalars[2] = other
    scalars[3] = low - ring[then, 0] if seen else 0.0
    scalars[4] = high - ring[then, 1] if seen else 0.0
    scalars[5] = _tonality(db, 21, 78)
    scalars[6] = _tonality(db, 78, 154)
    scalars[7] = _tonality(db, 154, 235)

    if frame % LINES_EVERY == 0:
        # The lag keeps a change that is under way out of the reference: 12 spectra of 40 ms.
        place = (frame // LINES_EVERY) % SPECTRUM_LAG
        if frame >= FIRST_FULL_TONE + LINES_EVERY * SPECTRUM_LAG:
            first = frame < FIRST_FULL_TONE + LINES_EVERY * (SPECTRUM_LAG + 1)
            for k in range(slow.shape[0]):
                old = lag[place, k]
                slow[k] = old if first else slow[k] + np.float32(0.04) * (old - slow[k])
                long[k] = old if first else long[k] + np.float32(0.01) * (old - long[k])
        for k in range(power.shape[0]):
            lag[place, k] = power[k]
        _to_db(slow, floor, db)
        state.counters[1] = _pick_lines(db, bins[0])
        _to_db(long, floor, db)
        state.counters[2] = _pick_lines(db, bins[1])
        _to_db(power, floor, db)
        state.counters[3] = _pick_lines(db, bins[2])
    if frame < FIRST_FULL_TONE + LINES_EVERY * (SPECTRUM_LAG + 1):
        return
    scalars[8] = _fall(power, slow, bins[0], state.counters[1], floor)
    scalars[9] = _fall(power, long, bins[1], state.counters[2], floor)
    scalars[10] = 10.0 * state.counters[3] / N_LINES
    scalars[11] = _fall(power, slow, bins[2], state.counters[3], floor)


@numba.njit(cache=True, nogil=True)
def _peak_near(power: F32, centre: int) -> float:
    return float(max(power[centre - 1], power[centre], power[centre + 1]))


@numba.njit(cache=True, nogil=True)
def _pulses(state: FeatureState, frame: int) -> None:
    """Update the scalars that come from the envelope of 1-6 kHz."""
    scalars, ring = state.scalars, state.envelope_ring
    scratch, power, sorted_part = state.envelope_scratch, state.envelope_power, state.median_scratch
    n = ring.shape[0]
    mean = 0.0
    for i in range(n):
        mean += ring[i]
    mean /= n
    scale = 1.0 / (mean + 1e-13)
    for i in range(n):
        scratch[i] = np.float32(min(ring[i] * scale, 10.0) - 1.0)
    power_spectrum(state.envelope_plan, scratch, power)
    # 30-200 Hz; an insertion sort of 87 values costs less than the transform.
    first, last = 16, 103
    count = 0
    for k in range(first, last):
        value = power[k]
        j = count
        while j > 0 and sorted_part[j - 1] > value:
            sorted_part[j] = sorted_part[j - 1]
            j -= 1
        sorted_part[j] = value
        count += 1
    median = sorted_part[count // 2] + 1e-9
    at50 = _peak_near(power, 26)
    at60 = _peak_near(power, 31)
    pulse = max(at50, at60)
    twice = max(_peak_near(power, 51), _peak_near(power, 61))
    slow = 0.0
    for k in range(1, 11):
        slow += power[k]
    slot = (frame // TONE_EVERY) % 128
    then = (frame // TONE_EVERY - 50) % 128
    line = 10.0 * np.log10((pulse + 1e-9) / median)
    state.comb_ring[slot, 2] = line
    scalars[12] = 10.0 * np.log10(pulse + 1e-4) + 20.0
    scalars[13] = line
    scalars[14] = line - state.comb_ring[then, 2] if frame >= FIRST_FULL_ENVELOPE + 100 else 0.0
    scalars[15] = 10.0 * np.log10((twice + 1e-9) / median)
    scalars[16] = 10.0 * np.log10(slow + 1e-3) + 10.0


@numba.njit(cache=True, nogil=True)
def _bands(state: FeatureState, frame: int, lost: bool) -> None:
    """Update the per-band levels, their running means, the background, the gate and the plateau."""
    c = state.constants
    level, fast, middle, slow, long = state.level, state.fast, state.middle, state.slow, state.long
    background, plateau, peak, scalars = state.background, state.plateau, state.peak, state.scalars
    floor, floor_peak, blocks = state.floor, state.floor_peak, state.floor_blocks
    n = level.shape[0]
    power = state.wide_power
    total = 0.0
    silent = True
    flux = 0.0
    flat_log = 0.0
    flat_sum = 0.0
    for b in range(n):
        p = 0.0
        for k in range(state.band_first[b], state.band_last[b] + 1):
            p += np.float64(power[k]) * state.band_weight[b, k]
        total += p
        if p > 0.0:
            silent = False
        db = 10.0 * np.log10(p + c[0])
        if frame > FIRST_FULL_FRAME:
            flux += max(db - level[b], 0.0)
        level[b] = db
        if 7 <= b < 12:
            width = state.band_last[b] - state.band_first[b] + 1
            flat_log += db - 10.0 * np.log10(width)
            flat_sum += (p + c[0]) / width
        state.observed[b] = np.float32(db)
    state.observed[n] = np.float32(10.0 * np.log10(total + c[0]))
    scalars[17] = flux / n
    scalars[18] = flat_log / 5.0 - 10.0 * np.log10(flat_sum / 5.0)
    if frame <= FIRST_FULL_FRAME:
        for b in range(n):
            fast[b] = middle[b] = slow[b] = long[b] = background[b] = plateau[b] = peak[b] = level[b]
            floor[b] = floor_peak[b] = level[b]
            for k in range(FLOOR_BLOCKS):
                blocks[k, b] = level[b]
        return
    if silent or lost:
        # Nothing was heard: what is remembered stays as it is.
        return
    for b in range(n):
        fast[b] += c[1] * (level[b] - fast[b])
        middle[b] += c[2] * (level[b] - middle[b])
        slow[b] += c[3] * (level[b] - slow[b])
        long[b] += c[4] * (level[b] - long[b])
        block = (frame // FLOOR_BLOCK) % FLOOR_BLOCKS
        blocks[block, b] = fast[b] if frame % FLOOR_BLOCK == 0 else min(blocks[block, b], fast[b])
        lowest = blocks[0, b]
        for k in range(1, FLOOR_BLOCKS):
            lowest = min(lowest, blocks[k, b])
        floor[b] = lowest
        over = middle[b] - background[b]
        if over < 0.0:
            background[b] += c[5] * over
        elif over < c[7]:
            background[b] += c[8] * over
        else:
            background[b] += c[6]
    # The pump's band and its neighbours decide whether anything runs: bands 140-600 Hz.
    over = 0.0
    for b in range(2, 6):
        over += middle[b] - background[b]
    over /= 4.0
    gate = scalars[19] > 0.0
    if not gate and over > c[11]:
        scalars[19] = 10.0
        scalars[20] = 0.0
        for b in range(n):
            plateau[b] = middle[b]
            # The slow mean still lags behind the start: the first half second sets its peak.
            peak[b] = floor_peak[b] = -200.0
    elif gate and over < c[12]:
        scalars[21] += 1.0
        if scalars[21] > c[13]:
            scalars[19] = 0.0
            scalars[21] = 0.0
    elif gate:
        scalars[21] = 0.0
    if scalars[19] > 0.0:
        scalars[20] += 1.0
        for b in range(n):
            step = middle[b] - plateau[b]
            plateau[b] += (c[9] if step > 0.0 else c[10]) * step
            peak[b] = max(slow[b], peak[b] + c[10] * (slow[b] - peak[b]))
            floor_peak[b] = max(floor[b], floor_peak[b] + c[10] * (floor[b] - floor_peak[b]))
    else:
        scalars[21] += 1.0


@numba.njit(cache=True, nogil=True)
def _write(state: FeatureState, frame: int, features: F32) -> None:
    """Fill one feature vector, in units of 10 dB, each clipped to +-5."""
    n = state.level.shape[0]
    level, fast, middle, slow, long = state.level, state.fast, state.middle, state.slow, state.long
    background, plateau, peak, scalars = state.background, state.plateau, state.peak, state.scalars
    floor, floor_peak = state.floor, state.floor_peak
    fast_ring, middle_ring = state.fast_ring, state.middle_ring
    for b in range(n):
        fast_ring[frame % FAST_LAG, b] = fast[b]
        middle_ring[frame % MIDDLE_LAG, b] = middle[b]
    # Before the stream is long enough, the oldest frame stands in for the missing one.
    first = FIRST_FULL_FRAME + 1
    f100 = max(frame - 10, min(first, frame)) % FAST_LAG
    f300 = max(frame - 30, min(first, frame)) % FAST_LAG
    m1000 = max(frame - 100, min(first, frame)) % MIDDLE_LAG
    m2500 = max(frame - 250, min(first, frame)) % MIDDLE_LAG
    gate = scalars[19] > 0.0
    for b in range(n):
        features[b] = level[b] - background[b]
        features[n + b] = middle[b] - background[b]
        features[2 * n + b] = level[b] - middle[b]
        features[3 * n + b] = fast[b] - slow[b]
        features[4 * n + b] = middle[b] - long[b]
        features[5 * n + b] = middle[b] - plateau[b] if gate else 0.0
        features[6 * n + b] = fast[b] - fast_ring[f100, b]
        features[7 * n + b] = fast[b] - fast_ring[f300, b]
        features[8 * n + b] = middle[b] - middle_ring[m1000, b]
        features[9 * n + b] = middle[b] - middle_ring[m2500, b]
        features[10 * n + b] = slow[b] - peak[b] if gate else 0.0
        features[11 * n + b] = floor[b] - background[b]
        features[12 * n + b] = floor[b] - floor_peak[b] if gate else 0.0
        features[13 * n + b] = level[b] - floor[b]
    base = N_BAND_KINDS * n
    for i in range(19):
        features[base + i] = scalars[i]
    features[base + 19] = scalars[19]
    age = np.log10(1.0 + scalars[20] * state.constants[14]) * 10.0
    quiet = np.log10(1.0 + scalars[21] * state.constants[14]) * 10.0
    features[base + 20] = age if gate else 0.0
    features[base + 21] = 0.0 if gate else quiet
    for i in range(base + N_SCALARS):
        features[i] = np.float32(min(max(features[i] * 0.1, -5.0), 5.0))


@numba.njit(cache=True, nogil=True)
def process_hop(state: FeatureState, samples: F32, lost: bool, features: F32) -> None:
    """Take in one hop of samples and write its feature vector; see the layout module for its order.

    `lost` says that the hop stands in for audio that never arrived: levels are then held as they were.
    """
    window = state.window
    hop = samples.shape[0]
    if state.counters[0] == 0:
        # A microphone may open with digital zeros: hearing begins with the first sound, which sets the background.
        # Below the floor there is only what a resampler rings with before it.
        power = 0.0
        for i in range(hop):
            power += np.float64(samples[i]) * np.float64(samples[i])
        if power <= hop * state.constants[0]:
            features[:] = np.float32(0.0)
            state.observed[:] = np.float32(10.0 * np.log10(state.constants[0]))
            return
    keep = window.shape[0] - hop
    for i in range(keep):
        window[i] = window[i + hop]
    for i in range(hop):
        window[keep + i] = samples[i]
    frame = state.counters[0]
    power_spectrum(state.wide_plan, window, state.wide_power)
    _bands(state, frame, lost)
    _decimate(state, samples)
    _envelope(state, samples)
    if frame % TONE_EVERY == 0:
        if frame >= FIRST_FULL_TONE:
            _tones(state, frame)
    elif frame >= FIRST_FULL_ENVELOPE:
        _pulses(state, frame)
    _write(state, frame, features)
    state.counters[0] = frame + 1
