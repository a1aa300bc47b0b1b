"""The whole chain, block by block: water, machine, room, background, microphone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import OptionError
from ..types import AudioBlock
from .ambience import Ambience
from .distractions import make_distraction
from .filters import Floats
from .hydraulics import CONTROL_HZ, WaterSide
from .machine_sound import MachineSound
from .microphone import Microphone
from .plan import Plan
from .room import Room
from .truth import Truth, TruthRecorder

__all__ = ["Recording", "Simulator", "SynthSource", "synthesise", "write_session"]

_BLOCK_S: Final = 0.25
# A session ends at the latest after so long; a plan that cannot finish is a mistake.
_LONGEST_S: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A simulated recording: float32 samples, shape (n,), full scale 1.0, and what really happened."""

    samples: npt.NDArray[np.float32]
    rate_hz: int
    truth: Truth


class Simulator:
    """A machine that can be listened to, and operated by hand or by its plan.

    Parameters
    ----------
    plan
        Machine, room, microphone and, unless it is driven by hand, actions.
    rng
        The only source of randomness.
    rate_hz
        Of the samples, 8 to 192 kHz.

    Raises
    ------
    OptionError
        For a rate outside 8 to 192 kHz.
    """

    def __init__(self, plan: Plan, rng: np.random.Generator, rate_hz: int = 48000) -> None:
        if not 8000 <= rate_hz <= 192000:
            raise OptionError(f"rate_hz={rate_hz} is outside 8000 to 192000")
        self.plan = plan
        self.rate_hz = rate_hz
        self.position = 0
        machine = plan.machine
        seed = int(rng.integers(1, 2**32 - 1))
        self._water = WaterSide(machine.hydraulics, machine.levels, plan.actions, plan.lead_s, seed)
        self._sound = MachineSound(machine, rate_hz, rng)
        self._room = Room(plan.room, rate_hz, rng)
        fill = self._sound.steady_fill(1.0)[rate_hz // 4 :]
        gain = 10.0 ** (plan.microphone.fill_dbfs / 20.0) / float(np.sqrt(np.mean(np.square(fill))))
        level = self._sound.loudness * 10.0 ** (-plan.background.snr_db / 20.0)
        self._ambience = Ambience(plan.background, level, machine.mains_hz, rate_hz, rng)
        self._microphone = Microphone(plan.microphone, gain, rate_hz, rng)
        self._later = sorted(plan.distractions, key=lambda distraction: distraction.start_s)
        self._sounding: list[tuple[int, float, Floats]] = []
        self._recorder = TruthRecorder(self._water.healthy_bar)

    @property
    def time_s(self) -> float:
        """How much has been rendered."""
        return self.position / self.rate_hz

    @property
    def head_bar(self) -> float:
        """True pressure in the group."""
        return self._water.head_bar

    @property
    def stop(self) -> int | None:
        """Index one past the last sample of the plan; None while its end is not in sight."""
        done_step = self._water.script_done_step
        if done_step is None:
            return None
        return round((done_step / CONTROL_HZ + self.plan.tail_s) * self.rate_hz)

    @property
    def finished(self) -> bool:
        """Whether all planned actions and the tail after them are over."""
        stop = self.stop
        return stop is not None and self.position >= stop

    def pump_on(self, load: str = "backflush", resistance: float = 0.0) -> None:
        """Turn the pump on, from the next block on; `load` is an action's kind."""
        self._water.switch(True, load, resistance)

    def pump_off(self) -> None:
        """Turn the pump off, from the next block on."""
        self._water.switch(False)

    def render(self, count: int) -> npt.NDArray[np.float32]:
        """Next samples, float32, shape (count,)."""
        stop = self.position + count
        # One step more than the block reaches, to interpolate to.
        steps = stop * CONTROL_HZ // self.rate_hz + 2 - self._water.step
        if steps > 0:
            first = self._water.step
            control, marks = self._water.advance(steps)
            self._sound.feed(control, marks, first)
            self._recorder.feed(control, marks, first)
        dry = self._sound.render(self.position, count)
        others = self._distractions(stop)
        sound = self._room.process(dry, others)
        sound += self._ambience.render(count)
        self.position = stop
        return self._microphone.process(sound)

    def _distractions(self, stop: int) -> list[tuple[float, Floats]]:
        """Distances and samples, from the present position to `stop`, of all distractions that sound there."""
        while self._later and round(self._later[0].start_s * self.rate_hz) < stop:
            distraction = self._later.pop(0)
            # Made when it is needed and dropped afterwards: memory stays flat.
            sound = make_distraction(distraction, self.rate_hz) * self._sound.loudness
            self._sounding.append((round(distraction.start_s * self.rate_hz), distraction.distance_m, sound))
        mixed = []
        for start, distance_m, sound in self._sounding:
            first, last = max(start, self.position), min(start + len(sound), stop)
            part = np.zeros(stop - self.position)
            part[first - self.position : last - self.position] = sound[first - start : last - start]
            mixed.append((distance_m, part))
        self._sounding = [entry for entry in self._sounding if entry[0] + len(entry[2]) > stop]
        return mixed

    def blocks(self, block_s: float = _BLOCK_S) -> Iterator[AudioBlock]:
        """All blocks until the plan is finished."""
        count = max(1, round(block_s * self.rate_hz))
        while not self.finished and self.time_s < _LONGEST_S:
            start, stop = self.position, self.stop
            yield AudioBlock(start, self.render(count if stop is None else min(count, stop - start)), self.rate_hz)

    def truth(self) -> Truth:
        """Return what has happened so far."""
        return Truth(self.plan, self.rate_hz, self.time_s, self._recorder.runs(), self._recorder.curve_bar())


class SynthSource:
    """A simulated microphone: an `AudioSource` that ends when its plan does.

    Parameters
    ----------
    plan, rng, rate_hz
        As for `Simulator`.
    block_s
        Length of the blocks.
    name
        What the journal calls it.
    """

    def __init__(
        self,
        plan: Plan,
        rng: np.random.Generator,
        rate_hz: int = 48000,
        block_s: float = 0.02,
        name: str = "synth",
    ) -> None:
        self.simulator = Simulator(plan, rng, rate_hz)
        self._block_s = block_s
        self._name = name
        self._closed = False

    @property
    def name(self) -> str:
        """What the journal calls this source."""
        return self._name

    @property
    def rate_hz(self) -> int:
        """Rate of every block."""
        return self.simulator.rate_hz

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the plan is finished or the source is closed."""
        for block in self.simulator.blocks(self._block_s):
            if self._closed:
                return
            yield block

    def close(self) -> None:
        """Stop; safe to call twice."""
        self._closed = True


def synthesise(plan: Plan, rng: np.random.Generator, rate_hz: int = 48000) -> Recording:
    """Render a whole plan.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> recording = synthesise(sample_plan("kitchen", rng), rng)  # doctest: +SKIP
    >>> recording.truth.cycles  # doctest: +SKIP
    5
    """
    simulator = Simulator(plan, rng, rate_hz)
    samples = np.concatenate([block.samples for block in simulator.blocks()])
    return Recording(samples, rate_hz, simulator.truth())


def write_session(
    path: Path,
    plan: Plan,
    rng: np.random.Generator,
    rate_hz: int = 48000,
    on_progress: Callable[[float], None] | None = None,
) -> Truth:
    """Render a plan into `path` (.wav or .flac, 16 bit), with .tsv and .json beside it; memory stays flat.

    Parameters
    ----------
    path
        Audio file; its suffix chooses the format.
    plan, rng, rate_hz
        As for `synthesise`.
    on_progress
        Called with the seconds rendered so far.

    Raises
    ------
    OptionError
        For a suffix other than .wav and .flac.
    """
    import json

    import soundfile

    path = Path(path)
    if path.suffix not in {".wav", ".flac"}:
        raise OptionError(
            f"{path}: simulated sessions are written as .wav or .flac, not {path.suffix or 'without suffix'}"
        )
    simulator = Simulator(plan, rng, rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, 1, "PCM_16") as file:
        for block in simulator.blocks():
            # Rounded here, since libsndfile rounds differently for either format.
            file.write(np.clip(np.rint(block.samples * 32768.0), -32768, 32767).astype(np.int16))
            if on_progress is not None:
                on_progress(simulator.time_s)
    truth = simulator.truth()
    path.with_suffix(".tsv").write_text(truth.tsv(), encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(truth.to_dict(), indent=1) + "\n", encoding="utf-8")
    return truth
