import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustic.errors import AudioFileError
from acoustic.sources.file import FileSource


def noise(n: int, channels: int = 1) -> np.ndarray:
    return (np.random.default_rng(7).standard_normal((n, channels)) * 0.1).astype(np.float32)


def heard(path: Path, **options: float) -> np.ndarray:
    blocks = list(FileSource(path, **options))
    starts = [block.start for block in blocks]
    assert starts == list(np.cumsum([0] + [len(block.samples) for block in blocks])[:-1])
    assert all(block.samples.dtype == np.float32 and block.samples.ndim == 1 and block.lost == 0 for block in blocks)
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_averaged_at_any_rate(tmp_path: Path, rate_hz: int, channels: int) -> None:
    samples = noise(rate_hz, channels)
    soundfile.write(tmp_path / "x.wav", samples, rate_hz, subtype="FLOAT")
    source = FileSource(tmp_path / "x.wav", block_s=0.013)
    assert source.rate_hz == rate_hz
    assert source.duration_s == 1.0
    np.testing.assert_allclose(np.concatenate([b.samples for b in source]), samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF", "W64", "RF64", "AU"])
def test_formats(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"x.{form.lower()}"
    tone = 0.5 * np.sin(2.0 * np.pi * 440.0 * np.arange(48_000) / 48_000)
    soundfile.write(path, np.column_stack([tone, tone]), 48_000, format=form)
    samples = heard(path)
    assert len(samples) == pytest.approx(48_000, abs=2_000)  # MP3 and OGG pad
    assert np.std(samples) == pytest.approx(0.5 / np.sqrt(2.0), rel=0.05)


def test_what_is_not_a_number_becomes_zero(tmp_path: Path) -> None:
    samples = np.full((100, 2), 0.5, np.float32)
    samples[10:20] = np.nan
    samples[30, 0] = np.inf
    soundfile.write(tmp_path / "x.wav", samples, 8_000, subtype="FLOAT")
    wanted = np.full(100, 0.5, np.float32)
    wanted[10:20] = 0.0
    wanted[30] = 0.25
    np.testing.assert_array_equal(heard(tmp_path / "x.wav"), wanted)


def test_integers_reach_full_scale_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([-(2**15), 2**14, 0], np.int16), 8_000)
    np.testing.assert_array_equal(heard(tmp_path / "x.wav"), np.array([-1.0, 0.5, 0.0], np.float32))


@pytest.mark.parametrize("block_s", [0.01, 0.1, 1.0])
def test_a_truncated_flac_gives_what_it_holds_and_then_says_where_it_breaks(tmp_path: Path, block_s: float) -> None:
    samples = noise(480_000)
    whole, cut = tmp_path / "whole.flac", tmp_path / "cut.flac"
    soundfile.write(whole, samples, 48_000)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) * 6 // 10])
    source, got = FileSource(cut, block_s=block_s), []
    with pytest.raises(AudioFileError, match=r"cut\.flac: breaks off at 5\.9\d s of 10\.00 s"):
        got.extend(source)
    got_samples = np.concatenate([block.samples for block in got])
    # All whole FLAC frames of 4096 samples, whatever the block.
    assert len(got_samples) == 70 * 4_096
    np.testing.assert_allclose(got_samples, samples[: len(got_samples), 0], atol=2**-15)


def text_named_wav(path: Path) -> None:
    path.write_text("this is no sound\n" * 50)


def nothing(path: Path) -> None:
    path.touch()


def header_only(path: Path) -> None:
    soundfile.write(path, noise(0), 48_000)


def folder(path: Path) -> None:
    path.mkdir()


def too_slow(path: Path) -> None:
    soundfile.write(path, noise(100), 7_999)


def too_fast(path: Path) -> None:
    soundfile.write(path, noise(100), 192_001)


def missing(path: Path) -> None:
    pass


def damaged_header(path: Path) -> None:
    path.write_bytes(b"fLaC" + bytes(100))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "no such file"),
        (nothing, "empty"),
        (text_named_wav, "not a recording that can be read"),
        (header_only, "holds no sound"),
        (folder, "is a folder"),
        (too_slow, "7999 Hz, wanted 8000 to 192000"),
        (too_fast, "192001 Hz, wanted 8000 to 192000"),
        (damaged_header, "not a recording that can be read"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path, make, message: str) -> None:
    path = tmp_path / "x.wav"
    make(path)
    with pytest.raises(AudioFileError, match=message) as caught:
        FileSource(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_headerless_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_bytes(bytes(1000))
    with pytest.raises(AudioFileError, match="not a recording"):
        FileSource(tmp_path / "x.raw")


def test_a_name_that_is_not_text_can_be_printed(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError) as caught:
        FileSource(tmp_path / "caf\udce9.wav")
    str(caught.value).encode()


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, np.zeros(seconds * 8_000, np.int16), 8_000)
        tracemalloc.start()
        for _ in FileSource(path):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(600) < peak(20) + 20_000


def test_close_twice(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", noise(100), 8_000)
    source = FileSource(tmp_path / "x.wav")
    source.close()
    source.close()
    assert list(source) == []
