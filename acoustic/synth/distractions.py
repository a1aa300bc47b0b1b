"""Sounds of kitchens and cafés that are not the machine: made here, or read from a folder.

Each maker returns mono samples of any level; `make_distraction` brings them to the level that the plan states. They are
caricatures: right in what matters to a detector (attack, decay, band, modulation, comb), not for the ear.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from .filters import Floats, band_bank, bank_rms, noise, run_bank, weighted_rms
from .hydraulics import CONTROL_HZ, WaterSide
from .loops import read_sound
from .machine_sound import MachineSound
from .machines import MACHINE_KINDS, sample_machine
from .plan import Action, Distraction, Resonance

__all__ = ["make_distraction"]

Seeds = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _noise_into(out: Floats, bank: Floats, envelope: Floats, seeds: Seeds) -> None:
    """Add band-shaped noise times an envelope."""
    state = np.zeros((len(bank), 2))
    for n in range(len(out)):
        out[n] += envelope[n] * run_bank(noise(seeds, 0), bank, state)


@numba.njit(cache=True, nogil=True)
def _tone_into(out: Floats, turns: Floats, envelope: Floats, bank: Floats) -> None:
    """Add a pulse train, of which `turns` is the phase in turns, shaped by resonances, times an envelope."""
    state = np.zeros((len(bank), 2))
    last = math.floor(turns[0])
    for n in range(len(out)):
        turn = math.floor(turns[n])
        pulse = 1.0 if turn != last else 0.0
        last = turn
        out[n] += envelope[n] * run_bank(pulse, bank, state)


@numba.njit(cache=True, nogil=True)
def _sines_into(
    out: Floats, start: int, count: int, step: float, phase: float, gain: float, attack: float, decay: float
) -> None:
    """Add a decaying sine: `step` in turns a sample, `attack` and `decay` as factors a sample."""
    level = 1.0
    rise = 0.0
    turn = phase
    for n in range(start, min(len(out), start + count)):
        rise += attack * (1.0 - rise)
        out[n] += gain * level * rise * math.sin(2.0 * math.pi * turn)
        turn += step
        level *= decay


class _Maker:
    """What all makers share: randomness, rate and length."""

    def __init__(self, rng: np.random.Generator, rate_hz: int, duration_s: float) -> None:
        self.rng = rng
        self.rate_hz = rate_hz
        self.count = max(64, int(duration_s * rate_hz))
        self.out = np.zeros(self.count)
        self.time_s = np.arange(self.count) / rate_hz
        self._seeds = rng.integers(1, 2**32 - 1, size=1, dtype=np.int64)

    def between(self, low: float, high: float) -> float:
        return float(low + (high - low) * self.rng.random())

    def log_between(self, low: float, high: float) -> float:
        return float(low * (high / low) ** self.rng.random())

    def bands(self, count: int, low_hz: float, high_hz: float, q: tuple[float, float], tilt_db: float = 0.0) -> Floats:
        """Resonances spread over a range, in random places."""
        rows = []
        for i in range(count):
            place = (i + self.rng.random()) / count
            gain = tilt_db * place * math.log2(high_hz / low_hz) + self.between(-5.0, 5.0)
            rows.append(Resonance(low_hz * (high_hz / low_hz) ** place, self.log_between(*q), gain))
        return band_bank(rows, self.rate_hz)

    def swell(self, attack_s: float, release_s: float) -> Floats:
        """Envelope that rises at the beginning and falls at the end."""
        end = self.time_s[-1]
        rise = np.minimum(1.0, self.time_s / max(attack_s, 1e-3))
        rise *= np.minimum(1.0, (end - self.time_s) / max(release_s, 1e-3))
        return rise

    def wander(self, hz: float, depth: float) -> Floats:
        """Slow random curve around 1."""
        knots = max(4, int(self.time_s[-1] * hz) + 2)
        values = 1.0 + depth * (2.0 * self.rng.random(knots) - 1.0)
        return np.interp(self.time_s, np.linspace(0.0, self.time_s[-1], knots), values)

    def hiss(self, bank: Floats, envelope: Floats, gain: float = 1.0) -> None:
        """Add noise of RMS `gain`."""
        _noise_into(self.out, bank, envelope * (gain / bank_rms(bank, self.rate_hz // 10)), self._seeds)

    def buzz(self, pitch_hz: Floats, bank: Floats, envelope: Floats, gain: float = 1.0) -> None:
        """Add a pulse train through resonances."""
        turns = np.cumsum(pitch_hz) / self.rate_hz + self.rng.random()
        sound = np.zeros(self.count)
        _tone_into(sound, turns, envelope, bank)
        self.out += sound * (gain / max(1e-9, math.sqrt(float(np.mean(np.square(sound))))))

    def ring(self, at_s: float, hz: float, decay_s: float, gain: float, attack_s: float = 5e-4) -> None:
        """Add one decaying tone."""
        rate = float(self.rate_hz)
        step = min(hz, 0.45 * rate) / rate
        decay = math.exp(-1.0 / (decay_s * rate))
        attack = 1.0 - math.exp(-1.0 / (attack_s * rate))
        length = int(8.0 * decay_s * rate)
        _sines_into(self.out, int(at_s * rate), length, step, float(self.rng.random()), gain, attack, decay)


def _speech(m: _Maker) -> None:
    """Syllables: a glottal pulse train through formants that move, fricatives, pauses between phrases."""
    pitch = m.log_between(85.0, 240.0)
    at = 0.0
    end = m.time_s[-1]
    while at < end:
        phrase_end = at + m.between(0.8, 3.0)
        while at < min(phrase_end, end):
            length = m.between(0.09, 0.28)
            part = _Maker(m.rng, m.rate_hz, length)
            if m.rng.random() < 0.25:
                part.hiss(part.bands(2, 2500.0, 8000.0, (0.8, 3.0)), part.swell(0.02, 0.03), m.between(0.1, 0.4))
            else:
                formants = band_bank(
                    [
                        Resonance(m.between(250.0, 850.0), 7.0, 0.0),
                        Resonance(m.between(850.0, 2400.0), 11.0, m.between(-14.0, -3.0)),
                        Resonance(m.between(2400.0, 3600.0), 14.0, m.between(-24.0, -10.0)),
                    ],
                    m.rate_hz,
                )
                glide = pitch * (1.0 + m.between(-0.1, 0.1) + m.between(-0.15, 0.15) * part.time_s / length)
                part.buzz(glide, formants, part.swell(0.02, 0.05), m.between(0.5, 1.2))
            start = int(at * m.rate_hz)
            stop = min(m.count, start + part.count)
            m.out[start:stop] += part.out[: stop - start]
            at += length * m.between(0.9, 1.2)
        at += m.between(0.2, 1.2)


def _music(m: _Maker) -> None:
    """Chords of harmonic tones, a bass and noise hits at a steady tempo."""
    beat = 60.0 / m.between(70.0, 150.0)
    root = m.log_between(80.0, 220.0)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    chord = scale[:3]
    sustain = m.between(0.5, 3.0)
    for number in range(int(m.time_s[-1] / beat)):
        at = number * beat
        if number % 4 == 0:
            chord = np.sort(m.rng.choice(scale, 3, replace=False))
        for note in chord if number % 2 == 0 else chord[:1]:
            hz = root * 2.0 ** (note / 12.0) * (1.0 if number % 2 == 0 else 0.5)
            for order in range(1, 7):
                m.ring(at, hz * order, beat * sustain / order, 0.3 / order, 0.01)
        if m.rng.random() < 0.7:
            hit = _Maker(m.rng, m.rate_hz, 0.12)
            hit.hiss(
                hit.bands(2, 200.0, 9000.0, (0.6, 2.0)),
                np.exp(-hit.time_s / m.between(0.01, 0.05)),
                m.between(0.3, 1.0),
            )
            start = int(at * m.rate_hz)
            stop = min(m.count, start + hit.count)
            m.out[start:stop] += hit.out[: stop - start]


def _motor(m: _Maker, pitch_hz: float, load: Floats, up_s: float, down_s: float) -> None:
    """Universal motor: brush noise and lines that follow the speed."""
    speed = np.minimum(1.0, m.time_s / up_s) * np.minimum(1.0, (m.time_s[-1] - m.time_s) / down_s)
    pitch = pitch_hz * np.maximum(0.05, speed) ** 0.5 * load
    m.buzz(pitch, m.bands(6, 200.0, 5000.0, (2.0, 12.0), -2.0), speed * load, 1.0)
    m.hiss(m.bands(3, 700.0, 8000.0, (0.4, 1.5)), speed * load, m.log_between(0.2, 2.0))


def _grinder(m: _Maker) -> None:
    _motor(m, m.log_between(90.0, 420.0), m.wander(8.0, 0.12), m.between(0.05, 0.4), m.between(0.1, 0.6))
    for _ in range(int(60 * m.time_s[-1])):
        m.ring(m.rng.random() * m.time_s[-1], m.log_between(1500.0, 7000.0), 0.003, m.between(0.3, 1.5))


def _juicer(m: _Maker) -> None:
    """Citrus juicer or blender: a mains motor with gears, its load changing as the fruit is pressed."""
    mains = 100.0 if m.rng.random() < 0.6 else 50.0
    load = m.wander(1.5, 0.5)
    envelope = m.swell(m.between(0.03, 0.2), m.between(0.05, 0.3)) * load
    m.buzz(
        np.full(m.count, mains * m.between(0.998, 1.002)), m.bands(6, 150.0, 4000.0, (2.0, 10.0), -3.0), envelope, 1.0
    )
    pulsed = envelope * (0.4 + np.abs(np.sin(math.pi * mains * m.time_s)))
    m.hiss(m.bands(3, 500.0, 7000.0, (0.4, 1.5)), pulsed, m.log_between(0.3, 2.0))


def _steam(m: _Maker) -> None:
    """Steam wand: a purge with a flat plateau, or the roar and screech of milk."""
    envelope = m.swell(m.between(0.03, 0.12), m.between(0.08, 0.25))
    m.hiss(m.bands(4, 1000.0, 14000.0, (0.35, 1.0)), envelope, 1.0)
    if m.rng.random() < 0.5:
        m.hiss(m.bands(2, 180.0, 900.0, (1.0, 4.0)), envelope * m.wander(6.0, 0.5), m.log_between(0.3, 2.0))
    if m.rng.random() < 0.4:
        pitch = m.log_between(400.0, 2500.0) * m.wander(0.7, 0.25)
        m.buzz(pitch, m.bands(3, 1000.0, 9000.0, (2.0, 8.0)), envelope * m.wander(3.0, 0.8), m.log_between(0.1, 0.7))


def _tap(m: _Maker) -> None:
    envelope = m.swell(m.between(0.05, 0.5), m.between(0.05, 0.4)) * m.wander(4.0, 0.25)
    m.hiss(m.bands(3, 400.0, 9000.0, (0.4, 1.2), -1.0), envelope, 1.0)
    for _ in range(int(40 * m.time_s[-1])):
        m.ring(
            m.rng.random() * m.time_s[-1], m.log_between(350.0, 2500.0), m.between(0.004, 0.015), m.between(0.2, 1.0)
        )


def _dishes(m: _Maker) -> None:
    """Cups, plates and cutlery: inharmonic modes that ring."""
    body = [m.log_between(1200.0, 9000.0) for _ in range(8)]
    for _ in range(max(1, int(m.log_between(0.8, 6.0) * m.time_s[-1]))):
        at = m.rng.random() * m.time_s[-1]
        hard = m.log_between(0.2, 1.5)
        for _ in range(int(m.rng.integers(3, 8))):
            hz = body[int(m.rng.integers(len(body)))] * m.between(0.97, 1.03)
            m.ring(at, hz, m.log_between(0.006, 0.25), hard * m.between(0.2, 1.0), 1e-4)


def _knock(m: _Maker) -> None:
    """Knock box, cupboard, drawer, portafilter locked in: thumps with a click."""
    body = [m.log_between(70.0, 500.0) for _ in range(3)]
    for _ in range(max(1, int(m.between(0.7, 3.0) * m.time_s[-1]))):
        at = m.rng.random() * max(0.05, m.time_s[-1] - 0.2)
        hard = m.log_between(0.3, 1.5)
        for hz in body:
            m.ring(at, hz * m.between(0.95, 1.05), m.log_between(0.02, 0.12), hard)
        for _ in range(3):
            m.ring(at, m.log_between(700.0, 5000.0), m.log_between(0.003, 0.03), 0.5 * hard, 1e-4)


def _appliance(m: _Maker) -> None:
    """Fridge, microwave, extractor, dishwasher: mains lines and steady noise, switched on and off."""
    mains = (100.0 if m.rng.random() < 0.5 else 120.0) * (0.5 if m.rng.random() < 0.5 else 1.0)
    envelope = m.swell(m.log_between(0.02, 1.0), m.log_between(0.02, 1.0)) * m.wander(0.5, 0.1)
    m.buzz(np.full(m.count, mains), m.bands(6, 100.0, 2500.0, (2.0, 12.0), -5.0), envelope, 1.0)
    m.hiss(m.bands(3, 200.0, 6000.0, (0.3, 1.2), -3.0), envelope, m.log_between(0.1, 3.0))


def _texture(m: _Maker) -> None:
    """Any steady sound: noise of any colour, lines of any pitch, bubbles and crackles, in any mix.

    Water, frying, a fan, an extractor, a fridge and a boiler are cases of it; so is much that nobody has thought of. A
    motor in it may spin up, be leant on, and end with a clunk.
    """
    envelope = m.swell(m.log_between(0.005, 0.5), m.log_between(0.005, 0.5))
    envelope *= m.wander(m.log_between(0.2, 12.0), m.between(0.0, 0.6))
    speed = np.ones(m.count)
    if m.rng.random() < 0.3:
        speed -= np.exp(-m.time_s / m.log_between(0.03, 1.0)) * m.between(0.2, 0.95)
    for _ in range(int(m.rng.integers(0, 4)) if m.rng.random() < 0.4 else 0):
        # Somebody leans on it, or fills it: another speed and another level from here on.
        at = m.rng.random() * m.time_s[-1]
        step = 0.5 + 0.5 * np.tanh((m.time_s - at) / m.log_between(0.01, 0.6))
        speed *= 1.0 + m.between(-0.25, 0.1) * step
        envelope *= 10.0 ** (m.between(-10.0, 6.0) * step / 20.0)
    if m.rng.random() < 0.35:
        depth, hz = m.between(0.1, 0.9), m.log_between(1.0, 130.0)
        envelope *= 1.0 + depth * np.sin(2.0 * math.pi * hz * m.time_s + m.between(0.0, 6.3))
    colour = m.bands(int(m.rng.integers(2, 11)), 60.0, 12000.0, (0.3, 4.0), m.between(-6.0, 1.5))
    m.hiss(colour, envelope * speed, 1.0)
    for _ in range(int(m.rng.integers(0, 3))):
        mains = m.rng.random() < 0.5
        pitch = float(m.rng.choice([50.0, 60.0, 100.0, 120.0])) if mains else m.log_between(20.0, 600.0)
        turning = np.full(m.count, pitch) if mains else pitch * speed * m.wander(m.log_between(0.5, 8.0), 0.01)
        shape = m.bands(6, max(40.0, 0.5 * pitch), 4500.0, (2.0, 15.0), m.between(-8.0, 0.0))
        m.buzz(turning, shape, envelope * m.wander(1.0, 0.2), m.log_between(0.03, 3.0))
    if m.rng.random() < 0.4:
        low_hz, high_hz = (250.0, 2500.0) if m.rng.random() < 0.5 else (900.0, 8000.0)
        loud = m.log_between(0.3, 10.0)
        for _ in range(int(min(m.log_between(3.0, 200.0) * m.time_s[-1], 4000))):
            decay_s = m.log_between(5e-4, 0.015)
            m.ring(m.rng.random() * m.time_s[-1], m.log_between(low_hz, high_hz), decay_s, loud * m.between(0.05, 1.0))
    if m.rng.random() < 0.3:
        for _ in range(int(m.rng.integers(2, 6))):
            m.ring(max(0.0, m.time_s[-1] - 0.2), m.log_between(80.0, 4000.0), m.log_between(0.005, 0.06), 2.0)


def _beep(m: _Maker) -> None:
    """Timer, phone, microwave: a few steady tones, or a buzzing phone."""
    if m.rng.random() < 0.3:
        gate = (m.time_s % 1.0 < 0.45).astype(np.float64)
        m.buzz(np.full(m.count, m.between(130.0, 200.0)), m.bands(4, 150.0, 3000.0, (2.0, 10.0), -3.0), gate, 1.0)
        return
    hz, period, length = m.log_between(600.0, 4200.0), m.between(0.2, 1.2), m.between(0.05, 0.6)
    for number in range(max(1, int(m.time_s[-1] / period))):
        for order in (1, 2, 3):
            m.ring(number * period, hz * order, length, 0.6 / order**2, 2e-3)


def _bump(m: _Maker) -> None:
    """Somebody moves or touches the microphone."""
    for _ in range(max(1, int(2 * m.time_s[-1]))):
        at = m.rng.random() * max(0.05, m.time_s[-1] - 0.2)
        m.ring(at, m.log_between(25.0, 140.0), m.log_between(0.02, 0.15), m.between(0.5, 2.0), 2e-3)
        scrape = _Maker(m.rng, m.rate_hz, m.between(0.05, 0.4))
        scrape.hiss(scrape.bands(2, 300.0, 5000.0, (0.5, 2.0)), scrape.swell(0.01, 0.1) * scrape.wander(30.0, 0.9), 0.2)
        start = int(at * m.rate_hz)
        stop = min(m.count, start + scrape.count)
        m.out[start:stop] += scrape.out[: stop - start]


def _machine(m: _Maker) -> None:
    """Draw somebody else's shot on another espresso machine, or another group of this one."""
    other = sample_machine(MACHINE_KINDS[int(m.rng.integers(len(MACHINE_KINDS)))], m.rng)
    shot = Action("shot", run_s=max(1.0, m.time_s[-1] - 2.0), resistance=m.between(1.0, 4.0))
    water = WaterSide(other.hydraulics, other.levels, (shot,), 0.3, int(m.rng.integers(1, 2**31)))
    sound = MachineSound(other, m.rate_hz, m.rng)
    sound.feed(*water.advance(m.count * CONTROL_HZ // m.rate_hz + 2), 0)
    m.out += sound.render(0, m.count)


_MAKERS: Final[dict[str, Callable[[_Maker], None]]] = {
    "speech": _speech,
    "music": _music,
    "grinder": _grinder,
    "steam": _steam,
    "juicer": _juicer,
    "tap": _tap,
    "dishes": _dishes,
    "knock": _knock,
    "appliance": _appliance,
    "texture": _texture,
    "beep": _beep,
    "bump": _bump,
    "machine": _machine,
}


def make_distraction(distraction: Distraction, rate_hz: int) -> Floats:
    """Return the samples of one distraction; its loudest second has a weighted RMS of 1 times the stated level.

    Raises
    ------
    AudioFileError
        If its recording cannot be read.
    """
    rng = np.random.default_rng(distraction.seed)
    if distraction.kind == "recording":
        sound = read_sound(distraction.file, distraction.offset_s, distraction.duration_s, rate_hz)
        fade = min(len(sound) // 3, int(0.03 * rate_hz))
        sound[:fade] *= np.arange(fade) / fade
        sound[len(sound) - fade :] *= np.arange(fade)[::-1] / fade
    else:
        maker = _Maker(rng, rate_hz, distraction.duration_s)
        _MAKERS[distraction.kind](maker)
        sound = maker.out
    size = min(len(sound), rate_hz)
    loudest = max(
        weighted_rms(sound[at : at + size], rate_hz)
        for at in range(0, max(1, len(sound) - size + 1), max(1, size // 2))
    )
    sound *= 10.0 ** (distraction.level_db / 20.0) / max(loudest, 1e-9)
    return sound
