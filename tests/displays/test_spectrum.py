import numpy as np
import pytest

from acoustic.displays.spectrum import BANDS, SpectrumStrip
from acoustic.types import AudioBlock


def tone(hertz: float, rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    return (0.1 * np.sin(2.0 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 192_000])
def test_a_tone_shines_in_its_band(rate_hz: int) -> None:
    strip = SpectrumStrip()
    strip.hear(AudioBlock(0, tone(1_000.0, rate_hz), rate_hz))
    columns = strip.newest(100)
    edges_hz = np.geomspace(60.0, min(8_000.0, rate_hz / 2), BANDS + 1)
    assert columns.shape == (10, BANDS)
    assert (columns.argmax(axis=1) == np.searchsorted(edges_hz, 1_000.0) - 1).all()
    # -23 dBFS is above the range from -80 to -25; silence is black.
    assert columns.max() == 1.0


def test_silence_is_black_and_columns_do_not_depend_on_the_blocks() -> None:
    whole, chopped = SpectrumStrip(), SpectrumStrip()
    samples = np.concatenate([np.zeros(16_000, np.float32), tone(300.0, 16_000)])
    whole.hear(AudioBlock(0, samples, 16_000))
    for start in range(0, len(samples), 333):
        chopped.hear(AudioBlock(start, samples[start : start + 333], 16_000))
    np.testing.assert_array_equal(whole.newest(100), chopped.newest(100))
    assert whole.newest(100)[:10].max() == 0.0
    assert (whole.count, len(whole.newest(5))) == (20, 5)


def test_it_keeps_no_more_than_it_is_asked_to() -> None:
    strip = SpectrumStrip(columns=7)
    strip.hear(AudioBlock(0, np.zeros(16_000 * 5, np.float32), 16_000))
    assert strip.newest(100).shape == (7, BANDS)
    assert strip.newest(0).shape == (0, BANDS)
    assert SpectrumStrip().newest(10).shape == (0, BANDS)
