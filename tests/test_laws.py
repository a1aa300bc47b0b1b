"""The laws that everything rests on: one clock, chunk invariance, steadiness whatever the microphone delivers."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acoustic.errors import SampleRateError
from acoustic.pipeline import Detector, Monitor
from acoustic.types import AudioBlock, Event

RATE_HZ = 16_000


def pump_like(seconds, seed, rate_hz=RATE_HZ):
    """A loud comb with hiss, quieter hiss in its second half, then a burst: enough to make every stage work."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = rng.standard_normal(len(t))
    on = (t > 1.0) & (t < seconds - 2.5)
    quiet = t > seconds / 2
    comb = sum(np.cos(2 * np.pi * 50 * k * t + k) for k in range(1, 20)) * 0.02
    hiss = noise * np.where(quiet, 0.002, 0.03)
    burst = noise * 0.1 * np.exp(-np.maximum(t - seconds + 2.3, 0) / 0.4) * (t > seconds - 2.3)
    return (np.where(on, comb + hiss, 0) + burst + noise * 0.0005).astype(np.float32)


def run(blocks, detector=None):
    detector = detector or Detector()
    events = [event for block in blocks for event in detector.push(block)]
    return events + detector.flush()


def chop(samples, sizes, rate_hz=RATE_HZ):
    start, i = 0, 0
    while start < len(samples):
        n = sizes[i % len(sizes)]
        yield AudioBlock(start, samples[start : start + n], rate_hz)
        start += n
        i += 1


WHOLE = {rate_hz: pump_like(9.0, 1, rate_hz) for rate_hz in (16_000, 44_100, 48_000)}
EXPECTED = {rate_hz: run(chop(samples, [len(samples)], rate_hz)) for rate_hz, samples in WHOLE.items()}


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20_000), min_size=1, max_size=12),
    rate_hz=st.sampled_from(sorted(WHOLE)),
)
def test_any_split_gives_the_same_events_bit_for_bit(sizes, rate_hz):
    assert run(chop(WHOLE[rate_hz], sizes, rate_hz)) == EXPECTED[rate_hz]


def test_blocks_of_single_samples_too():
    samples = WHOLE[RATE_HZ][: RATE_HZ * 3]
    assert run(chop(samples, [1])) == run(chop(samples, [len(samples)]))


def test_the_sound_above_is_heard_at_all():
    for events in EXPECTED.values():
        assert "pump_on" in [event.kind for event in events]


def test_times_follow_the_sample_index_alone():
    # The same audio three hours later: every time moves by exactly that.
    samples = WHOLE[48_000]
    shift = 48_000 * 10_800
    later = [AudioBlock(block.start + shift, block.samples, 48_000) for block in chop(samples, [4_801], 48_000)]
    for event, moved in zip(EXPECTED[48_000], run(later), strict=True):
        assert moved.time_s == pytest.approx(event.time_s + 10_800, abs=1e-8)
        assert moved.decided_s == pytest.approx(event.decided_s + 10_800, abs=1e-8)


def test_reset_forgets_everything():
    detector = Detector()
    samples = WHOLE[RATE_HZ]
    first = run(chop(samples, [1_600]), detector)
    detector.reset()
    assert run(chop(samples, [1_600]), detector) == first


def test_nothing_is_known_before_it_happened():
    for events in EXPECTED.values():
        assert all(event.decided_s >= event.time_s for event in events)
        assert [event.decided_s for event in events] == sorted(event.decided_s for event in events)


