"""Judge whether this microphone, in this place, can hear a backflush.

What is heard of a backflush is a step in a steady sound, and that is what conference software takes away: noise
suppression sinks steady sounds within seconds, and automatic gain levels steps. So a steady sound is played, loud and
then softer, and its level is followed. Everything is judged from the samples alone, by `judge`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import CheckOptions

__all__ = ["TEST_RATE_HZ", "Finding", "Heard", "Verdict", "check_sound", "judge", "judge_pump", "worst"]

TEST_RATE_HZ = 48_000
"""Rate of the sound to play."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.floating[Any]]

_FRAME_S = 0.08
# Parts of an octave, as ratios to its lower end: what the test sound fills, and where only the noise is measured.
_FILLED, _FREE = (1.0, 1.6), (1.7, 1.9)
_EDGE_S = 0.02
# Of a pump: how long its level is taken before and behind an edge, when it starts at the earliest, how long it runs.
_EDGE_LEVEL_S, _EARLIEST_S, _SHORTEST_S = 0.4, 1.5, 3.0
# Full scale within 0.1 %, whatever the converter's step.
_FULL_SCALE = 0.999
_TINY = 1e-15

_PROCESSING = {
    "darwin": "Control Centre, Mic Mode: Standard, not Voice Isolation; quit conference and noise-removal programs",
    "win32": "Settings, System, Sound, the microphone, Audio enhancements: Off; quit conference programs",
}
_PROCESSING_ELSEWHERE = (
    "choose a source without echo cancellation in the sound settings (backflush devices marks them), "
    "quit EasyEffects or NoiseTorch"
)
_LEVEL = {
    "darwin": "System Settings, Sound, Input: input volume",
    "win32": "Settings, System, Sound, the microphone: input volume",
}


class Verdict(IntEnum):
    """How good it is; the command's exit code tells the worst."""

    PASS = 0
    WARN = 3
    FAIL = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tested.

    `name` is for programs, `text` says what was found, `advice` what to do about it, empty where it is fine.
    """

    name: str
    verdict: Verdict
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the microphone gave.

    Parameters
    ----------
    samples
        float32, shape (n,), from before the test sound was started; what was lost is zeros.
    rate_hz
        Of the samples.
    lost
        Samples that were lost.
    """

    samples: F32
    rate_hz: int
    lost: int = 0


def worst(findings: list[Finding]) -> Verdict:
    """Return the worst verdict."""
    return max((finding.verdict for finding in findings), default=Verdict.PASS)


