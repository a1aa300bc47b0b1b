"""The per-hop work as others would do it: one call a hop of 10 ms, each with what its library is good at.

A peer that is not installed is left out, and named. All are given the same windows of 512 samples at 16 kHz.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from acoustic.config import RATE_HZ

from .workloads import HOP, WINDOW, hops, windows

__all__ = ["BARE_FFT", "PEERS", "REFERENCE", "Peer", "available", "bare_fft"]

Call = Callable[[int], object]
N_MELS = 64
LOW_HZ, HIGH_HZ = 50.0, 7900.0
REFERENCE = "librosa: mel, flatness"
BARE_FFT = "FFTW in C: real FFT of 512 alone"


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to do it; `make` raises ImportError where its library is absent."""

    name: str
    make: Callable[[], Call]


def _mel_weights() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=N_MELS, fmin=LOW_HZ, fmax=HIGH_HZ)


def _librosa() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    import librosa

    frames = list(windows())
    common = {"n_fft": WINDOW, "hop_length": WINDOW, "center": False}

    def call(i: int) -> tuple[np.ndarray, np.ndarray]:
        window = frames[i % len(frames)]
        mel = librosa.feature.melspectrogram(y=window, sr=RATE_HZ, n_mels=N_MELS, fmin=LOW_HZ, fmax=HIGH_HZ, **common)
        return librosa.power_to_db(mel), librosa.feature.spectral_flatness(y=window, **common)

    return call


def _librosa_shared() -> Call:
    import librosa

    frames = list(windows())
    mel_weights = _mel_weights()

    def call(i: int) -> object:
        magnitude = np.abs(librosa.stft(frames[i % len(frames)], n_fft=WINDOW, hop_length=WINDOW, center=False))
        mel = librosa.power_to_db(mel_weights @ magnitude**2)
        return mel, librosa.feature.spectral_flatness(S=magnitude)

    return call


def _librosa_all() -> Call:
    import librosa

    mel_and_flatness = _librosa()
    frames = list(windows())

    def call(i: int) -> object:
        window = frames[i % len(frames)]
        rolloff = librosa.feature.spectral_rolloff(y=window, sr=RATE_HZ, n_fft=WINDOW, hop_length=WINDOW, center=False)
        mel, flatness = mel_and_flatness(i)
        before, _ = mel_and_flatness(i - 1 if i else 0)
        return mel, flatness, rolloff, librosa.onset.onset_strength(S=np.hstack([before, mel]))

    return call


def _array_library(rfft: Callable[..., np.ndarray]) -> Call:
    """All features with arrays: mel, log, flatness, flux, rolloff, and the comb over 256 ms."""
    frames, pieces = list(windows()), list(hops())
    mel_weights = _mel_weights()
    taper = np.hanning(WINDOW).astype(np.float32)
    long_taper = np.hanning(4096).astype(np.float32)
    comb_bins = np.round(np.arange(1, 13) * 50 * 4096 / RATE_HZ).astype(int)
    memory = np.zeros(4096, np.float32)
    previous = np.zeros(N_MELS, np.float32)

    def call(i: int) -> object:
        memory[:-HOP] = memory[HOP:]
        memory[-HOP:] = pieces[i % len(pieces)]
        power = np.abs(rfft(frames[i % len(frames)] * taper)) ** 2 + 1e-12
        mel = np.log10(mel_weights @ power + 1e-12)
        flatness = np.exp(np.log(power).mean()) / power.mean()
        flux = np.maximum(mel - previous, 0.0).sum()
        previous[:] = mel
        energy = np.cumsum(power)
        rolloff = np.searchsorted(energy, 0.85 * energy[-1])
        spectrum = np.abs(rfft(memory * long_taper)) ** 2
        return mel, flatness, flux, rolloff, spectrum[comb_bins].sum() / spectrum[:600].sum()

    return call


def _numpy() -> Call:
    return _array_library(np.fft.rfft)


def _scipy() -> Call:
    import scipy.fft

    return _array_library(scipy.fft.rfft)


def _short_time_fft() -> Call:
    import scipy.signal

    frames = list(windows())
    mel_weights = _mel_weights()
    transform = scipy.signal.ShortTimeFFT(np.hanning(WINDOW), hop=WINDOW, fs=RATE_HZ)
    # The one slice that lies wholly inside the window.
    slice_index = transform.lower_border_end[1]

    def call(i: int) -> object:
        power = transform.spectrogram(frames[i % len(frames)], p0=slice_index, p1=slice_index + 1)[:, 0]
        return np.log10(mel_weights @ power + 1e-12)

    return call