HOSTILE = {
    "zeros": lambda rng, n: np.zeros(n),
    "not a number": lambda rng, n: np.full(n, np.nan),
    "infinite": lambda rng, n: np.where(rng.random(n) < 0.5, np.inf, -np.inf),
    "clipped": lambda rng, n: np.sign(rng.standard_normal(n)),
    "far beyond full scale": lambda rng, n: rng.standard_normal(n) * 1e30,
    "DC": lambda rng, n: np.ones(n) * 0.7,
    "denormal": lambda rng, n: rng.standard_normal(n) * 1e-42,
    "one spike": lambda rng, n: np.eye(1, n, n // 2)[0],
}


@settings(max_examples=20, deadline=None)
@example(parts=[("far beyond full scale", 0)], seed=221)
@given(
    parts=st.lists(st.tuples(st.sampled_from(sorted(HOSTILE)), st.integers(0, 30_000)), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_nothing_a_microphone_delivers_corrupts_the_state(parts, seed):
    rng = np.random.default_rng(seed)
    monitor = Monitor()
    start = 0
    for name, lost in parts:
        block = AudioBlock(start + lost, HOSTILE[name](rng, 8_000).astype(np.float32), RATE_HZ, lost)
        start = block.stop
        for record in monitor.push(block):
            assert np.isfinite(record.time_s)
    # Afterwards a clean pump is heard as ever, if a pause lets the background be learnt anew.
    quiet = np.random.default_rng(0).standard_normal(20 * RATE_HZ) * 0.0005
    rest = np.concatenate([quiet, pump_like(9.0, 2)])
    kinds = []
    for block in chop(rest.astype(np.float32), [1_600]):
        moved = AudioBlock(block.start + start, block.samples, RATE_HZ)
        kinds += [record.kind for record in monitor.push(moved) if isinstance(record, Event)]
    assert "pump_on" in kinds


def test_lost_samples_keep_the_clock_right():
    samples = WHOLE[RATE_HZ]
    # Half a second is lost in the quiet before the pump starts.
    blocks = [AudioBlock(0, samples[:4_000], RATE_HZ), AudioBlock(12_000, samples[12_000:], RATE_HZ, lost=8_000)]
    start = next(event for event in EXPECTED[RATE_HZ] if event.kind == "pump_on")
    assert next(event for event in run(blocks) if event.kind == "pump_on").time_s == pytest.approx(
        start.time_s, abs=0.05
    )


def test_a_long_loss_starts_afresh_with_the_right_clock():
    samples = WHOLE[RATE_HZ]
    lost = RATE_HZ * 600
    start = lost + 1_600
    blocks = [AudioBlock(0, samples[:1_600], RATE_HZ), AudioBlock(start, samples, RATE_HZ, lost)]
    heard = next(event for event in run(blocks) if event.kind == "pump_on").time_s
    expected = next(event for event in EXPECTED[RATE_HZ] if event.kind == "pump_on").time_s
    assert heard == pytest.approx(expected + start / RATE_HZ, abs=1e-6)


def test_a_changed_rate_is_refused():
    detector = Detector()
    detector.push(AudioBlock(0, np.zeros(100, np.float32), RATE_HZ))
    with pytest.raises(SampleRateError, match="changed from 16000 to 48000 Hz"):
        detector.push(AudioBlock(100, np.zeros(100, np.float32), 48_000))


@pytest.mark.parametrize("rate_hz", [7_999, 192_001, 0])
def test_rates_out_of_range_are_refused(rate_hz):
    with pytest.raises(SampleRateError, match="8000 to 192000"):
        Detector().push(AudioBlock(0, np.zeros(100, np.float32), rate_hz))


@pytest.mark.parametrize("zeros_s", [0.1, 1.0, 7.3])
def test_leading_silence_moves_no_event(zeros_s):
    # Microphones, and sound servers, often begin with digital zeros.
    samples = WHOLE[RATE_HZ]
    silence = np.zeros(round(zeros_s * 100) * RATE_HZ // 100, dtype=np.float32)
    later = run(chop(np.concatenate([silence, samples]), [1_600]))
    expected = EXPECTED[RATE_HZ]
    assert [event.kind for event in later] == [event.kind for event in expected]
    for moved, event in zip(later, expected, strict=True):
        assert moved.time_s == pytest.approx(event.time_s + len(silence) / RATE_HZ, abs=1e-6)
