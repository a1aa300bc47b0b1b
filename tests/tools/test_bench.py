"""Measuring this machine: what is counted, and the loopback's chirp."""

import json
import subprocess

import numpy as np
import pytest
import soundfile

from acoustic.errors import DeviceError
from acoustic.tools import bench
from acoustic.tools.loopback import chirp, find_chirp


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.01, 16000 * 3), 16000)
    return tmp_path / "a.wav"


def test_every_paced_hop_is_counted(recording):
    told = []
    measured = bench.pace(recording, 0.5, told.append)
    assert measured.hops == len(told) == 50
    assert 0 < measured.p50_us <= measured.p99_us <= measured.max_us


def test_a_recording_is_read_faster_than_life(recording):
    assert bench.real_time_factor(recording) > 1


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000])
def test_the_chirp_is_found_where_it_is(rate_hz):
    rng = np.random.default_rng(rate_hz)
    heard = rng.normal(0, 0.05, rate_hz).astype(np.float32)
    at = round(0.123 * rate_hz)
    heard[at : at + len(chirp(rate_hz))] += 0.1 * chirp(rate_hz)
    assert find_chirp(heard, rate_hz) == pytest.approx(0.123, abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_noise_and_silence_hold_no_chirp(level):
    heard = np.random.default_rng(1).normal(0, 1, 48000).astype(np.float32) * np.float32(level)
    assert find_chirp(heard, 48000) is None


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (json.dumps({"error": "the chirp was not heard"}), "loopback: the chirp was not heard"),
        ("", "loopback: could not be measured"),
    ],
)
def test_a_loopback_that_fails_says_why(monkeypatch, printed, message):
    def run(*arguments, **options):
        return subprocess.CompletedProcess(arguments, 1, stdout=printed, stderr="")

    monkeypatch.setattr(bench.subprocess, "run", run)
    with pytest.raises(DeviceError, match=message):
        bench.loopback_s(None, None)


@pytest.mark.live
def test_the_loopback_of_the_virtual_microphone_is_measured(rig, monkeypatch):
    monkeypatch.setenv("PULSE_SINK", "speaker_a")
    monkeypatch.setenv("PULSE_SOURCE", "mic_a")
    assert 0.0 < bench.loopback_s("pulse", "pulse") < 1.0