def _kaldi() -> Call:
    import kaldi_native_fbank as knf

    pieces = list(hops())
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0.0
    options.frame_opts.frame_shift_ms = 10.0
    options.frame_opts.frame_length_ms = 32.0
    options.mel_opts.num_bins = N_MELS
    stream = knf.OnlineFbank(options)
    # It wants lists; converting them is not its work.
    lists = [piece.tolist() for piece in pieces[:1000]]

    def call(i: int) -> object:
        stream.accept_waveform(RATE_HZ, lists[i % len(lists)])
        ready = stream.num_frames_ready
        frame = stream.get_frame(ready - 1) if ready else None
        stream.pop(max(0, ready - 1))
        return frame

    return call


def _essentia() -> Call:
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = False
    frames = list(windows())
    window = es.Windowing(type="hann", size=WINDOW, zeroPadding=0, normalized=False)
    spectrum = es.Spectrum(size=WINDOW)
    mel = es.MelBands(
        numberBands=N_MELS,
        inputSize=WINDOW // 2 + 1,
        sampleRate=RATE_HZ,
        lowFrequencyBound=LOW_HZ,
        highFrequencyBound=HIGH_HZ,
        log=True,
    )
    flatness, flux, rolloff = es.Flatness(), es.Flux(), es.RollOff(sampleRate=RATE_HZ)

    def call(i: int) -> object:
        magnitude = spectrum(window(frames[i % len(frames)]))
        return mel(magnitude), flatness(magnitude), flux(magnitude), rolloff(magnitude)

    return call


def _aubio() -> Call:
    import aubio

    pieces = list(hops())
    vocoder = aubio.pvoc(WINDOW, HOP)
    mel = aubio.filterbank(N_MELS, WINDOW)
    mel.set_mel_coeffs(RATE_HZ, LOW_HZ, HIGH_HZ)
    flux, rolloff = aubio.specdesc("specflux", WINDOW), aubio.specdesc("rolloff", WINDOW)

    def call(i: int) -> object:
        grain = vocoder(pieces[i % len(pieces)])
        return np.log10(mel(grain) + 1e-12), flux(grain), rolloff(grain)

    return call


def _pyfftw() -> Call:
    import pyfftw

    plan = pyfftw.builders.rfft(pyfftw.empty_aligned(WINDOW, "float32"), planner_effort="FFTW_MEASURE")
    plan.input_array[:] = windows()[100]
    return lambda i: plan.execute()


def bare_fft(repeats: int) -> Call:
    """FFTW's own C, from pyfftw's wheel or the system, called `repeats` times without Python in between."""
    library = _fftw()
    library.fftwf_plan_dft_r2c_1d.restype = ctypes.c_void_p
    library.fftwf_plan_dft_r2c_1d.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
    execute = library.fftwf_execute
    execute.restype, execute.argtypes = None, [ctypes.c_void_p]
    given, got = np.zeros(WINDOW, np.float32), np.zeros(WINDOW // 2 + 1, np.complex64)
    measure = 0
    plan = library.fftwf_plan_dft_r2c_1d(WINDOW, given.ctypes.data, got.ctypes.data, measure)
    given[:] = windows()[100]  # after planning, which overwrites it

    @numba.njit
    def run(plan: int, repeats: int) -> None:
        for _ in range(repeats):
            execute(plan)

    def call(i: int) -> object:
        run(plan, repeats)
        return got, given

    call(0)
    np.testing.assert_allclose(got, np.fft.rfft(given), atol=1e-4)
    return call


def _fftw() -> ctypes.CDLL:
    import ctypes.util

    try:
        import pyfftw

        bundled = Path(pyfftw.__file__).parent.with_name("pyfftw.libs").glob("libfftw3f-*")
        path = str(next(bundled))
    except (ImportError, StopIteration):
        found = ctypes.util.find_library("fftw3f")
        if found is None:
            raise ImportError("neither pyfftw's FFTW nor the system's is there") from None
        path = found
    return ctypes.CDLL(path)


def available(peers: tuple[Peer, ...]) -> tuple[dict[str, Call], list[str]]:
    """Return the peers that can run here, and the names of those that cannot."""
    calls: dict[str, Call] = {}
    absent: list[str] = []
    for peer in peers:
        try:
            calls[peer.name] = peer.make()
        except ImportError:
            absent.append(peer.name)
    return calls, absent


PEERS: tuple[Peer, ...] = (
    Peer(REFERENCE, _librosa),
    Peer("librosa: mel, flatness, one spectrum, weights kept", _librosa_shared),
    Peer("librosa: mel, flatness, rolloff, onset strength", _librosa_all),
    Peer("scipy.signal.ShortTimeFFT: mel", _short_time_fft),
    Peer("scipy.fft: all", _scipy),
    Peer("numpy: all", _numpy),
    Peer("essentia: mel, flatness, flux, rolloff", _essentia),
    Peer("kaldi-native-fbank: mel", _kaldi),
    Peer("aubio: mel, flux, rolloff", _aubio),
    Peer("pyfftw: real FFT of 512 alone", _pyfftw),
)