def check_sound(rate_hz: int, options: CheckOptions, rng: np.random.Generator) -> F32:
    """Return the sound to play: noise of equal power in each octave, loud and then softer, between silences.

    float32, shape (n,), full scale 1.0.
    """
    count = round(options.loud_s * rate_hz) + round(options.soft_s * rate_hz)
    size = 1 << (count - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    filled = np.zeros(len(hertz), bool)
    for octave_hz in options.octaves_hz:
        filled |= _between(hertz, octave_hz, _FILLED)
    shape = np.where(filled & (hertz < 0.45 * rate_hz), 1.0 / np.sqrt(np.maximum(hertz, 1.0)), 0.0)
    spectrum = shape * (rng.normal(size=len(hertz)) + 1j * rng.normal(size=len(hertz)))
    noise = np.fft.irfft(spectrum, size)[:count]
    noise *= 10.0 ** (options.loud_dbfs / 20.0) / np.sqrt(np.mean(noise**2))
    noise[round(options.loud_s * rate_hz) :] *= 10.0 ** (options.soft_db / 20.0)
    edge = np.minimum(1.0, np.arange(count) / (_EDGE_S * rate_hz))
    noise *= edge * edge[::-1]
    silence = (np.zeros(round(seconds * rate_hz)) for seconds in (options.quiet_s, options.tail_s))
    return np.concatenate([next(silence), np.clip(noise, -1.0, 1.0), next(silence)]).astype(np.float32)


def judge(heard: Heard, options: CheckOptions, *, platform: str = sys.platform) -> list[Finding]:
    """Return what `heard` says of the microphone, the place and the system, while the test sound was played.

    Parameters
    ----------
    heard
        At least the length of the test sound.
    options
        Its parts and the bounds.
    platform
        As `sys.platform`: where the settings are.
    """
    if dead := _dead(heard):
        return dead
    levels = _Levels(heard, options)
    begins_s = levels.alignment_s()
    loud_s, soft_s, tail_s = np.cumsum([begins_s + options.quiet_s, options.loud_s, options.soft_s])
    quiet = heard.samples[: max(1, round((loud_s - 0.3) * heard.rate_hz))]
    findings = [*_capture(heard, platform), _noise(quiet, options), _hum(quiet, heard.rate_hz, options)]
    before = (max(0.3, loud_s - 3.5), loud_s - 0.3)
    first = levels.sound((loud_s + 0.15, loud_s + 0.75), before)
    last = levels.sound((soft_s - 2.0, soft_s - 0.1), before)
    soft = levels.sound((tail_s - 1.5, tail_s - 0.1), before)
    ducked_db = float(np.median(_decibels(levels.noise(before) / levels.noise((loud_s + 1.0, soft_s - 0.1)))))
    clear = (first.snr_db >= options.min_snr_db) | (last.snr_db >= options.min_snr_db)
    if ducked_db > options.ducked_db:
        return [*findings, *_processing(0.0, ducked_db, options, platform)]
    if not clear.any():
        text = "the test sound could not be heard"
        advice = (
            "turn the loudspeaker up and put the microphone nearer, or judge the pump itself: backflush check --pump"
        )
        return [*findings, Finding("processing", Verdict.WARN, text, advice)]
    sunk_db = _step(first, last, clear)
    levelled_db = _step(soft, last, clear) - options.soft_db
    findings += [_loudness(first.power, "test sound", options, platform), _band(heard, levels, options)]
    return [*findings, *_processing(sunk_db, levelled_db, options, platform)]


def judge_pump(heard: Heard, options: CheckOptions, *, platform: str = sys.platform) -> list[Finding]:
    """Return what `heard` says, while the user let water run: quiet, the pump for some seconds, quiet again.

    Raises nothing if no pump ran: the finding says so.
    """
    if dead := _dead(heard):
        return dead
    levels = _Levels(heard, options)
    findings = _capture(heard, platform)
    run = levels.run_s()
    if run is None:
        text = "no pump was heard"
        advice = (
            "start when asked, let water run for ten seconds without the basket, with the microphone within a metre"
        )
        return [*findings, Finding("processing", Verdict.WARN, text, advice)]
    on_s, off_s = run
    quiet = heard.samples[: max(1, round((on_s - 0.3) * heard.rate_hz))]
    findings += [_noise(quiet, options), _hum(quiet, heard.rate_hz, options), _band(heard, levels, options)]
    findings.append(_loudness(levels.all((on_s + 0.5, on_s + 1.3)), "pump", options, platform))
    sunk_db = float(np.median(_decibels(levels.all((on_s + 0.5, on_s + 1.3)) / levels.all((off_s - 2.0, off_s - 0.3)))))
    # Right behind the pump the gain is still low, and the room's own noise with it.
    starts_s = off_s + 0.4 + 0.2 * np.arange(8)
    after = np.min([levels.all((start_s, start_s + 0.4)) for start_s in starts_s], axis=0)
    later = levels.all((off_s + 3.5, off_s + 6.5))
    rise_db = float(np.median(_decibels(later / after)))
    levelled_db = rise_db if rise_db > options.ducked_db else 0.0
    return [*findings, *_processing(sunk_db, levelled_db, options, platform)]


@dataclass(frozen=True, slots=True)
class _Sound:
    """Power of the test sound in each band, and how far the band stands out of the noise."""

    power: F64
    snr_db: F64


class _Levels:
    """Power by frame and band."""

    def __init__(self, heard: Heard, options: CheckOptions) -> None:
        self._options = options
        self._size = round(_FRAME_S * heard.rate_hz)
        self.frame_s = self._size / heard.rate_hz
        frames = heard.samples[: len(heard.samples) // self._size * self._size].reshape(-1, self._size)
        window = np.hanning(self._size)
        scale = 2.0 / (float(np.sum(window**2)) * self._size)
        self.spectra: F64 = np.square(np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float64)) * scale
        self.hertz: F64 = np.fft.rfftfreq(self._size, 1.0 / heard.rate_hz)
        octaves_hz = [octave_hz for octave_hz in options.octaves_hz if octave_hz * _FREE[1] <= 0.48 * heard.rate_hz]

        def bands(part: tuple[float, float]) -> F64:
            members = (_between(self.hertz, octave_hz, part) for octave_hz in octaves_hz)
            return np.stack([self.spectra[:, band].sum(axis=1) for band in members], axis=1) + _TINY

        self.bands, self._free = bands(_FILLED), bands(_FREE)

    def all(self, window_s: tuple[float, float]) -> F64:
        """Return the mean power of each band, of whatever is in it."""
        return self._mean(self.bands, window_s)

    def noise(self, window_s: tuple[float, float]) -> F64:
        """Return the mean power of each band's free part, where the test sound has nothing."""
        return self._mean(self._free, window_s)

    def sound(self, window_s: tuple[float, float], before_s: tuple[float, float]) -> _Sound:
        """Return the test sound's power in a window, the noise taken off as its free part shows it there.

        Before the sound, in the window `before_s`, both parts hold noise only, which gives the ratio between them.
        """
        whole = self.all(window_s)
        noise = self.all(before_s) * self.noise(window_s) / self.noise(before_s)
        return _Sound(np.maximum(whole - noise, 0.05 * whole), _decibels(whole / np.minimum(noise, whole)))

    def _mean(self, trace: F64, window_s: tuple[float, float]) -> F64:
        start, stop = (max(0, round(s / self.frame_s)) for s in window_s)
        part = trace[start:stop]
        return np.mean(part, axis=0) if len(part) else np.full(trace.shape[1], _TINY)

    def alignment_s(self) -> float:
        """Return how much later than the samples the test sound begins.

        Where four levels, each of the length of a part, fit the measured ones best; whatever the levels are.
        """
        o = self._options
        level = _decibels(self.bands).mean(axis=1)
        lengths = [round(s / self.frame_s) for s in (o.quiet_s, o.loud_s, o.soft_s)]
        best, misfit = 0, np.inf
        for lag in range(round(o.max_latency_s / self.frame_s) + 1):
            edges = np.cumsum([lag, *lengths])
            parts = [level[lag : edges[1]], level[edges[1] : edges[2]], level[edges[2] : edges[3]], level[edges[3] :]]
            found = sum(float(np.var(part)) * len(part) for part in parts if len(part)) / max(1, len(level) - lag)
            if found < misfit - 1e-9:
                best, misfit = lag, found
        return best * self.frame_s

    def run_s(self) -> tuple[float, float] | None:
        """Return when a pump started and stopped, None if none ran for three seconds.

        By its edges: behind automatic gain a pump is hardly louder than the place was before it.
        """
        level = _decibels(self.bands).mean(axis=1)
        size = round(_EDGE_LEVEL_S / self.frame_s)
        means = np.convolve(level, np.ones(size) / size, mode="valid")
        if len(means) <= size:
            return None
        steps = means[size:] - means[:-size]  # at frame i + size: level behind it less level before it
        stop = int(np.argmin(steps))
        begins = steps[round(_EARLIEST_S / self.frame_s) : max(0, stop - round(_SHORTEST_S / self.frame_s))]
        if not len(begins) or -steps[stop] < self._options.min_snr_db or begins.max() < self._options.min_snr_db / 2.0:
            return None
        start = int(np.argmax(begins)) + round(_EARLIEST_S / self.frame_s)
        return (start + size) * self.frame_s, (stop + size) * self.frame_s


def _dead(heard: Heard) -> list[Finding]:
    if len(heard.samples) and heard.samples.any():
        return []
    text = "the microphone gives digital silence"
    advice = "allow the program to use the microphone in the system's privacy settings, or unmute it"
    return [Finding("silence", Verdict.FAIL, text, advice)]


def _capture(heard: Heard, platform: str) -> list[Finding]:
    findings = []
    if heard.lost:
        text = f"{heard.lost / heard.rate_hz:.2f} s of sound were lost"
        findings.append(Finding("lost", Verdict.WARN, text, "close other programs; use a cable instead of Bluetooth"))
    zeros = _longest_zeros_s(heard)
    if zeros > 0.1 + heard.lost / heard.rate_hz:
        text = f"{zeros:.1f} s of digital zeros in between: something gates the sound"
        findings.append(Finding("zeros", Verdict.WARN, text, _where(_PROCESSING, platform, _PROCESSING_ELSEWHERE)))
    share = float(np.mean(np.abs(heard.samples) >= _FULL_SCALE))
    peak_dbfs = 20.0 * float(np.log10(max(float(np.abs(heard.samples).max()), _TINY)))
    if share > CheckOptions().clipped_share:
        advice = f"turn it down: {_where(_LEVEL, platform, 'the sound settings, input volume')}"
        findings.append(Finding("clipping", Verdict.WARN, "the microphone is overdriven", advice))
    else:
        findings.append(Finding("clipping", Verdict.PASS, f"not overdriven, peaks at {peak_dbfs:.0f} dBFS"))
    return findings


def _loudness(power: F64, what: str, options: CheckOptions, platform: str) -> Finding:
    level_dbfs = float(_decibels(float(power.sum())))
    text = f"{what} at {level_dbfs:.0f} dBFS"
    if level_dbfs < options.faint_dbfs:
        advice = (
            f"it is faint: come nearer, or turn it up: {_where(_LEVEL, platform, 'the sound settings, input volume')}"
        )
        return Finding("level", Verdict.WARN, text, advice)
    return Finding("level", Verdict.PASS, text)


def _noise(quiet: F32, options: CheckOptions) -> Finding:
    level_dbfs = float(_decibels(float(np.var(quiet, dtype=np.float64)) + _TINY))
    text = f"noise of the place at {level_dbfs:.0f} dBFS"
    if level_dbfs > options.noise_fail_dbfs:
        return Finding("noise", Verdict.FAIL, text, "it drowns the machine: switch off what hums and runs, come nearer")
    if level_dbfs > options.noise_warn_dbfs:
        return Finding("noise", Verdict.WARN, text, "put the microphone nearer to the machine, or switch off what runs")
    return Finding("noise", Verdict.PASS, text)


def _hum(quiet: F32, rate_hz: int, options: CheckOptions) -> Finding:
    """Judge lines at multiples of 50 and 60 Hz below 320 Hz against what lies between them."""
    size = min(len(quiet), 2 * rate_hz)
    spectrum = np.abs(np.fft.rfft(quiet[-size:] * np.hanning(size))) ** 2 + _TINY
    hertz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    band = (hertz > 40.0) & (hertz < 320.0)
    floor = float(np.median(spectrum[band]))
    strongest = {}
    for mains_hz in (50.0, 60.0):
        near = np.abs(hertz / mains_hz - np.round(hertz / mains_hz)) * mains_hz < 1.5
        strongest[mains_hz] = float(_decibels(spectrum[band & near].max(initial=_TINY) / floor))
    mains_hz, above_db = max(strongest.items(), key=lambda item: item[1])
    if above_db > options.hum_db + 10.0:
        text = f"mains hum at multiples of {mains_hz:.0f} Hz, {above_db:.0f} dB above the noise"
        advice = "use another power supply or cable, or run the laptop from its battery; keep away from the fridge"
        return Finding("hum", Verdict.WARN, text, advice)
    return Finding("hum", Verdict.PASS, "no strong mains hum")


def _band(heard: Heard, levels: _Levels, options: CheckOptions) -> Finding:
    """Judge whether the sound ends at a wall, as a headset's does at 4 or 8 kHz."""
    mean = levels.spectra.mean(axis=0) + _TINY

    def drop_db(edge_hz: float) -> float:
        below = mean[(levels.hertz > edge_hz - 800.0) & (levels.hertz < edge_hz - 200.0)]
        above = mean[(levels.hertz > edge_hz + 200.0) & (levels.hertz < edge_hz + 800.0)]
        return float(_decibels(below.mean() / above.mean())) if len(below) and len(above) else 0.0

    advice = "it sounds like a headset in telephone mode: choose the computer's own or a cabled microphone"
    if heard.rate_hz <= 8_000 or drop_db(4_000.0) > options.wall_db:
        return Finding("band", Verdict.WARN, "nothing is heard above 4 kHz", advice)
    if heard.rate_hz <= 16_000 or drop_db(8_000.0) > options.wall_db:
        return Finding("band", Verdict.PASS, "nothing is heard above 8 kHz, which is enough")
    return Finding("band", Verdict.PASS, "hears the whole range")


def _processing(sunk_db: float, levelled_db: float, options: CheckOptions, platform: str) -> list[Finding]:
    advice = _where(_PROCESSING, platform, _PROCESSING_ELSEWHERE)
    findings = []
    # Gain that comes down on a loud sound sinks it as well: only the step tells the two apart.
    levelled = levelled_db > options.levelled_db
    if levelled:
        text = f"the system levels the sound (automatic gain, {levelled_db:.0f} dB of a step are gone)"
        findings.append(Finding("agc", Verdict.FAIL, text, advice))
    if sunk_db > options.sunk_db and not levelled:
        text = f"the system suppresses steady sounds (noise suppression, {sunk_db:.0f} dB)"
        findings.append(Finding("suppression", Verdict.FAIL, text, advice))
    return findings or [Finding("processing", Verdict.PASS, "the system leaves the sound as it is")]


def _step(before: _Sound, after: _Sound, clear: npt.NDArray[np.bool_]) -> float:
    """Return by how many dB the sound has come down, as the median of the clear bands."""
    return float(np.median(_decibels(before.power[clear] / after.power[clear])))


def _between(hertz: F64, octave_hz: float, part: tuple[float, float]) -> npt.NDArray[np.bool_]:
    return (hertz >= octave_hz * part[0]) & (hertz < octave_hz * part[1])


def _longest_zeros_s(heard: Heard) -> float:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], heard.samples == 0.0, [0]]).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    return float((runs[:, 1] - runs[:, 0]).max()) / heard.rate_hz if len(runs) else 0.0


def _decibels(power: F64 | float) -> F64:
    return 10.0 * np.log10(power)


def _where(settings: dict[str, str], platform: str, elsewhere: str) -> str:
    return settings.get(platform, elsewhere)
