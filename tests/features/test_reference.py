"""Every feature against float64 and scipy, within stated tolerances."""

import numpy as np
import pytest
import scipy.signal

from acoustic.config import RATE_HZ, FeatureOptions
from acoustic.features.extractor import FeatureExtractor
from acoustic.features.fft import fft_plan, power_spectrum_256, power_spectrum_512
from acoustic.features.layout import feature_names
from acoustic.synth import sample_plan, synthesise

from .reference import HOP, reference_features

# In the features' own unit of 10 dB: float32 against float64.
TOLERANCE = 0.002
# Choices, such as which line is the eighth strongest, may fall differently; a rare frame then differs by more.
CHOSEN = ("survival", "survival_long", "lines", "birth", "tonality_low", "tonality_middle", "tonality_high")
MOST_FRAMES = 0.998


def signal(name):
    rng = np.random.default_rng(3)
    t = np.arange(RATE_HZ * 12) / RATE_HZ
    if name == "noise":
        return rng.normal(0, 0.01, len(t))
    if name == "pump":
        # Starts, quietens, stops, hisses: strokes of 50 Hz over noise.
        strokes = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in range(1, 20))
        on, quiet = (t > 3) & (t < 9), t > 6
        loud = 0.05 * strokes + rng.normal(0, 0.02, len(t)) * (1 + np.sin(2 * np.pi * 50 * t))
        release = rng.normal(0, 0.1, len(t)) * np.exp(-(t - 9.1) / 0.5) * (t > 9.1)
        return loud * on * np.where(quiet, 0.4, 1) + np.clip(release, -1, 1) + rng.normal(0, 0.0005, len(t))
    return synthesise(sample_plan(name, rng), rng, RATE_HZ).samples[: RATE_HZ * 40]


@pytest.mark.parametrize("name", ["noise", "pump", "home", "hard"])
def test_every_feature_is_that_of_the_float64_reference(name):
    samples = signal(name).astype(np.float32)
    features, _ = FeatureExtractor().push(samples)
    # Hearing begins with the first hop that is not silent; before, there are no features.
    loud = np.square(samples[: len(features) * HOP].astype(float)).reshape(-1, HOP).mean(axis=1)
    first = int(np.argmax(loud > FeatureOptions().floor_power))
    assert not features[:first].any()
    features = features[first:]
    wanted = reference_features(samples[first * HOP :], FeatureOptions())
    names = feature_names(FeatureOptions())
    assert set(names) == set(wanted)
    for column, feature in enumerate(names):
        off = np.abs(features[:, column] - wanted[feature])
        if feature in CHOSEN:
            assert np.mean(off < TOLERANCE) >= MOST_FRAMES, feature
        else:
            assert off.max() < TOLERANCE, f"{feature}: {off.max():.4f} at frame {off.argmax()}"


@pytest.mark.parametrize(("size", "power_spectrum"), [(256, power_spectrum_256), (512, power_spectrum_512)])
def test_the_spectrum_is_scipys(size, power_spectrum):
    samples = np.random.default_rng(size).normal(0, 1, size).astype(np.float32)
    power = np.zeros(size // 2 + 1, np.float32)
    power_spectrum(fft_plan(size), samples, power)
    _, wanted = scipy.signal.periodogram(samples.astype(float), size, "hann", detrend=False, scaling="density")
    # A periodogram of density at a rate of `size` has bins of 1 Hz: it sums to the mean square, weighed by the window.
    np.testing.assert_allclose(power, wanted, rtol=1e-4, atol=1e-7 * wanted.max())


@pytest.mark.parametrize("frequency_hz", [155.0, 1000.0, 6100.0])
def test_a_sine_of_full_scale_is_at_minus_three(frequency_hz):
    t = np.arange(RATE_HZ) / RATE_HZ
    _, levels = FeatureExtractor().push(np.sin(2 * np.pi * frequency_hz * t).astype(np.float32))
    assert levels[-1, -1] == pytest.approx(-3.01, abs=0.1)
