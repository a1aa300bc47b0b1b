"""The live loop: a source through the monitor, its records into the journal and to the displays."""

from __future__ import annotations

import gc
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ..config import RATE_HZ, FeatureOptions, FrameOptions
from ..decoder import Decoder
from ..displays.controls import Controls
from ..displays.feed import Feed
from ..displays.journal import JournalWriter, Record, Summary
from ..displays.recorder import Recording
from ..errors import BackflushError
from ..evidence import RunEvidence
from ..features.extractor import FeatureExtractor
from ..features.kernels import compile_levels_and_tones, compile_pulses, process
from ..pipeline import Detector, Monitor
from ..sources.pcm import heard
from ..types import Action, ActionKind, AudioBlock, AudioSource, Cue, Detail
from .replay import Report, WatchedSource, replay

__all__ = ["StoppableSource", "compile_first_half", "listen", "warm_detector"]


# So long after the first signal another one insists, and a source that still gives no block hangs: all of ours give an
# empty one several times a second where nothing comes.
_INSISTING_S = 1.0
# Of the sound's time; no display draws more often.
_SHOWN_EVERY_S = 0.05


class StoppableSource:
    """A source that the user can end at any moment, so that the session is still summed up.

    Parameters
    ----------
    source
        What is listened to.
    """

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._watched = source if isinstance(source, WatchedSource) else None
        self._asked = False
        self._asked_s: float | None = None
        self._waiting = False
        self._hangs = False

    @property
    def name(self) -> str:
        """Name of the source inside."""
        return self._source.name

    @property
    def rate_hz(self) -> int:
        """Rate of the source inside."""
        return self._source.rate_hz

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the source's blocks until it ends or the user ends it."""
        blocks = iter(self._source)
        while not self._asked:
            try:
                self._waiting = True
                block = next(blocks, None)
            except KeyboardInterrupt:
                return
            except RuntimeError:
                # A wait of Python's own that is interrupted while it takes its lock back gives it back twice.
                if not self._asked:
                    raise
                return
            finally:
                self._waiting = False
            if block is None:
                return
            yield block

    def reports(self) -> Sequence[Report]:
        """Return what the source inside reports, if it watches itself."""
        return self._watched.reports() if self._watched is not None else ()

    def stop(self) -> None:
        """End after the block that is being worked on."""
        self._asked = True

    def close(self) -> None:
        """Close the source inside."""
        self._source.close()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Let Ctrl-C and a request to terminate end the source, where Python gives signals: in the main thread."""
        main = threading.current_thread()
        if main is not threading.main_thread():
            yield
            return
        # The one kind of queue that a signal's handler may put into, whatever it interrupts.
        signals: queue.SimpleQueue[int] = queue.SimpleQueue()

        def signalled(number: int, frame: FrameType | None) -> None:
            signals.put(number)
            self._signalled()

        def watch() -> None:
            if (number := signals.get()) == 0:
                return
            with suppress(queue.Empty):
                while signals.get(timeout=_INSISTING_S):
                    pass
                return
            if self._waiting:
                self._hangs = True
                _send_to(main, number)

        before = {number: signal.signal(number, signalled) for number in (signal.SIGINT, signal.SIGTERM)}
        watcher = threading.Thread(target=watch, name="signals", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signals.put(0)
            watcher.join()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self) -> None:
        # What is being waited for or worked on is finished first, the summary included, unless the user insists or the
        # source hangs. An exception at any place could leave a lock taken that closing the source waits for: Python's
        # own take their locks in Python. A shell or a nervous finger sends the signal twice at once: no insisting.
        now_s = time.monotonic()
        insisting = self._asked_s is not None and now_s - self._asked_s > _INSISTING_S
        self._asked, self._asked_s = True, now_s if self._asked_s is None else self._asked_s
        if insisting or (self._hangs and self._waiting):
            raise KeyboardInterrupt


def _send_to(thread: threading.Thread, number: int) -> None:
    """Send a signal to a thread, so that what it waits in ends."""
    if hasattr(signal, "pthread_kill") and thread.ident is not None:
        signal.pthread_kill(thread.ident, number)
    else:
        signal.raise_signal(number)  # on Windows any thread's wakes the main one


def warm_detector() -> Detector:
    """Return a detector with its kernels loaded, or compiled, which a computer's first session waits some seconds for.

    Done before the source is opened, whose first seconds would otherwise pile up.
    """
    beside = _compile_beside()
    # What numba makes stays: to look through all of it again and again for what may go takes a tenth of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        detector = Detector()
        if beside is not None:
            _compile_second_half(detector)
            # Whatever became of it: what is not in the cache by then is compiled here.
            beside.wait()
        detector.push(AudioBlock(0, heard(np.zeros((RATE_HZ, 1), np.float32)), RATE_HZ))
        detector.flush()
        detector.reset()
        detector.warm()
    finally:
        if collecting:
            gc.enable()
    return detector


def _compile_beside() -> subprocess.Popen[bytes] | None:
    """Begin to compile half of the kernels in another process, if this computer has never done so.

    Numba compiles one at a time, and takes over ten seconds for all.
    """
    # The file that numba keeps it in is named after the kernel and its place in the source.
    kernel: Any = process
    if not hasattr(kernel, "stats") or kernel.stats.cache_path is None:
        return None  # numba is switched off, or may keep nothing
    kept = f"*.process-{kernel.py_func.__code__.co_firstlineno}.*.nbi"
    if any(Path(kernel.stats.cache_path).glob(kept)):
        return None
    compiling = f"import gc; gc.disable(); from {__name__} import compile_first_half; compile_first_half()"
    quiet = subprocess.DEVNULL
    try:
        return subprocess.Popen([sys.executable, "-c", compiling], stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError:
        return None


def compile_first_half() -> None:
    """Have half of the kernels compiled and kept, for the process that compiles the others meanwhile."""
    compile_levels_and_tones(FrameOptions(), FeatureOptions())
    Detector().warm()


def _compile_second_half(detector: Detector) -> None:
    emission, extractor = detector.model.emission, FeatureExtractor()
    features, levels = extractor.room(2)
    features[:], levels[:] = 0.0, 0.0
    likelihoods = emission.log_likelihood(features, emission.new_state())
    RunEvidence(detector.options.feature, extractor.names).push(features, levels, likelihoods)
    Decoder(detector.options.decoder).hear(likelihoods)
    compile_pulses(detector.options.frame, detector.options.feature)


def listen(
    source: AudioSource,
    monitor: Monitor,
    feeds: Sequence[Feed] = (),
    *,
    journal: JournalWriter | None = None,
    recording: Recording | None = None,
    controls: Controls | None = None,
    details: Mapping[str, Detail] | None = None,
) -> Summary:
    """Run a live session to its end and return its summary.

    Ctrl-C, SIGTERM and the end of the source all end it in the same way. A journal that cannot be written any more does
    not end the session; it is told of at the end.

    Parameters
    ----------
    source
        What is listened to; not closed.
    monitor
        Fresh; decides what each block means.
    feeds
        Displays; they are closed at the end.
    journal
        Where every record is written before any display has it.
    recording
        Where the sound goes, with a journal of its own; the user is told if it fails.
    controls
        What the user presses.
    details
        For the session's opening line.

    Raises
    ------
    BackflushError
        At the end of the session, if the source or the journal failed.
    """
    stoppable = StoppableSource(source)
    failed: OSError | None = None
    summary = Summary(0, 0.0, 0.0)
    shown = -1 << 62

    def tell(record: Record) -> None:
        nonlocal failed, summary
        if journal and failed is None:
            try:
                journal.write(record)
            except OSError as error:
                failed = error
        if recording:
            recording.write(record)
        if isinstance(record, Summary):
            summary = record
        for feed in feeds:
            feed.show(record)

    def update(block: AudioBlock) -> None:
        nonlocal shown
        if recording:
            recording.push(block)
            if failure := recording.new_failure():
                tell(Cue("warning", failure, "alarm", monitor.detector.now_s, "recording"))
        for command in controls.take() if controls else ():
            if command == "quit":
                stoppable.stop()
            else:
                kind: ActionKind = "resume" if command == "pause" and monitor.coach.paused else command
                for record in monitor.act(Action(kind, block.stop / block.rate_hz)):
                    tell(record)
        for feed in feeds:
            feed.hear(block)
        if block.stop - shown >= _SHOWN_EVERY_S * block.rate_hz or not len(block.samples):
            shown = block.stop
            status = monitor.detector.status
            for feed in feeds:
                if isinstance(feed.failure, BrokenPipeError):
                    raise feed.failure  # nobody reads any more
                feed.update(status)

    with stoppable.stopped_by_signals():
        try:
            for record in replay(stoppable, monitor, details=details, on_block=update):
                tell(record)
        finally:
            for feed in feeds:
                feed.close()
    if failed:
        raise BackflushError(f"the journal is incomplete: {failed.strerror or failed}; make room and listen again")
    return summary
