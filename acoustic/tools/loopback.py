"""Play a chirp and find it in what the microphone hears. A program of its own, since PortAudio's calls may hang.

Run with a JSON list of the input's and the output's name, or null for the default; prints a JSON object.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import numpy.typing as npt

__all__ = ["chirp", "find_chirp", "main"]

F32 = npt.NDArray[np.float32]
_CHIRP_S = 0.2
_LOW_HZ, _HIGH_HZ = 800.0, 5000.0
_LISTEN_S = 1.5
# How far the correlation's peak must stand over its spread elsewhere.
_CERTAIN = 12.0


def chirp(rate_hz: int) -> F32:
    """Return a sweep, which correlates with nothing but itself: float32, shape (n,)."""
    t = np.arange(round(_CHIRP_S * rate_hz)) / rate_hz
    phase = 2 * np.pi * (_LOW_HZ * t + (_HIGH_HZ - _LOW_HZ) * t**2 / (2 * _CHIRP_S))
    edges = np.clip(np.minimum(t, t[::-1]) / 0.01, 0.0, 1.0)
    return (0.5 * edges * np.sin(phase)).astype(np.float32)


def find_chirp(heard: F32, rate_hz: int) -> float | None:
    """Seconds from the beginning of `heard`, shape (n,), to the chirp in it; None if it is not certain."""
    sent = chirp(rate_hz).astype(np.float64)
    size = 1 << (len(heard) + len(sent)).bit_length()
    matched = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)[: len(heard)]
    strength = np.abs(matched)
    peak = int(np.argmax(strength))
    spread = float(np.sqrt(np.mean(strength**2)))
    return peak / rate_hz if spread > 0 and strength[peak] > _CERTAIN * spread else None


def main(request: str) -> None:
    """Measure and print."""
    print(json.dumps(_measure(*json.loads(request))))


def _measure(input_device: str | None, output_device: str | None) -> dict[str, object]:
    try:
        import sounddevice as sd
    except OSError:
        return {"error": "PortAudio is missing; on Debian and Ubuntu: apt install libportaudio2"}
    try:
        rate_hz = int(sd.query_devices(output_device, "output")["default_samplerate"])
        sent = np.zeros(round(_LISTEN_S * rate_hz), np.float32)
        sweep = chirp(rate_hz)
        sent[: len(sweep)] = sweep
        heard = sd.playrec(sent, rate_hz, channels=1, device=(input_device, output_device), blocking=True)
    except (sd.PortAudioError, ValueError) as error:
        lacking = "there is no loudspeaker or no microphone" if "device -1" in str(error) else str(error)
        return {"error": f"{lacking}; `backflush devices` lists what there is"}
    latency_s = find_chirp(heard[:, 0], rate_hz)
    if latency_s is None:
        return {"error": "the chirp was not heard; turn the volume up, and bring microphone and loudspeaker together"}
    return {"latency_s": latency_s, "rate_hz": rate_hz}


if __name__ == "__main__":
    main(sys.argv[1])
