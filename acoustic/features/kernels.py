"""The per-hop path from 160 samples to one feature vector, in numba.

All state is one record, made once; nothing is allocated per hop. A record goes from Python to numba as one pointer, and
its lengths are known when LLVM compiles, so that loops over it become vectors. No kernel lets LLVM reorder or fuse
floating-point operations: what it makes of such leave differs between code just compiled and code from the cache, and
the same samples must give the same bits however they arrive, in every process.
"""

from __future__ import annotations

import functools
from itertools import starmap

import numpy as np
import numpy.typing as npt

from ..compiled import kernel
from ..config import RATE_HZ, FeatureOptions, FrameOptions
from .decibels import decibels
from .fft import fft_dtype, fft_plan, power_spectrum_256, power_spectrum_512
from .layout import BAND_FEATURES, SCALAR_FEATURES

__all__ = ["bounded", "compile_levels_and_tones", "compile_pulses", "feature_state", "process"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

N_SCALARS = len(SCALAR_FEATURES)
N_BAND_KINDS = len(BAND_FEATURES)

# Tone bins are 3.9 Hz wide; lines are sought between 80 and 700 Hz, as pumps' lines reach there on all microphones.
TONE_BIN_HZ = 3.90625
TONE_FLOOR = np.float32(1e-13)
# More than there are bins in any range that a tonality is read from.
PLACES = 128
LINE_LOW_BIN = 21
LINE_HIGH_BIN = 180
N_LINES = 8
LINE_PROMINENCE_DB = np.float32(6.0)
# Fundamental, lowest and highest multiple, Hz.
COMBS = ((50.0, 145.0, 310.0), (60.0, 145.0, 310.0), (50.0, 340.0, 910.0), (60.0, 340.0, 910.0))
MAX_MULTIPLES = 12
# Bands of the flatness: 850 Hz to 4.8 kHz.
FLAT_FIRST, FLAT_LAST = 7, 12
# Frames until a window holds no more of the zeros before the stream's start.
FIRST_FULL_FRAME = 3
FIRST_FULL_TONE = 26
FIRST_FULL_ENVELOPE = 52
FAST_LAG = 64
MIDDLE_LAG = 256
TONE_EVERY = 2
LINES_EVERY = 4
SPECTRUM_LAG = 12
SLOW_SHARE, LONG_SHARE = np.float32(0.04), np.float32(0.01)
# The floor is the lowest fast level of the last 0.64 s, kept in blocks of 80 ms.
FLOOR_BLOCKS = 8
FLOOR_BLOCK = 8
# 16 -> 2 kHz, by a windowed sinc: flat to 800 Hz, 70 dB down from 1.2 kHz.
DECIMATION = 8
DECIMATOR_TAPS = 128
# Samples that the envelope is averaged over; 30-200 Hz in its spectrum, 1.95 Hz a bin.
ENVELOPE_STEP = 32
PULSE_LOW_BIN = 16
PULSE_HIGH_BIN = 103
# Numbers of float32, which would make the loops they stand in float64 otherwise.
ZERO, TENTH, SIXTH, LIMIT = np.float32(0.0), np.float32(0.1), np.float32(1.0 / 6.0), np.float32(5.0)
MAX_ENVELOPE, ONE = np.float32(10.0), np.float32(1.0)


# One object for all states: numba compares an array's layout field by field with those it knows, ten times as long as
# the call takes otherwise, unless it is the very one.
@functools.cache
def _state_dtype(frame: FrameOptions, options: FeatureOptions) -> np.dtype[np.void]:
    """Lay out the state; wide numbers stand first, which keeps all of them aligned."""
    bands = len(options.band_edges_hz) - 1
    bins, envelope_bins = frame.window // 2 + 1, frame.envelope_window // 2 + 1
    integers = {
        **dict.fromkeys(("frame", "waiting", "floor_block", "n_slow_lines", "n_long_lines", "n_lines"), ()),
        **dict.fromkeys(("band_first", "band_last"), (bands,)),
        **dict.fromkeys(("slow_lines", "long_lines", "lines"), (N_LINES,)),
        "comb_bins": (len(COMBS), MAX_MULTIPLES, 3),
        "comb_multiples": (len(COMBS),),
    }
    doubles = {
        **dict.fromkeys(("hop_s", "gate_on_db", "gate_off_db", "gate_off_frames"), ()),
        **dict.fromkeys(("fast_share", "middle_share", "slow_share", "long_share"), ()),
        **dict.fromkeys(("background_fall", "background_near", "background_near_db", "background_rise_db"), ()),
        **dict.fromkeys(("plateau_rise", "plateau_fall", "envelope_gain"), ()),
        **dict.fromkeys(("high_pass", "low_pass"), (2,)),
        **dict.fromkeys(("level", "fast", "middle", "slow", "long", "background", "plateau", "peak"), (bands,)),
        **dict.fromkeys(("floor", "floor_peak", "band_width_db"), (bands,)),
        "scalars": (N_SCALARS,),
        "envelope_memory": (4,),
        **dict.fromkeys(("envelope_given", "envelope_squares"), (frame.hop,)),
    }
    singles = {
        "floor_power": (),
        "hop": (frame.hop,),
        **dict.fromkeys(("window", "tone"), (frame.window,)),
        **dict.fromkeys(("power", "tone_power", "tone_db", "tone_slow", "tone_long", "line_db"), (bins,)),
        "tone_lag": (SPECTRUM_LAG, bins),
        **dict.fromkeys(("band_first_share", "band_last_share", "band_width"), (bands,)),
        # The bands, all together, and the mean density of those of the flatness.
        **dict.fromkeys(("band_power", "band_db"), (bands + 2,)),
        "decimator": (DECIMATOR_TAPS,),
        # The last samples, every eighth in one row.
        "decimator_given": (DECIMATION, (DECIMATOR_TAPS + frame.hop) // DECIMATION),
        "decimated": (frame.hop // DECIMATION,),
        **dict.fromkeys(("envelope", "envelope_scaled"), (frame.envelope_window,)),
        "envelope_power": (envelope_bins,),
        "floor_blocks": (FLOOR_BLOCKS, bands),
        "floor_before": (bands,),
        "fast_ring": (FAST_LAG, bands),
        "middle_ring": (MIDDLE_LAG, bands),
        "comb_ring": (128, 3),
        "row": (N_BAND_KINDS * bands + N_SCALARS,),
    }
    fields: list[tuple[str, object, tuple[int, ...]]] = []
    for kind, shapes in ((np.int64, integers), (np.float64, doubles), (np.float32, singles)):
        fields += [(name, kind, shape) for name, shape in shapes.items()]
    fields += [("plan", fft_dtype(frame.window), ()), ("envelope_plan", fft_dtype(frame.envelope_window), ())]
    fields += [("rank", np.int64, (PLACES,)), ("prominent", np.uint8, (bins,))]
    return np.dtype((np.record, fields))


def feature_state(frame: FrameOptions, options: FeatureOptions) -> npt.NDArray[np.void]:
    """Make a fresh state, shape (1,).

    `level` ... `floor_peak` are per-band levels in dB, shape (bands,). `band_db` is what displays and the history read:
    per-band levels in dBFS, then the total level.
    """
    state = np.zeros(1, dtype=_state_dtype(frame, options))
    s = state[0]
    s.plan, s.envelope_plan = fft_plan(frame.window), fft_plan(frame.envelope_window)

    def follow(seconds: float) -> float:
        return float(1.0 - np.exp(-frame.hop_s / seconds))

    s.hop_s = frame.hop_s
    s.floor_power = options.floor_power
    s.fast_share, s.middle_share = follow(options.fast_s), follow(options.middle_s)
    s.slow_share, s.long_share = follow(options.slow_s), follow(options.long_s)
    s.background_fall, s.background_near = follow(options.background_fall_s), follow(options.background_near_s)
    s.background_near_db = options.background_near_db
    s.background_rise_db = options.background_rise_db_per_s * frame.hop_s
    s.plateau_rise, s.plateau_fall = follow(options.plateau_rise_s), follow(options.plateau_fall_s)
    s.gate_on_db, s.gate_off_db = options.gate_on_db, options.gate_off_db
    s.gate_off_frames = options.gate_off_s / frame.hop_s
    s.floor_block = -1

    edges = np.asarray(options.band_edges_hz)
    bin_hz = RATE_HZ / frame.window
    low = (np.arange(frame.window // 2 + 1) - 0.5) * bin_hz
    for band in range(len(edges) - 1):
        overlap = np.minimum(low + bin_hz, edges[band + 1]) - np.maximum(low, edges[band])
        share = np.clip(overlap / bin_hz, 0.0, 1.0)
        touched = np.flatnonzero(share)
        s.band_first[band], s.band_last[band] = touched[0], touched[-1]
        s.band_first_share[band] = share[touched[0]]
        s.band_last_share[band] = share[touched[-1]] if len(touched) > 1 else 0.0
        s.band_width[band] = len(touched)
    s.band_width_db[:] = 10.0 * np.log10(s.band_width)

    x = np.arange(DECIMATOR_TAPS) - (DECIMATOR_TAPS - 1) / 2
    sinc = np.sinc(x / DECIMATION) * np.kaiser(DECIMATOR_TAPS, 7.0)
    s.decimator[:] = sinc / sinc.sum()
    for comb, bins in enumerate(starmap(_comb_bins, COMBS)):
        s.comb_multiples[comb] = len(bins)
        s.comb_bins[comb, : len(bins)] = bins
    high_gain, s.high_pass[:] = _butterworth(1000.0, high_pass=True)
    low_gain, s.low_pass[:] = _butterworth(6000.0, high_pass=False)
    s.envelope_gain = high_gain * low_gain
    return state


def _comb_bins(fundamental_hz: float, low_hz: float, high_hz: float) -> list[tuple[int, int, int]]:
    """Bins of each multiple, of the middle below it and of that above."""
    multiples = np.arange(np.ceil(low_hz / fundamental_hz), high_hz // fundamental_hz + 1)
    places = np.rint((multiples[:, None] + np.array([0.0, -0.5, 0.5])) * fundamental_hz / TONE_BIN_HZ)
    return [(int(at), int(below), int(above)) for at, below, above in places]


def _butterworth(corner_hz: float, *, high_pass: bool) -> tuple[float, F64]:
    """Second order by the bilinear transform (RBJ's cookbook): gain and a1, a2.

    The numerator is gain * (1 -+ 1/z)^2.
    """
    w = 2 * np.pi * corner_hz / RATE_HZ
    alpha = np.sin(w) / np.sqrt(2.0)
    c = np.cos(w)
    gain = (1 + c if high_pass else 1 - c) / 2 / (1 + alpha)
    return float(gain), np.array([-2 * c, 1 - alpha]) / (1 + alpha)


@kernel()
def _sum(values: F32 | F64, first: int, last: int) -> float:
    """Sum up values first..last - 1 in four strands: in one, each sum would wait for the one before it."""
    a = b = c = d = values[first] - values[first]
    fours = first + (last - first) // 4 * 4
    for k in range(first, fours, 4):
        a += values[k]
        b += values[k + 1]
        c += values[k + 2]
        d += values[k + 3]
    for k in range(fours, last):
        a += values[k]
    total: float = (a + b) + (c + d)
    return total


@kernel()
def _decimate(s: np.record) -> None:
    """Append the hop at 2 kHz to the tones' window."""
    hop, given, taps, tone, out = s.hop, s.decimator_given, s.decimator, s.tone, s.decimated
    new = out.shape[0]
    keep = given.shape[1] - new
    # Every eighth sample in one row: what one tap weighs then lies side by side, and vectors do all outputs at once.
    for p in range(DECIMATION):
        for i in range(keep):
            given[p, i] = given[p, i + new]
    for i in range(new):
        for p in range(DECIMATION):
            given[p, keep + i] = hop[DECIMATION * i + p]
    for i in range(new):
        out[i] = ZERO
    for q in range(keep):
        t = DECIMATION * q
        for i in range(new):
            k = i + 1 + q
            early = (given[0, k] * taps[t] + given[1, k] * taps[t + 1]) + (
                given[2, k] * taps[t + 2] + given[3, k] * taps[t + 3]
            )
            late = (given[4, k] * taps[t + 4] + given[5, k] * taps[t + 5]) + (
                given[6, k] * taps[t + 6] + given[7, k] * taps[t + 7]
            )
            out[i] += early + late
    keep = tone.shape[0] - new
    for i in range(keep):
        tone[i] = tone[i + new]
    for i in range(new):
        tone[keep + i] = out[i]


@kernel()
def _envelope(s: np.record) -> None:
    """Append the hop's 1-6 kHz power, averaged over 32 samples, to the envelope."""
    window, given, squares, envelope, m = s.window, s.envelope_given, s.envelope_squares, s.envelope, s.envelope_memory
    n, start = given.shape[0], window.shape[0] - given.shape[0]
    # Both filters' zeros together are (1 - 1/z^2)^2, which has no memory of its own; only the poles run on.
    for i in range(n):
        at = start + i
        twice = np.float64(window[at - 2])
        given[i] = s.envelope_gain * (np.float64(window[at]) - (twice + twice) + np.float64(window[at - 4]))
    h1, h2, l1, l2 = s.high_pass[0], s.high_pass[1], s.low_pass[0], s.low_pass[1]
    h11, h12, l11, l12 = h1 * h1 - h2, h1 * h2, l1 * l1 - l2, l1 * l2
    y1, y2, z1, z2 = m[0], m[1], m[2], m[3]
    for i in range(0, n, 2):
        # Two samples at a time, the second from what was before the first, which it need not wait for then.
        first, second = given[i], given[i + 1] - h1 * given[i]
        y = (first - h2 * y2) - h1 * y1
        y1 = (second + h12 * y2) + h11 * y1
        y2 = y
        first, second = y, y1 - l1 * y
        z = (first - l2 * z2) - l1 * z1
        z1 = (second + l12 * z2) + l11 * z1
        z2 = z
        squares[i] = z2 * z2
        squares[i + 1] = z1 * z1
    # Digital silence would otherwise decay into denormals, which are a hundred times slower.
    m[0] = y1 if abs(y1) > 1e-20 else 0.0
    m[1] = y2 if abs(y2) > 1e-20 else 0.0
    m[2] = z1 if abs(z1) > 1e-20 else 0.0
    m[3] = z2 if abs(z2) > 1e-20 else 0.0
    new = n // ENVELOPE_STEP
    keep = envelope.shape[0] - new
    for i in range(keep):
        envelope[i] = envelope[i + new]
    for i in range(new):
        envelope[keep + i] = _sum(squares, i * ENVELOPE_STEP, (i + 1) * ENVELOPE_STEP) / ENVELOPE_STEP


@kernel()
def _comb(s: np.record, comb: np.int64) -> float:
    """Mean prominence in dB of the lines of one of `COMBS`, each against the two gaps beside it.

    `comb` is no literal, or numba compiles this once for each.
    """
    db, bins = s.tone_db, s.comb_bins
    count = s.comb_multiples[comb]
    total = 0.0
    for i in range(count):
        at, below, above = bins[comb, i, 0], bins[comb, i, 1], bins[comb, i, 2]
        peak = max(db[at - 1], db[at], db[at + 1])
        gap = (db[below - 1] + db[below] + db[below + 1]) + (db[above - 1] + db[above] + db[above + 1])
        total += min(max(peak - gap / 6.0, 0.0), 25.0)
    mean: float = total / count
    return mean


@kernel()
def _tonality(s: np.record, first: int, last: int) -> float:
    """Mean of the three highest bins (five apart at least) over the mean of the range, dB."""
    db, rank = s.tone_db, s.rank
    # Powers rank as their bits do, so that one integer holds power and place, and vectors find the largest.
    bits = s.tone_power.view(np.int32)
    n = last - first
    for k in range(n):
        rank[k] = np.int64(bits[first + k]) * PLACES + (PLACES - 1 - k)
    total = 0.0
    before = last_but_one = -PLACES
    for _ in range(3):
        highest = 0
        for k in range(n):
            apart = (abs(k - before) >= 5) & (abs(k - last_but_one) >= 5)
            highest = max(highest, rank[k] if apart else 0)
        best = min(PLACES - 1 - highest % PLACES, n - 1)
        total += db[first + best]
        before, last_but_one = best, before
    return total / 3.0 - _sum(db, first, last) / n


@kernel()
def _pick_lines(prominent: npt.NDArray[np.uint8], db: F32, bins: I64) -> int:
    """Write the bins of the strongest prominent maxima into `bins`, strongest first; return how many there are."""
    for k in range(LINE_LOW_BIN, LINE_HIGH_BIN):
        around = (db[k - 4] + db[k + 4]) + (db[k - 5] + db[k + 5]) + (db[k - 6] + db[k + 6])
        stands_out = db[k] - around * SIXTH >= LINE_PROMINENCE_DB
        prominent[k] = (db[k] >= db[k - 1]) & (db[k] > db[k + 1]) & stands_out
    count = 0
    for k in range(LINE_LOW_BIN, LINE_HIGH_BIN):
        if not prominent[k]:
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


@kernel()
def _change(now: F32, then: F32, bins: I64, count: int) -> float:
    """Mean change in dB from `then` to `now` at `bins`, both power."""
    if count == 0:
        return 0.0
    ratio = 1.0
    for n in range(count):
        k = bins[n]
        # A line may wander by a bin.
        here = max(now[k - 1], now[k], now[k + 1])
        ratio *= np.float64(here + TONE_FLOOR) / np.float64(then[k] + TONE_FLOOR)
    mean: float = 10.0 * np.log10(ratio) / count
    return mean


@kernel()
def _tones(s: np.record, frame: int) -> None:
    """Update the scalars that come from the 2 kHz spectrum."""
    scalars, ring, power = s.scalars, s.comb_ring, s.tone_power
    power_spectrum_512(s.plan, s.tone, power)
    decibels(power, TONE_FLOOR, s.tone_db)
    low50, low60 = _comb(s, np.int64(0)), _comb(s, np.int64(1))
    high50, high60 = _comb(s, np.int64(2)), _comb(s, np.int64(3))
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
    scalars[5] = _tonality(s, 21, 78)
    scalars[6] = _tonality(s, 78, 154)
    scalars[7] = _tonality(s, 154, 235)
    if frame % LINES_EVERY == 0:
        _lines(s, frame)
    if frame < FIRST_FULL_TONE + LINES_EVERY * (SPECTRUM_LAG + 1):
        return
    scalars[8] = _change(power, s.tone_slow, s.slow_lines, s.n_slow_lines)
    scalars[9] = _change(power, s.tone_long, s.long_lines, s.n_long_lines)
    scalars[10] = 10.0 * s.n_lines / N_LINES
    scalars[11] = _change(power, s.tone_slow, s.lines, s.n_lines)


@kernel()
def _lines(s: np.record, frame: int) -> None:
    """Pick the strongest lines of now, and of the running means of what was half a second ago."""
    power, lag, slow, long = s.tone_power, s.tone_lag, s.tone_slow, s.tone_long
    # The lag keeps a change that is under way out of the reference: 12 spectra of 40 ms.
    place = (frame // LINES_EVERY) % SPECTRUM_LAG
    if frame >= FIRST_FULL_TONE + LINES_EVERY * SPECTRUM_LAG:
        first = frame < FIRST_FULL_TONE + LINES_EVERY * (SPECTRUM_LAG + 1)
        slow_share, long_share = (ONE, ONE) if first else (SLOW_SHARE, LONG_SHARE)
        for k in range(slow.shape[0]):
            slow[k] += slow_share * (lag[place, k] - slow[k])
            long[k] += long_share * (lag[place, k] - long[k])
    for k in range(power.shape[0]):
        lag[place, k] = power[k]
    s.n_lines = _pick_lines(s.prominent, s.tone_db, s.lines)
    decibels(slow, TONE_FLOOR, s.line_db)
    s.n_slow_lines = _pick_lines(s.prominent, s.line_db, s.slow_lines)
    decibels(long, TONE_FLOOR, s.line_db)
    s.n_long_lines = _pick_lines(s.prominent, s.line_db, s.long_lines)


@kernel()
def _peak_near(power: F32, centre: np.int64) -> float:
    return float(max(power[centre - 1], power[centre], power[centre + 1]))


@kernel()
def _median(power: F32, first: int, last: int) -> np.float32:
    """Find the middle one of an odd number of powers."""
    # Powers rank as their bits do. Any value with exactly so many at or below it tells which is the middle one.
    bits = power.view(np.int32)
    wanted = (last - first) // 2 + 1
    low, high = bits[first], bits[first]
    for k in range(first, last):
        low, high = min(low, bits[k]), max(high, bits[k])
    low -= 1
    while high - low > 1:
        middle = np.int32(low + (high - low) // 2)
        below = np.int32(0)
        for k in range(first, last):
            below += np.int32(bits[k] <= middle)
        if below >= wanted:
            high = middle
        else:
            low = middle
        if below == wanted:
            break
    median = ZERO
    for k in range(first, last):
        median = max(median, power[k] if bits[k] <= high else ZERO)
    return median


@kernel()
def _pulses(s: np.record, frame: int) -> None:
    """Update the scalars that come from the envelope of 1-6 kHz."""
    scalars, envelope, scaled, power = s.scalars, s.envelope, s.envelope_scaled, s.envelope_power
    n = envelope.shape[0]
    scale = np.float32(1.0 / (np.float64(_sum(envelope, 0, n)) / n + 1e-13))
    for i in range(n):
        scaled[i] = min(envelope[i] * scale, MAX_ENVELOPE) - ONE
    power_spectrum_256(s.envelope_plan, scaled, power)
    median = np.float64(_median(power, PULSE_LOW_BIN, PULSE_HIGH_BIN)) + 1e-9
    at50 = _peak_near(power, np.int64(26))
    at60 = _peak_near(power, np.int64(31))
    pulse = max(at50, at60)
    twice = max(_peak_near(power, np.int64(51)), _peak_near(power, np.int64(61)))
    slot = (frame // TONE_EVERY) % 128
    then = (frame // TONE_EVERY - 50) % 128
    line = 10.0 * np.log10((pulse + 1e-9) / median)
    s.comb_ring[slot, 2] = line
    scalars[12] = 10.0 * np.log10(pulse + 1e-4) + 20.0
    scalars[13] = line
    scalars[14] = line - s.comb_ring[then, 2] if frame >= FIRST_FULL_ENVELOPE + 100 else 0.0
    scalars[15] = 10.0 * np.log10((twice + 1e-9) / median)
    scalars[16] = 10.0 * np.log10(np.float64(_sum(power, 1, 11)) + 1e-3) + 10.0


@kernel()
def _band_levels(s: np.record) -> bool:
    """Write the levels of the bands, of all together and the flatness' mean; return whether all was digital silence."""
    power, bands, db = s.power, s.band_power, s.band_db
    n = s.level.shape[0]
    total = density = ZERO
    for b in range(n):
        first, last = s.band_first[b], s.band_last[b]
        p = power[first] * s.band_first_share[b] + power[last] * s.band_last_share[b]
        if last > first + 1:
            p += _sum(power, first + 1, last)
        total += p
        p += s.floor_power
        if FLAT_FIRST <= b < FLAT_LAST:
            density += p / s.band_width[b]
        bands[b] = p
    bands[n] = total + s.floor_power
    bands[n + 1] = density / np.float32(FLAT_LAST - FLAT_FIRST)
    decibels(bands, ZERO, db)
    silent: bool = total == ZERO
    return silent


@kernel()
def _bands(s: np.record, frame: int, lost: bool) -> None:
    """Update the per-band levels, their running means, the background, the gate and the plateau."""
    level, db, fast, middle, slow, long = s.level, s.band_db, s.fast, s.middle, s.slow, s.long
    background, plateau, peak, scalars = s.background, s.plateau, s.peak, s.scalars
    floor, floor_peak, blocks = s.floor, s.floor_peak, s.floor_blocks
    n = level.shape[0]
    silent = _band_levels(s)
    flux = 0.0
    if frame > FIRST_FULL_FRAME:
        for b in range(n):
            flux += max(db[b] - level[b], 0.0)
    for b in range(n):
        level[b] = db[b]
    scalars[17] = flux / n
    flat = 0.0
    for b in range(FLAT_FIRST, FLAT_LAST):
        flat += level[b] - s.band_width_db[b]
    scalars[18] = flat / (FLAT_LAST - FLAT_FIRST) - db[n + 1]
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
        fast[b] += s.fast_share * (level[b] - fast[b])
        middle[b] += s.middle_share * (level[b] - middle[b])
        slow[b] += s.slow_share * (level[b] - slow[b])
        long[b] += s.long_share * (level[b] - long[b])
    _floor(s, frame)
    for b in range(n):
        over = middle[b] - background[b]
        near = s.background_near * over if over < s.background_near_db else s.background_rise_db
        background[b] += s.background_fall * over if over < 0.0 else near
    # The pump's band and its neighbours decide whether anything runs: bands 140-600 Hz.
    over = 0.0
    for b in range(2, 6):
        over += middle[b] - background[b]
    over /= 4.0
    gate = scalars[19] > 0.0
    if not gate and over > s.gate_on_db:
        scalars[19] = 10.0
        scalars[20] = 0.0
        for b in range(n):
            plateau[b] = middle[b]
            # The slow mean still lags behind the start: the first half second sets its peak.
            peak[b] = floor_peak[b] = -200.0
    elif gate and over < s.gate_off_db:
        scalars[21] += 1.0
        if scalars[21] > s.gate_off_frames:
            scalars[19] = 0.0
            scalars[21] = 0.0
    elif gate:
        scalars[21] = 0.0
    if scalars[19] > 0.0:
        scalars[20] += 1.0
        for b in range(n):
            step = middle[b] - plateau[b]
            plateau[b] += (s.plateau_rise if step > 0.0 else s.plateau_fall) * step
            peak[b] = max(slow[b], peak[b] + s.plateau_fall * (slow[b] - peak[b]))
            floor_peak[b] = max(floor[b], floor_peak[b] + s.plateau_fall * (floor[b] - floor_peak[b]))
    else:
        scalars[21] += 1.0


@kernel()
def _floor(s: np.record, frame: int) -> None:
    """Update the floor; the blocks before the present one are compared once a block."""
    fast, floor, blocks, before = s.fast, s.floor, s.floor_blocks, s.floor_before
    n = floor.shape[0]
    block = (frame // FLOOR_BLOCK) % FLOOR_BLOCKS
    if frame % FLOOR_BLOCK == 0:
        for b in range(n):
            blocks[block, b] = fast[b]
    if block != s.floor_block:
        s.floor_block = block
        for b in range(n):
            before[b] = blocks[(block + 1) % FLOOR_BLOCKS, b]
        for k in range(2, FLOOR_BLOCKS):
            for b in range(n):
                before[b] = min(before[b], blocks[(block + k) % FLOOR_BLOCKS, b])
    for b in range(n):
        blocks[block, b] = min(blocks[block, b], np.float32(fast[b]))
        floor[b] = min(before[b], blocks[block, b])


@kernel()
def _write(s: np.record, frame: int, features: F32) -> None:
    """Fill one feature vector, in units of 10 dB, each clipped to +-5."""
    level, fast, middle, slow, long = s.level, s.fast, s.middle, s.slow, s.long
    background, plateau, peak, scalars = s.background, s.plateau, s.peak, s.scalars
    floor, floor_peak, row = s.floor, s.floor_peak, s.row
    fast_ring, middle_ring = s.fast_ring, s.middle_ring
    n = level.shape[0]
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
        row[b] = level[b] - background[b]
        row[n + b] = middle[b] - background[b]
        row[2 * n + b] = level[b] - middle[b]
        row[3 * n + b] = fast[b] - slow[b]
        row[4 * n + b] = middle[b] - long[b]
        row[5 * n + b] = middle[b] - plateau[b] if gate else 0.0
        row[6 * n + b] = fast[b] - fast_ring[f100, b]
        row[7 * n + b] = fast[b] - fast_ring[f300, b]
        row[8 * n + b] = middle[b] - middle_ring[m1000, b]
        row[9 * n + b] = middle[b] - middle_ring[m2500, b]
        row[10 * n + b] = slow[b] - peak[b] if gate else 0.0
        row[11 * n + b] = floor[b] - background[b]
        row[12 * n + b] = floor[b] - floor_peak[b] if gate else 0.0
        row[13 * n + b] = level[b] - floor[b]
    base = N_BAND_KINDS * n
    for i in range(20):
        row[base + i] = scalars[i]
    age = 10.0 * np.log10(1.0 + (scalars[20] if gate else scalars[21]) * s.hop_s)
    row[base + 20] = age if gate else 0.0
    row[base + 21] = 0.0 if gate else age
    for i in range(row.shape[0]):
        features[i] = min(max(row[i] * TENTH, -LIMIT), LIMIT)


# Inlined: compiled once, within its caller, which saves a second of the first start ever.
@kernel(inline="always")
def _process_hop(s: np.record, lost: bool, features: F32) -> None:
    """Write the feature vector of the hop in `s.hop`; see the layout module for its order."""
    window, hop, frame = s.window, s.hop, s.frame
    n = hop.shape[0]
    if frame == 0:
        # A microphone may open with digital zeros: hearing begins with the first sound, which sets the background.
        # Below the floor there is only what a resampler rings with before it.
        power = 0.0
        for i in range(n):
            power += np.float64(hop[i]) * np.float64(hop[i])
        if power <= n * s.floor_power:
            features[:] = ZERO
            s.band_power[:] = ZERO
            decibels(s.band_power, s.floor_power, s.band_db)
            return
    keep = window.shape[0] - n
    for i in range(keep):
        window[i] = window[i + n]
    for i in range(n):
        window[keep + i] = hop[i]
    power_spectrum_512(s.plan, window, s.power)
    _bands(s, frame, lost)
    _decimate(s)
    _envelope(s)
    if frame % TONE_EVERY == 0:
        if frame >= FIRST_FULL_TONE:
            _tones(s, frame)
    elif frame >= FIRST_FULL_ENVELOPE:
        _pulses(s, frame)
    _write(s, frame, features)
    s.frame = frame + 1


@kernel()
def process(state: npt.NDArray[np.void], samples: F32, lost: bool, features: F32, levels: F32) -> None:
    """Take in samples, shape (n,), and write what frames they complete.

    `features` and `levels` have one row for each of them. `lost` says that the samples stand in for audio that never
    arrived: levels are then held as they were.
    """
    s = state[0]
    hop, waiting = s.hop, s.waiting
    frame = position = 0
    while position < samples.shape[0]:
        taken = min(hop.shape[0] - waiting, samples.shape[0] - position)
        for i in range(taken):
            hop[waiting + i] = samples[position + i]
        waiting += taken
        position += taken
        if waiting == hop.shape[0]:
            waiting = 0
            _process_hop(s, lost, features[frame])
            for b in range(levels.shape[1]):
                levels[frame, b] = s.band_db[b]
            frame += 1
    s.waiting = waiting


# Not without the GIL: to give it up and wait for it again takes longer than this.
@kernel(nogil=False)
def bounded(samples: F32, first: int, limit: float, out: F32, at: int) -> int:
    """Copy samples, shape (n,), from `first` on into `out` from `at` on, as many as there are and fit in.

    They are kept within +-limit; what is no number becomes zero, what is infinite full scale. Returns how many.
    """
    top = np.float32(limit)
    count: int = min(samples.shape[0] - first, out.shape[0] - at)
    for i in range(count):
        sample = samples[first + i]
        if np.isfinite(sample):
            sample = min(max(sample, -top), top)
        elif np.isnan(sample):
            sample = ZERO
        else:
            sample = ONE if sample > ZERO else -ONE
        out[at + i] = sample
    return count


def compile_levels_and_tones(frame: FrameOptions, options: FeatureOptions) -> None:
    """Have most of what `process` calls compiled, or loaded; it takes some three quarters of its time."""
    s = feature_state(frame, options)[0]
    _bands(s, 0, False)
    _decimate(s)
    _envelope(s)
    _tones(s, 0)
    _write(s, 0, s.row.copy())


def compile_pulses(frame: FrameOptions, options: FeatureOptions) -> None:
    """Have the rest of what `process` calls compiled, or loaded."""
    _pulses(feature_state(frame, options)[0], 0)
