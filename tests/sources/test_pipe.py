"""Raw samples from a pipe."""

from __future__ import annotations

import io
import os
import threading
import time

import numpy as np
import pytest

from acoustic.config import CaptureOptions
from acoustic.errors import AudioFileError, OptionError, SampleRateError
from acoustic.sources.health import CaptureState
from acoustic.sources.pipe import PCM_FORMATS, PipeSource

WAVE = np.sin(np.arange(4_800) / 5.0) * 0.5
STEREO = np.stack([WAVE, -0.5 * WAVE], axis=1)


def encode(samples: np.ndarray, sample_format: str) -> bytes:
    if sample_format == "f32le":
        return samples.astype("<f4").tobytes()
    if sample_format == "u8":
        return np.round(samples * 128 + 128).astype(np.uint8).tobytes()
    bits = PCM_FORMATS[sample_format] * 8
    whole = np.round(samples * 2.0 ** (bits - 1)).astype("<i4")
    if sample_format == "s24le":
        return whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    return whole.astype(f"<i{bits // 8}").tobytes()


@pytest.mark.parametrize(
    ("sample_format", "within"),
    [("u8", 1 / 128), ("s16le", 2**-15), ("s24le", 2**-22), ("s32le", 2**-23), ("f32le", 2**-23)],
)
def test_every_format_is_decoded_and_mixed_down(sample_format: str, within: float) -> None:
    source = PipeSource(io.BytesIO(encode(STEREO, sample_format)), 48_000, channels=2, sample_format=sample_format)
    blocks = list(source)
    np.testing.assert_allclose(np.concatenate([b.samples for b in blocks]), STEREO.mean(axis=1), atol=within)
    assert [b.start for b in blocks] == list(np.cumsum([0, *(len(b.samples) for b in blocks)])[:-1])
    assert all(b.samples.dtype == np.float32 for b in blocks)


def test_a_torn_last_frame_is_left_out() -> None:
    data = encode(STEREO, "s16le")[:-3]
    assert sum(len(b.samples) for b in PipeSource(io.BytesIO(data), 48_000, channels=2)) == len(STEREO) - 1


def test_a_pipe_that_gives_odd_pieces_gives_the_same_samples() -> None:
    reading, writing = os.pipe()
    data = encode(WAVE, "s16le")

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for at in range(0, len(data), 777):
                pipe.write(data[at : at + 777])
                time.sleep(0.001)

    threading.Thread(target=write, daemon=True).start()
    with os.fdopen(reading, "rb", buffering=0) as stream:
        blocks = list(PipeSource(stream, 48_000))
    whole = list(PipeSource(io.BytesIO(data), 48_000))
    np.testing.assert_array_equal(*(np.concatenate([b.samples for b in bs]) for bs in (blocks, whole)))


def test_a_writer_that_pauses_is_told_of_and_gone_on_with() -> None:
    reading, writing = os.pipe()
    os.write(writing, encode(WAVE, "s16le"))
    with os.fdopen(reading, "rb", buffering=0) as stream:
        source = PipeSource(stream, 48_000, options=CaptureOptions(stalled_s=0.1, heartbeat_s=0.02))
        states = []
        taken = 0
        for block in source:
            taken += len(block.samples)
            states += [report.state for report in source.reports()]
            if states == [CaptureState.STALLED]:
                os.write(writing, encode(WAVE, "s16le"))
            if CaptureState.OK in states:
                os.close(writing)
                break
        taken += sum(len(block.samples) for block in source)
    assert states == [CaptureState.STALLED, CaptureState.OK]
    assert taken > len(WAVE)


@pytest.mark.parametrize("head", [b"RIFF", b"fLaC", b"OggS"])
def test_a_stream_with_a_header_is_refused(head: bytes) -> None:
    with pytest.raises(AudioFileError, match="raw samples are wanted"):
        list(PipeSource(io.BytesIO(head + bytes(1000)), 48_000))


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SampleRateError, match="wanted 8000 to 192000"):
        PipeSource(io.BytesIO(), 44)
    with pytest.raises(OptionError, match="channels 0: wanted 1 to 64"):
        PipeSource(io.BytesIO(), 48_000, channels=0)
    with pytest.raises(OptionError, match="wanted one of u8, s16le"):
        PipeSource(io.BytesIO(), 48_000, sample_format="s16be")
