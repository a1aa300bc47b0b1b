import numpy as np

from acoustic.sources.pcm import heard


def test_channels_are_averaged_onto_the_grid_of_24_bits() -> None:
    stereo = np.array([[0.5, 0.25], [1e-9, 1e-9], [2.0**-23, 2.0**-23]], np.float32)
    np.testing.assert_array_equal(heard(stereo), np.array([0.375, 0.0, 2.0**-23], np.float32))


def test_what_a_converter_cannot_give_is_made_good() -> None:
    wild = np.array([[np.nan], [np.inf], [-np.inf], [3.0], [-3.0]], np.float32)
    top = np.float32(1.0 - 2.0**-23)
    np.testing.assert_array_equal(heard(wild), np.array([0.0, top, -1.0, top, -1.0], np.float32))
    assert np.isnan(wild[0, 0])  # the driver's buffer is not touched


def test_hearing_twice_changes_nothing() -> None:
    once = heard(np.random.default_rng(0).normal(0.0, 0.5, (1000, 3)).astype(np.float32))
    np.testing.assert_array_equal(heard(once[:, np.newaxis]), once)
