"""What `check` makes of microphones and places, good and bad."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from acoustic.config import CheckOptions
from acoustic.synth import Action, Background, MicrophoneParameters, Plan, synthesise
from acoustic.tools.check import Finding, Heard, Verdict, check_sound, judge, judge_pump, worst
from benchmarks.check_rooms import KINDS, trials

OPTIONS = CheckOptions()
RATE_HZ = 48_000


def heard(
    level_db: float = -12.0, noise_dbfs: float = -60.0, rate_hz: int = RATE_HZ, sunk_db: float = 0.0
) -> np.ndarray:
    """Return the test sound, 0.3 s late, in white noise; from a second after its start it is softer by `sunk_db`."""
    rng = np.random.default_rng(4)
    sound = check_sound(rate_hz, OPTIONS, rng) * 10 ** (level_db / 20)
    sound[round((OPTIONS.quiet_s + 1.0) * rate_hz) :] *= 10 ** (-sunk_db / 20)
    late = np.concatenate([np.zeros(round(0.3 * rate_hz)), sound, np.zeros(rate_hz)])
    return (late + rng.normal(0.0, 10 ** (noise_dbfs / 20), len(late))).astype(np.float32)


def lowpassed(samples: np.ndarray, edge_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) > edge_hz] = 0.0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def found(samples: np.ndarray, *, rate_hz: int = RATE_HZ, lost: int = 0, platform: str = "linux") -> dict[str, Finding]:
    findings = judge(Heard(samples, rate_hz, lost), OPTIONS, platform=platform)
    return {finding.name: finding for finding in findings}


def complaints(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.verdict is not Verdict.PASS}


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_plain_microphone_in_a_quiet_place_passes(rate_hz: int) -> None:
    findings = found(heard(rate_hz=rate_hz), rate_hz=rate_hz)
    assert complaints(findings) == set()
    assert {"level", "noise", "clipping", "hum", "band", "processing"} <= findings.keys()
    assert worst(list(findings.values())) is Verdict.PASS


def test_digital_silence_fails_at_once() -> None:
    findings = found(np.zeros(20 * RATE_HZ, np.float32))
    assert list(findings) == ["silence"]
    assert findings["silence"].verdict is Verdict.FAIL
    assert "privacy" in findings["silence"].advice


@pytest.mark.parametrize(
    ("samples", "name", "verdict"),
    [
        (np.clip(heard() * 20.0, -1.0, 1.0), "clipping", Verdict.WARN),
        (heard(noise_dbfs=-42.0), "noise", Verdict.WARN),
        (heard(noise_dbfs=-28.0), "noise", Verdict.FAIL),
        (heard(level_db=-60.0, noise_dbfs=-95.0), "level", Verdict.WARN),
        (heard(level_db=-60.0), "processing", Verdict.WARN),
        (lowpassed(heard(), 3_900.0), "band", Verdict.WARN),
    ],
)
def test_what_is_wrong_is_told(samples: np.ndarray, name: str, verdict: Verdict) -> None:
    findings = found(samples.astype(np.float32))
    assert findings[name].verdict is verdict
    assert findings[name].advice


def test_a_wall_at_8_khz_is_told_and_is_enough() -> None:
    finding = found(lowpassed(heard(), 7_900.0))["band"]
    assert finding.verdict is Verdict.PASS
    assert "above 8 kHz" in finding.text


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_is_told(mains_hz: float) -> None:
    times_s = np.arange(len(heard())) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * mains_hz * k * times_s) for k in (1, 2, 3)) * 0.005
    findings = found((heard() + hum).astype(np.float32))
    assert findings["hum"].verdict is Verdict.WARN
    assert f"{mains_hz:.0f} Hz" in findings["hum"].text


def test_lost_sound_and_gates_are_told() -> None:
    gated = heard()
    gated[2 * RATE_HZ : 3 * RATE_HZ] = 0.0
    assert complaints(found(gated)) == {"zeros"}
    assert complaints(found(gated, lost=RATE_HZ)) == {"lost"}


def test_the_advice_names_the_systems_own_settings() -> None:
    processed = heard(sunk_db=9.0)
    wanted = {"darwin": "Voice Isolation", "win32": "Audio enhancements: Off", "linux": "echo cancellation"}
    for platform, words in wanted.items():
        finding = found(processed, platform=platform)["suppression"]
        assert finding.verdict is Verdict.FAIL
        assert words in finding.advice


@pytest.mark.parametrize("kind", KINDS)
def test_processed_sound_is_recognised_in_simulated_rooms(kind: str) -> None:
    tried = list(trials(kind, 100, seed=1))
    wrong = [(trial.treatment, round(trial.snr_db), trial.findings) for trial in tried if not trial.right]
    assert len(wrong) <= (2 if kind == "clean" else 5), wrong


PUMP = Plan(
    lead_s=5.0,
    tail_s=7.0,
    microphone=MicrophoneParameters(lowpass_hz=7_000.0),
    background=Background(snr_db=25.0),
    actions=(Action("flush", gap_s=0.5, run_s=10.0),),
)


@pytest.mark.parametrize(
    ("microphone", "name"),
    [
        ({}, None),
        ({"suppression_db": 12.0}, "suppression"),
        ({"agc_db": 18.0, "agc_target_dbfs": -24.0}, "agc"),
    ],
)
def test_the_pump_itself_can_be_judged(microphone: dict[str, float], name: str | None) -> None:
    plan = replace(PUMP, microphone=replace(PUMP.microphone, **microphone))
    samples = synthesise(plan, np.random.default_rng(3), 16_000).samples
    findings = judge_pump(Heard(samples, 16_000), OPTIONS, platform="linux")
    failed = {finding.name for finding in findings if finding.verdict is Verdict.FAIL}
    assert failed == ({name} if name else set())


def test_no_pump_is_told() -> None:
    quiet = np.random.default_rng(0).normal(0.0, 1e-3, 20 * RATE_HZ).astype(np.float32)
    findings = judge_pump(Heard(quiet, RATE_HZ), OPTIONS)
    assert findings[-1].text == "no pump was heard"
    assert findings[-1].verdict is Verdict.WARN
