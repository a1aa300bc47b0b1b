"""What is drawn: names, ranges, and the same plans for ever."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
import soundfile

from acoustic.errors import AudioFileError, LabelError, OptionError
from acoustic.synth import (
    CONDITIONS,
    MACHINE_KINDS,
    SCENARIOS,
    Action,
    Library,
    Simulator,
    sample_machine,
    sample_plan,
    splices_from_labels,
    synthesise,
)
from acoustic.synth.hydraulics import CONTROL_HZ, WaterSide, final_pressure_bar
from acoustic.synth.truth import TruthRecorder

# Of 1,000 plans, and of the first seconds of some at 16 bits. A change of the simulator changes them on purpose:
# the tests print the new ones. Plans are compared to nine digits, since systems differ in the last bit of exp and pow;
# for the same reason another system might round a sample in a million to the neighbouring step.
PLANS = "2bb1ba3d66e3d0fe"
SOUNDS = "a3342c1e302d8066"


def leaves(value: Any) -> Iterator[str]:
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield f"{value:.9g}" if isinstance(value, float) else str(value)


def draw(index: int) -> tuple[Any, np.random.Generator]:
    rng = np.random.default_rng([77, index])
    return sample_plan(CONDITIONS[index % 4], rng, scenario=SCENARIOS[index // 4 % len(SCENARIOS)]), rng


def test_a_thousand_plans_are_what_they_were() -> None:
    digest = hashlib.sha256()
    for index in range(1000):
        plan, _ = draw(index)
        digest.update("\n".join(leaves(asdict(plan))).encode())
    assert digest.hexdigest()[:16] == PLANS


def test_their_sound_is_what_it_was() -> None:
    digest = hashlib.sha256()
    for index in range(0, 44, 3):
        plan, rng = draw(index)
        samples = Simulator(plan, rng, 16000).render(16 * 16000)
        digest.update(np.rint(samples * 32767).astype("<i2").tobytes())
    assert digest.hexdigest()[:16] == SOUNDS


def test_every_machine_of_every_kind_builds_pressure_in_time() -> None:
    for kind in MACHINE_KINDS:
        times = []
        for seed in range(25):
            machine = sample_machine(kind, np.random.default_rng(seed))
            actions = (Action("backflush", hold_s=1.0, run_s=60.0),)
            water = WaterSide(machine.hydraulics, machine.levels, actions, 0.0, 1)
            control, marks = water.advance(70 * CONTROL_HZ)
            recorder = TruthRecorder(water.healthy_bar)
            recorder.feed(control, marks, 0)
            (run,) = recorder.runs()
            assert run.complete, (kind, seed, run)
            times.append(run.quieting_80_s - run.pump_on_s)
        assert 1.0 < np.median(times) < 20.0
        assert max(times) < 45.0


def steps_db(kind: str, seed: int) -> list[float]:
    """Change from fill to hold in 140-300 Hz, 0.7-1.5 kHz, 3-6 kHz and 0.7-6 kHz, where nothing else is heard."""
    rng = np.random.default_rng([seed, 3])
    plan = sample_plan("home", rng, kind=kind)
    plain = replace(
        plan.microphone, agc_db=0.0, suppression_db=0.0, noise_dbfs=-120.0, lowpass_hz=16000.0, equaliser=()
    )
    quiet = replace(plan.background, snr_db=70.0, fan_db=-100.0)
    actions = (Action("backflush", hold_s=2.0, run_s=60.0),)
    recording = synthesise(
        replace(plan, actions=actions, microphone=plain, distractions=(), background=quiet), rng, 16000
    )
    (run,) = recording.truth.runs
    assert run.quieting_50_s is not None
    assert run.quieting_100_s is not None
    assert run.pump_off_s is not None
    powers = []
    for start_s, stop_s in (
        (max(run.pump_on_s + 0.3, run.quieting_50_s - 2.0), run.quieting_50_s - 0.3),
        (run.quieting_100_s + 0.3, run.pump_off_s - 0.05),
    ):
        sound = recording.samples[int(start_s * 16000) : int(stop_s * 16000)].astype(float)
        hz, power = scipy.signal.welch(sound, 16000, nperseg=2048)
        bands = ((140, 300), (700, 1500), (3000, 6000), (700, 6000))
        powers.append([power[(hz >= low) & (hz < high)].mean() for low, high in bands])
    return list(10 * np.log10(np.array(powers[1]) / powers[0]))


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_where_pressure_is_up_something_is_heard_to_change(kind: str) -> None:
    for seed in range(5):
        steps = steps_db(kind, seed)
        if kind == "low_opv":
            assert max(map(abs, steps)) > 2.0, seed
        else:
            assert -28.0 < steps[-1] < -0.7, seed


def test_final_pressures_are_those_of_espresso_machines() -> None:
    bars = [
        final_pressure_bar(sample_machine(kind, np.random.default_rng(seed)).hydraulics)
        for kind in MACHINE_KINDS
        for seed in range(30)
    ]
    assert 5.0 < min(bars) < max(bars) < 17.0


def test_conditions_differ_as_they_should() -> None:
    plans = {name: [sample_plan(name, np.random.default_rng(seed)) for seed in range(80)] for name in CONDITIONS}

    def median(name: str, of: Any) -> float:
        return float(np.median([of(plan) for plan in plans[name]]))

    def snr_db(plan: Any) -> float:
        return float(plan.background.snr_db)

    def disturbances(plan: Any) -> int:
        return len(plan.distractions)

    assert median("home", snr_db) > median("kitchen", snr_db) > median("hard", snr_db)
    assert median("home", disturbances) < median("kitchen", disturbances) < median("cafe", disturbances)
    pumps = {name: Counter(plan.machine.pump for plan in plans[name]) for name in CONDITIONS}
    assert pumps["cafe"]["rotary"] > 0.5 * 80
    assert pumps["home"]["vibratory"] > 0.7 * 80


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"condition": "cellar"}, "condition 'cellar' is unknown; one of home, kitchen"),
        ({"kind": "moka"}, "machine kind 'moka' is unknown; one of home, thermoblock"),
        ({"scenario": "nap"}, "scenario 'nap' is unknown; one of cleaning"),
        ({"kind": "spliced"}, "'spliced' needs recordings of a pump"),
    ],
)
def test_unknown_names_are_told(names: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        sample_plan(**({"condition": "home", "rng": np.random.default_rng(0)} | names))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    seconds = np.arange(6 * 8000) / 8000
    rng = np.random.default_rng(0)
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "b.wav", 0.3 * np.sin(2 * np.pi * 440 * seconds), 8000)
    soundfile.write(tmp_path / "a.flac", 0.1 * rng.standard_normal((6 * 16000, 2)), 16000)
    # A pump: loud hiss in its fill, little later.
    gain = np.where(seconds < 3.0, 0.2, 0.02)
    pump = 0.2 * np.sign(np.sin(2 * np.pi * 50 * seconds)) + gain * rng.standard_normal(len(seconds))
    soundfile.write(tmp_path / "pump.wav", pump, 8000)
    table = "file\tonset_s\toffset_s\tlabel\npump.wav\t0.2\t2.8\tfill\npump.wav\t3.2\t5.9\tpressurised\n"
    (tmp_path / "labels.tsv").write_text(table + "a.flac\t0\t1\tfill\n")
    return tmp_path


def test_library_finds_recordings_and_leaves_out(folder: Path) -> None:
    everything = Library.from_folder(folder)
    assert [Path(file).name for file, _ in everything.files] == ["a.flac", "b.wav", "pump.wav"]
    assert everything.files[0][1] == pytest.approx(6.0)
    assert [Path(file).name for file, _ in Library.from_folder(folder, ("music", "pump.wav")).files] == ["a.flac"]
    assert [Path(file).name for file, _ in everything.without(["a.flac"]).files] == ["b.wav", "pump.wav"]


def test_library_of_nothing_or_of_broken_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no recordings found there"):
        Library.from_folder(tmp_path)
    (tmp_path / "broken.wav").write_text("this is no sound")
    with pytest.raises(AudioFileError, match=r"broken\.wav: cannot be read as audio"):
        Library.from_folder(tmp_path)


def test_recordings_are_heard_in_the_session(folder: Path) -> None:
    library = Library.from_folder(folder, ("pump.wav",))
    for seed in range(40):
        rng = np.random.default_rng(seed)
        plan = sample_plan("cafe", rng, library=library)
        if plan.background.bed and any(each.kind == "recording" for each in plan.distractions):
            break
    samples = Simulator(plan, rng, 8000).render(80000)
    assert np.isfinite(samples).all()


def test_spliced_pump_keeps_the_timing_and_sounds_like_the_recording(folder: Path) -> None:
    (splice,) = splices_from_labels(folder / "labels.tsv")
    assert len(splice.fill) == len(splice.pressurised) == 1
    rng = np.random.default_rng(3)
    plan = sample_plan("home", rng, "spliced", splices=[splice])
    assert plan.machine.kind == "spliced"
    from dataclasses import replace

    from acoustic.synth import Action, Background

    plan = replace(
        plan,
        actions=(Action("backflush", hold_s=2.0, run_s=60.0),),
        distractions=(),
        background=Background(60.0),
        machine=replace(plan.machine, splice=splice),
    )
    from acoustic.synth import synthesise

    recording = synthesise(plan, rng, 8000)
    (run,) = recording.truth.runs
    assert run.quieting_50_s is not None
    assert run.quieting_100_s is not None
    assert run.pump_off_s is not None
    assert run.complete
    fill = recording.samples[int((run.pump_on_s + 0.5) * 8000) : int((run.quieting_50_s - 0.5) * 8000)]
    hold = recording.samples[int((run.quieting_100_s + 0.5) * 8000) : int(run.pump_off_s * 8000)]
    noise = [np.square(np.diff(part.astype(np.float64), n=3)).mean() for part in (fill, hold)]
    assert 10 * np.log10(noise[1] / noise[0]) < -6.0


def test_tables_that_make_no_sense_are_told(folder: Path) -> None:
    with pytest.raises(LabelError, match=r"nothing\.tsv: cannot be read"):
        splices_from_labels(folder / "nothing.tsv")
    (folder / "labels.tsv").write_text("file\tonset_s\toffset_s\tlabel\npump.wav\t0\tfill\n")
    with pytest.raises(LabelError, match=r"labels\.tsv:2: .* is not file, onset_s"):
        splices_from_labels(folder / "labels.tsv")
    (folder / "labels.tsv").write_text("file\tonset_s\toffset_s\tlabel\npump.wav\t0\t1\tfill\n")
    with pytest.raises(LabelError, match="no recording has both"):
        splices_from_labels(folder / "labels.tsv")


def test_missing_recording_is_told_when_it_is_needed(folder: Path) -> None:
    (splice,) = splices_from_labels(folder / "labels.tsv", "/nowhere")
    rng = np.random.default_rng(3)
    plan = sample_plan("home", rng, "spliced", splices=[splice])
    with pytest.raises(AudioFileError, match=r"/nowhere/pump\.wav: cannot be read"):
        Simulator(plan, rng, 8000)
