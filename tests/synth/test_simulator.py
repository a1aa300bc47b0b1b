"""The whole chain: the same bytes always, the stated levels, nothing that breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.errors import OptionError
from acoustic.synth import (
    CONDITIONS,
    MACHINE_KINDS,
    SCENARIOS,
    Action,
    Background,
    Hydraulics,
    MachineParameters,
    MicrophoneParameters,
    Plan,
    RoomParameters,
    Simulator,
    SynthSource,
    sample_plan,
    synthesise,
    write_session,
)
from acoustic.types import AudioSource

SHORT = Plan(
    lead_s=1.0,
    tail_s=1.0,
    machine=MachineParameters(hydraulics=Hydraulics(fill_ml=2.0, air_ml=12.0)),
    actions=(Action("backflush", hold_s=0.8, run_s=20.0),),
)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def band_db(samples: np.ndarray, rate_hz: int, low_hz: float, high_hz: float) -> float:
    sos = scipy.signal.butter(4, (low_hz, high_hz), "bandpass", fs=rate_hz, output="sos")
    return float(10.0 * np.log10(np.mean(np.square(scipy.signal.sosfilt(sos, samples.astype(np.float64))))))


def test_same_seed_gives_the_same_bytes() -> None:
    first, second, other = (synthesise(SHORT, rng(seed), 8000) for seed in (1, 1, 2))
    assert first.samples.tobytes() == second.samples.tobytes()
    assert first.samples.tobytes() != other.samples.tobytes()
    assert first.truth.tsv() == second.truth.tsv()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=6), st.integers(0, 3))
def test_any_division_gives_the_same_sound(sizes: list[int], index: int) -> None:
    draw = rng(index)
    plan = sample_plan(CONDITIONS[index], draw)
    state = draw.bit_generator.state
    whole = Simulator(plan, draw, 8000).render(sum(sizes))
    draw.bit_generator.state = state
    simulator = Simulator(plan, draw, 8000)
    parts = np.concatenate([simulator.render(size) for size in sizes])
    # The last sample of a block may interpolate to a control step that a longer block already knows: -120 dBFS at most.
    np.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_every_kind_makes_its_cycles(kind: str) -> None:
    draw = rng(11)
    plan = sample_plan("home", draw, kind)
    plan = replace(plan, actions=(Action("backflush", hold_s=1.0, run_s=60.0),) * 2, distractions=())
    recording = synthesise(plan, draw, 16000)
    assert recording.truth.cycles == 2
    assert np.isfinite(recording.samples).all()
    assert np.abs(recording.samples).max() <= 1.0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_in_every_condition(scenario: str) -> None:
    for condition in CONDITIONS:
        draw = rng(3)
        simulator = Simulator(sample_plan(condition, draw, scenario=scenario), draw, 8000)
        samples = np.concatenate([simulator.render(8000) for _ in range(25)])
        assert np.isfinite(samples).all()
        assert samples.std() > 0.0
        assert simulator.truth().cycles == 0 or scenario in {"cleaning", "early_stops", "clog", "air"}


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
def test_fill_has_the_stated_level(rate_hz: int) -> None:
    microphone = MicrophoneParameters(fill_dbfs=-23.0, highpass_hz=40.0)
    plan = replace(SHORT, microphone=microphone, background=Background(60.0))
    plan = replace(plan, actions=(Action("flush", run_s=4.0),))
    recording = synthesise(plan, rng(), rate_hz)
    fill = recording.samples[int(2.0 * rate_hz) : int(4.5 * rate_hz)].astype(np.float64)
    assert 20.0 * np.log10(fill.std()) == pytest.approx(-23.0, abs=2.0)


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_rates_sound_alike(rate_hz: int) -> None:
    plan = replace(SHORT, background=Background(60.0))
    levels = []
    for hz in (48000, rate_hz):
        recording = synthesise(plan, rng(5), hz)
        run = recording.truth.runs[0]
        assert run.quieting_50_s is not None
        fill = recording.samples[int((run.pump_on_s + 0.2) * hz) : int((run.quieting_50_s - 0.3) * hz)]
        levels.append([band_db(fill, hz, *band) for band in ((140, 300), (700, 1500), (3000, 6000))])
    np.testing.assert_allclose(levels[1], levels[0], atol=1.5)


def test_noise_has_the_stated_distance() -> None:
    plan = replace(SHORT, microphone=MicrophoneParameters(highpass_hz=40.0, noise_dbfs=-120.0))
    levels = []
    for snr_db in (40.0, 20.0):
        recording = synthesise(replace(plan, background=Background(snr_db)), rng(4), 16000)
        levels.append(band_db(recording.samples[:14000], 16000, 500, 7000))
    assert levels[1] - levels[0] == pytest.approx(20.0, abs=1.0)
    fill = recording.samples[int(1.3 * 16000) : int(2.0 * 16000)]
    assert band_db(fill, 16000, 500, 7000) - levels[1] == pytest.approx(20.0, abs=3.0)


def test_comb_has_the_mains_spacing() -> None:
    plan = replace(SHORT, actions=(Action("flush", run_s=10.0),), machine=replace(SHORT.machine, stroke_hz=59.95))
    recording = synthesise(plan, rng(), 16000)
    fill = recording.samples[32000:160000]
    spectrum = np.abs(np.fft.rfft(fill * np.hanning(len(fill))))
    for order in (3, 4, 5):
        near = np.arange(int((order - 0.4) * 59.95 * 8), int((order + 0.4) * 59.95 * 8))
        assert near[np.argmax(spectrum[near])] / 8 / order == pytest.approx(59.95, abs=0.05)


def test_blind_basket_quietens_in_the_high_band() -> None:
    recording = synthesise(replace(SHORT, background=Background(60.0)), rng(), 16000)
    run = recording.truth.runs[0]
    samples = recording.samples
    fill = samples[int((run.pump_on_s + 0.2) * 16000) : int((run.quieting_50_s - 0.3) * 16000)]
    hold = samples[int(run.quieting_100_s * 16000) : int(run.pump_off_s * 16000)]
    assert band_db(hold, 16000, 3000, 6000) - band_db(fill, 16000, 3000, 6000) < -8.0


def test_suppressor_takes_the_steady_pump_for_noise() -> None:
    levels = []
    for suppression_db in (0.0, 15.0):
        microphone = MicrophoneParameters(suppression_db=suppression_db)
        plan = replace(SHORT, actions=(Action("flush", run_s=14.0),), microphone=microphone)
        recording = synthesise(plan, rng(), 16000)
        early, late = recording.samples[int(1.2 * 16000) : int(1.6 * 16000)], recording.samples[12 * 16000 : 14 * 16000]
        levels.append(20.0 * np.log10(late.std() / early.std()))
    assert abs(levels[0]) < 1.5
    assert levels[1] < -6.0


def test_gain_control_flattens_and_clipping_clips() -> None:
    loud = replace(SHORT.microphone, fill_dbfs=-45.0, agc_db=24.0)
    recording = synthesise(replace(SHORT, microphone=loud), rng(), 16000)
    plain = synthesise(replace(SHORT, microphone=replace(loud, agc_db=0.0)), rng(), 16000)
    assert recording.samples[20000:32000].std() > 4.0 * plain.samples[20000:32000].std()
    clipped = synthesise(replace(SHORT, microphone=MicrophoneParameters(fill_dbfs=-6.0, clip_dbfs=-10.0)), rng(), 16000)
    assert np.abs(clipped.samples).max() == pytest.approx(10.0 ** (-10.0 / 20.0), rel=1e-6)


def test_dropouts_are_exact_zeros() -> None:
    microphone = MicrophoneParameters(dropout_per_min=120.0)
    recording = synthesise(replace(SHORT, microphone=microphone), rng(), 16000)
    zeros = recording.samples == 0.0
    assert 0.005 < zeros.mean() < 0.5
    assert max(len(run) for run in "".join("01"[int(z)] for z in zeros).split("0")) > 0.015 * 16000


@pytest.mark.parametrize("t60_s", [0.2, 0.5, 1.1])
def test_room_decays_as_stated(t60_s: float) -> None:
    from acoustic.synth.room import Room

    room = Room(RoomParameters(t60_s=t60_s, high_t60_ratio=0.9, distance_m=2.0), 16000, rng())
    impulse = np.zeros(int(1.5 * t60_s * 16000))
    impulse[0] = 1.0
    response = room.process(impulse, [])
    sos = scipy.signal.butter(4, (300, 1500), "bandpass", fs=16000, output="sos")
    energy = np.cumsum(np.square(scipy.signal.sosfilt(sos, response))[::-1])[::-1]
    level = 10.0 * np.log10(energy / energy[0])
    # T20, from -5 to -25 dB, as rooms are measured.
    start, stop = np.flatnonzero(level < -5.0)[0], np.flatnonzero(level < -25.0)[0]
    assert 3.0 * (stop - start) / 16000 == pytest.approx(t60_s, rel=0.25)


def test_source_is_an_audio_source_that_ends() -> None:
    source = SynthSource(SHORT, rng(), 16000, block_s=0.03, name="rehearsal")
    assert isinstance(source, AudioSource)
    blocks = list(source)
    assert [block.start for block in blocks[:3]] == [0, 480, 960]
    assert all(block.rate_hz == 16000 and block.lost == 0 for block in blocks)
    whole = synthesise(SHORT, rng(), 16000)
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), whole.samples)
    closing = SynthSource(SHORT, rng(), 16000)
    blocks = iter(closing)
    next(blocks)
    closing.close()
    closing.close()
    assert list(blocks) == []


def test_driven_by_hand_in_lockstep() -> None:
    simulator = Simulator(replace(SHORT, actions=()), rng(), 16000)
    simulator.render(16000)
    simulator.pump_on()
    while simulator.head_bar < 9.0 and simulator.time_s < 20.0:
        simulator.render(320)
    simulator.render(8000)
    simulator.pump_off()
    simulator.render(32000)
    (run,) = simulator.truth().runs
    assert run.complete
    assert run.pump_on_s == pytest.approx(1.0, abs=0.003)


def test_session_on_disk(tmp_path: Path) -> None:
    told: list[float] = []
    truth = write_session(tmp_path / "a.flac", SHORT, rng(), 16000, told.append)
    write_session(tmp_path / "b.wav", SHORT, rng(), 16000)
    (flac, rate_hz), (wav, _) = (soundfile.read(tmp_path / name, dtype="int16") for name in ("a.flac", "b.wav"))
    assert rate_hz == 16000
    # The two formats' writers round halves differently.
    np.testing.assert_allclose(flac, wav, atol=1)
    assert told[-1] == pytest.approx(len(flac) / 16000)
    assert (tmp_path / "a.tsv").read_text().splitlines()[0] == "onset\toffset\tlabel"
    facts = json.loads((tmp_path / "a.json").read_text())
    assert facts["cycles"] == truth.cycles == 1
    assert facts["plan"]["machine"]["hydraulics"]["air_ml"] == 12.0
    assert len(facts["pressure_bar"]) == pytest.approx(20 * truth.duration_s, abs=2)
    assert facts["runs"][0]["reason"] is None


def test_wrong_rate_and_suffix_are_told(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="rate_hz=4000 is outside"):
        Simulator(SHORT, rng(), 4000)
    with pytest.raises(OptionError, match=r"\.wav or \.flac, not \.mp3"):
        write_session(tmp_path / "a.mp3", SHORT, rng())


def test_memory_does_not_grow_with_length() -> None:
    import tracemalloc

    long = replace(SHORT, actions=(Action("wait", run_s=600.0),))
    simulator = Simulator(long, rng(), 8000)
    sizes = []
    tracemalloc.start()
    for number, _ in enumerate(simulator.blocks(1.0)):
        if number in (20, 320):
            sizes.append(tracemalloc.get_traced_memory()[0])
        if number == 320:
            break
    tracemalloc.stop()
    # What grows is the pressure curve of the truth: 80 bytes a second.
    assert sizes[1] - sizes[0] < 300 * 2000
