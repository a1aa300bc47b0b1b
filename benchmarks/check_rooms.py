"""Does `check` tell processed sound from plain? Simulated rooms, loudspeakers and microphones, all drawn from one seed.

A room is clean, or behind noise suppression of 6, 12 or 18 dB (spectral subtraction), WebRTC's own noise suppression at
one of its levels, or automatic gain that lifts by 6, 12 or 18 dB at most. The gain's target lies where it acts on the
test sound: from 6 dB below the loud part to 3 dB below what the gain can lift that to. A gain that stays the same
throughout takes nothing away and cannot be heard. WebRTC's needs the package webrtc-noise-gain.

    python -m benchmarks.check_rooms [ROOMS]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from acoustic.config import CheckOptions
from acoustic.synth.ambience import Ambience
from acoustic.synth.conditions import sample_background, sample_microphone, sample_room
from acoustic.synth.filters import filter_block, lowpass, peaking, second_order_highpass
from acoustic.synth.microphone import Microphone
from acoustic.synth.plan import Resonance
from acoustic.synth.room import Room
from acoustic.tools.check import Finding, Heard, check_sound, judge

__all__ = ["KINDS", "Trial", "trials"]

KINDS = {
    "clean": ("clean",),
    "suppression": (
        "subtraction 6",
        "subtraction 12",
        "subtraction 18",
        "webrtc 1",
        "webrtc 2",
        "webrtc 3",
        "webrtc 4",
    ),
    "agc": ("agc 6", "agc 12", "agc 18"),
}
OPTIONS = CheckOptions()
_WEBRTC_RATE_HZ = 16_000


@dataclass(frozen=True)
class Trial:
    """One room: what was done to its sound, and what the check found."""

    kind: str
    treatment: str
    snr_db: float
    findings: list[Finding]

    @property
    def names(self) -> set[str]:
        return {finding.name for finding in self.findings if finding.verdict.name == "FAIL"}

    @property
    def right(self) -> bool:
        """Whether the processing was recognised; for a clean room, whether none was."""
        return self.names.isdisjoint({"agc", "suppression"}) if self.kind == "clean" else self.kind in self.names


def trials(kind: str, count: int, seed: int) -> Iterator[Trial]:
    """Yield trials of one of `KINDS`."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    for number in range(count):
        yield _trial(kind, KINDS[kind][number % len(KINDS[kind])], rng)


def _trial(kind: str, treatment: str, rng: np.random.Generator) -> Trial:
    name, _, amount = treatment.partition(" ")
    condition = str(rng.choice(["home", "kitchen"]))
    rate_hz = _WEBRTC_RATE_HZ if name == "webrtc" else int(rng.choice([16_000, 44_100, 48_000]))
    loud_dbfs = rng.uniform(-40.0, -14.0)
    snr_db = rng.uniform(14.0, 40.0)
    level = 10.0 ** (loud_dbfs / 20.0)

    silence = np.zeros(round(rng.uniform(0.05, 0.8) * rate_hz))
    sound = np.concatenate([silence, check_sound(rate_hz, OPTIONS, rng), np.zeros(rate_hz)]).astype(np.float64)
    loudspeaker = [second_order_highpass(rng.uniform(150.0, 400.0), rate_hz)]
    loudspeaker += [
        peaking(Resonance(rng.uniform(300.0, 6000.0), rng.uniform(0.7, 3.0), rng.uniform(-8.0, 8.0)), rate_hz)
        for _ in range(4)
    ]
    loudspeaker += lowpass(min(rng.uniform(9000.0, 18000.0), 0.45 * rate_hz), rate_hz, 2)
    filter_block(sound, np.array(loudspeaker), np.zeros((len(loudspeaker), 2)))
    heard = Room(sample_room(condition, rng), rate_hz, rng).process(sound, [])
    loud = slice(len(silence) + round((OPTIONS.quiet_s + 1.0) * rate_hz), len(silence) + round(10.0 * rate_hz))
    heard *= level / np.sqrt(np.mean(heard[loud] ** 2))
    mains_hz = float(rng.choice([50.0, 60.0]))
    ambience = Ambience(sample_background(condition, rng), level * 10.0 ** (-snr_db / 20.0), mains_hz, rate_hz, rng)
    heard += ambience.render(len(heard))

    microphone = replace(
        sample_microphone(condition, rng),
        clip_dbfs=0.0,
        dropout_per_min=0.0,
        lowpass_hz=min(20_000.0, 0.45 * rate_hz),
        lowpass_order=2,
        noise_dbfs=loud_dbfs - snr_db - rng.uniform(3.0, 20.0),
        agc_db=float(amount) if name == "agc" else 0.0,
        suppression_db=float(amount) if name == "subtraction" else 0.0,
    )
    if name == "agc":
        target_dbfs = loud_dbfs + rng.uniform(-6.0, float(amount) - 3.0)
        microphone = replace(microphone, agc_target_dbfs=target_dbfs)
    samples = Microphone(microphone, 1.0, rate_hz, rng).process(heard)
    if name == "webrtc":
        samples = _webrtc(samples, int(amount))
    return Trial(kind, treatment, snr_db, judge(Heard(samples, rate_hz), OPTIONS, platform="linux"))


def _webrtc(samples: npt.NDArray[np.float32], level: int) -> npt.NDArray[np.float32]:
    from webrtc_noise_gain import AudioProcessor

    processor = AudioProcessor(0, level)
    whole = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    size = _WEBRTC_RATE_HZ // 100 * 2
    pieces = [processor.Process10ms(whole[at : at + size]).audio for at in range(0, len(whole) - size + 1, size)]
    return (np.frombuffer(b"".join(pieces), "<i2") / 32768.0).astype(np.float32)


def run(count: int = 100) -> None:
    """Measure and write the section of RESULTS.md."""
    from .results import table, write_section

    rows = []
    for kind in KINDS:
        found = list(trials(kind, count, seed=1))
        wrong = [f"{trial.treatment} at {trial.snr_db:.0f} dB" for trial in found if not trial.right]
        wanted = "at least 98 %" if kind == "clean" else "at least 95 %"
        rows.append((kind, str(count), f"{count - len(wrong)}", wanted, ", ".join(wrong)))
    body = table(("rooms", "count", "judged right", "wanted", "wrong"), rows)
    write_section("check", "Processed sound, recognised by `backflush check`", "python -m benchmarks.check_rooms", body)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:2]))
