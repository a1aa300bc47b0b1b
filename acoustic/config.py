"""Every default of every stage, once.

One frozen dataclass a stage; sizes that follow from others are methods, not second settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "MAX_RATE_HZ",
    "MIN_RATE_HZ",
    "RATE_HZ",
    "AdaptationOptions",
    "CaptureOptions",
    "CheckOptions",
    "CoachOptions",
    "CycleOptions",
    "DecoderOptions",
    "DetectorOptions",
    "FeatureOptions",
    "FrameOptions",
]

RATE_HZ = 16_000
"""Rate at which everything after the resampler works."""
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
"""Rates that sources may have."""


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """Framing at 16 kHz."""

    hop: int = 160
    window: int = 512
    # Tones are read at 2 kHz with the same window length, which is 256 ms there: 3.9 Hz a bin.
    tone_decimation: int = 8
    # The envelope of 1-6 kHz, averaged over 32 samples: 500 Hz, 512 ms, 1.95 Hz a bin.
    envelope_decimation: int = 32
    envelope_window: int = 256

    @property
    def memory_hops(self) -> int:
        """Hops until a frame holds little audio from before: the window of the tones, half that of the envelope."""
        return -(-self.tone_decimation * self.window // self.hop)

    @property
    def hop_s(self) -> float:
        """Seconds from frame to frame."""
        return self.hop / RATE_HZ


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """Band edges and the time constants of what each band is compared with."""

    band_edges_hz: tuple[float, ...] = (
        60.0,
        100.0,
        140.0,
        200.0,
        300.0,
        430.0,
        600.0,
        850.0,
        1200.0,
        1700.0,
        2400.0,
        3400.0,
        4800.0,
        6200.0,
        7800.0,
    )
    # Power added to each band: -110 dBFS, below any microphone's own noise, above the residue of resampling from 8 kHz.
    floor_power: float = 1e-11
    fast_s: float = 0.05
    middle_s: float = 0.25
    slow_s: float = 1.0
    long_s: float = 4.0
    # The background may sink at once but all but freezes under a running pump: a creeping one loses its reference after
    # some 14 s of run.
    background_fall_s: float = 0.3
    background_rise_db_per_s: float = 0.15
    background_near_db: float = 3.0
    background_near_s: float = 2.0
    # The run's own plateau follows a rise quickly and forgets it slowly.
    plateau_rise_s: float = 0.3
    plateau_fall_s: float = 20.0
    gate_on_db: float = 4.0
    gate_off_db: float = 2.0
    gate_off_s: float = 0.2


@dataclass(frozen=True, slots=True)
class DurationOptions:
    """How long a state lasts: log-normal round its median, never shorter than its minimum."""

    min_s: float
    median_s: float
    sigma: float


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """The grammar's durations and when a belief becomes an event."""

    # Neighbouring frames share most of their audio: their evidence is worth this part of independent frames'.
    evidence: float = 0.08
    # Log-odds by which releases are likelier after a stop, the only place for one, than among all frames in training:
    # the network knows that a stop has just been, and its knowing it is no evidence.
    release_odds: float = 1.0
    idle: DurationOptions = DurationOptions(0.3, 12.0, 1.2)
    fill: DurationOptions = DurationOptions(0.8, 7.0, 0.7)
    hold: DurationOptions = DurationOptions(0.3, 4.0, 1.1)
    masked: DurationOptions = DurationOptions(2.3, 5.0, 0.6)
    stopped: DurationOptions = DurationOptions(0.0, 0.25, 1.0)
    release: DurationOptions = DurationOptions(0.15, 1.0, 0.7)
    lull: DurationOptions = DurationOptions(0.1, 0.8, 0.8)
    # How often a fill ends in a hold that nobody can hear. Where a stop has gone without a release, this is weighed
    # against it: no more, or the stop would never be sure enough to be told.
    masked_share: float = 0.004
    # How often a hold goes on behind a moment in which nobody can hear it.
    lull_share: float = 0.02
    on_posterior: float = 0.97
    # Where pumps are judged, what is believed to be one is told once it is so likely; until then it is asked again so
    # often. Where that has risen by so much, in log-odds, within the last so many times, and the bands have by so much
    # on average, it has only now set in.
    pump_judged: float = 0.88
    pump_again_frames: int = 10
    pump_rise_asks: int = 3
    pump_rise_odds: float = 3.0
    pump_rise_db: float = 1.0
    # What was let go of as no pump, and is believed to set in within so long though nothing grows louder, went on.
    let_go_s: float = 10.0
    # A pump set in where it grew louder most between these shares of the belief, earliest first.
    set_in_shares: tuple[float, float] = (0.05, 0.95)
    pressure_posterior: float = 0.985
    # Where pressure is judged, it is asked about so often while the pump runs, and told once it is so likely by the
    # mean of the last answers' log-odds.
    pressure_judged: float = 0.62
    pressure_again_frames: int = 5
    pressure_asks: int = 6
    # Then it has come at most and at least so long ago, whatever the belief has it: that is how soon the judge is sure.
    pressure_back_s: tuple[float, float] = (0.7, 0.3)
    # What is a hold from so soon on is the rest of the run before, not one that filled so fast.
    at_once_s: float = 0.1
    # Of what is told before the quieting is complete, so much is more than a second off; of what is told only when the
    # run is over, so much is not.
    pressure_doubt: float = 0.5
    late_share: float = 0.4
    off_posterior: float = 0.9
    release_posterior: float = 0.85
    # Where releases are judged, those are that are believed so far, and told that are so likely.
    release_possible: float = 0.05
    release_judged: float = 0.8
    # After this long without a release the stop is taken to have had none: a lever machine may vent two seconds late.
    release_wait_s: float = 2.6
    # A hold that nobody can hear has its release at the latest after so long. It is only waited for where the pump
    # stands less far over the room than this: out of a quieter room no hold disappears.
    masked_wait_s: float = 15.0
    masked_below_db: float = 12.0
    # Where a run's end has been told, a release that takes it back must be so likely: so long after a stop there is
    # much else that hisses.
    release_surely: float = 0.95
    # Durations are told apart up to here; beyond, a state's chance of ending stays as it is.
    longest_s: float = 60.0
    # When a stream begins nothing is known of its room: what hums may be a pump that nobody heard start. Until the
    # first pump is told, the log-odds of one are doubted by so much at first, then by those of the room so far and
    # `room_margin`; once that is nothing, the room is known, and so it is once something is heard to set in, `onset_db`
    # over the quietest so far. Their mean is taken over as many frames as there were, and `room_prior_frames`, at most
    # over `room_frames`; the very first frames are without the past that features need, and filters settle.
    unknown_room_odds: float = 2.6
    room_margin: float = 1.0
    onset_db: float = 20.0
    room_settling_frames: int = 20
    room_wait_frames: int = 60
    room_prior_frames: int = 30
    room_frames: int = 300
    # Hypotheses below this share of the belief are dropped, which is what bounds the cost.
    prune: float = 1e-6
    capacity: int = 2048


@dataclass(frozen=True, slots=True)
class AdaptationOptions:
    """When a cycle teaches what the machine at hand sounds like, and what that is worth."""

    min_complete: float = 0.9
    # Of how many cycles the mean is taken.
    cycles: int = 5
    # Shortest stretch of fill and of hold that shows a level, frames.
    min_frames: int = 40
    least_spread_db: float = 1.0
    # Fill and hold must stand so many spreads apart, over all bands; where they are less than `full_clear` apart, what
    # is known says less, by the square of it, as the noise that it is heard in would have it.
    min_clear: float = 3.0
    full_clear: float = 6.0
    smoothing: float = 0.15
    # From the pump's start; then its levels have settled, and tell whether this is the machine that is known.
    wait_frames: int = 35
    same_db: float = 4.0
    turning_share: float = 0.9
    steepness: float = 20.0
    most_odds: float = 3.0
    # How long this machine takes to come to pressure: a grid of durations, and how far runs of one session scatter
    # round their typical one, in logarithms.
    shortest_fill_s: float = 0.6
    longest_fill_s: float = 40.0
    fill_places: int = 120
    fill_scatter: float = 0.12
    # The first run has the air to drive out, and takes longer, nobody knows by how much; so does one after a pause.
    first_fill_times: float = 1.4
    first_fill_scatter: float = 0.45
    first_pause_s: float = 60.0
    # How far a cycle that was counted is believed to be one, how much less with every cycle since, since habits and
    # water change; and how far the next run is expected to be like them.
    fill_belief: float = 0.9
    fill_memory: float = 0.75
    fill_trust: float = 0.93
    # What the coach is told of the next fill: it takes no longer in so many cases.
    fill_share: float = 0.95
    # What is expected holds from so long after it was learned, whatever the steps in which sound is judged.
    expect_after_s: float = 0.5


@dataclass(frozen=True, slots=True)
class CycleOptions:
    """What a pump run must show to count as a cycle: how likely it was complete, all told, and how long it was."""

    # Below a half: behind a cycle another is to be expected, and the judge misses more of them than it counts wrongly.
    min_complete: float = 0.42
    # Of runs that did not count and whose pressure was not heard, 163 of 213 cycles were as likely as this, and 6 of 69
    # early stops. Of the less likely, 50 cycles and 63 early stops, no word is right of all: they are told what is
    # right of more.
    least_possible: float = 0.1
    # A session's first cycle must be surer, since nothing yet tells a cleaning from a morning's shots; where it was
    # less, and others follow, it is counted late.
    min_complete_first: float = 0.9
    # Two runs as likely as this make each other sure enough, the second at most so many runs behind the first.
    min_complete_two: float = 0.8
    two_within: int = 2
    # A run that begins within so long after the one before was over, and is at pressure at once, is that one; if that
    # was counted, it is hardly ever a cycle of its own: 3 of 16 were.
    same_run_s: float = 0.1
    most_complete_same: float = 0.2
    # So is one that begins within so long of the stop of the one before: in between, a hand must reach the switch, and
    # the valve open and close. Simulated users take 0.87 s at least; a motor that is leant on is quicker.
    shortest_pause_s: float = 0.75
    # If it was told within so long, since of others, in noise, the start is taken for earlier than it was; and if the
    # one before, with this one behind it, is no likelier than this, or so many have set in too soon before.
    soon_told_s: float = 12.0
    most_complete_part: float = 0.85
    most_soon: int = 1
    # They are judged as one run if that makes them likelier, in log-odds, than either by so much.
    least_likelier_whole: float = 0.3
    # Hardly any pump fills a group and brings it to pressure in less than `short_run_s`, none in less than `min_run_s`;
    # blenders and grinders often run for a second.
    min_run_s: float = 1.2
    short_run_s: float = 1.5
    min_complete_short: float = 0.9
    # What hardly stands over the room could be anything in it: such a run must be surer.
    faint_db: float = 2.0
    min_complete_faint: float = 0.75
    # Without a whoosh a run counts only behind a cycle, or beside another one as likely (`min_complete_two`), and if
    # all else makes it this sure: then the room has drowned it.
    min_complete_unheard: float = 0.6
    # Once a run was said not to count, what follows it must make it this sure to take that back; of one without a
    # whoosh too, if another had one.
    min_complete_late: float = 0.5

    def counts(self, complete: float, run_s: float, over_db: float, earlier: int) -> bool:
        """Whether a run with a release is a cycle.

        It depends on how likely it is complete, how long it was, how far over the room it stood and how many cycles
        came `earlier`.
        """
        least = self.min_complete if earlier else self.min_complete_first
        if over_db < self.faint_db:
            least = max(least, self.min_complete_faint)
        if run_s < self.short_run_s:
            least = max(least, self.min_complete_short)
        return complete >= least and run_s >= self.min_run_s

    def counts_unheard(self, complete: float, run_s: float, over_db: float, earlier: int) -> bool:
        """Whether a run counts whose release nobody heard, behind so many `earlier` cycles."""
        return earlier > 0 and complete >= self.min_complete_unheard and self.counts(complete, run_s, over_db, earlier)

    def counts_late(self, complete: float, run_s: float, over_db: float, counted: int, *, released: bool) -> bool:
        """Whether a run counts after all, where so many others were `counted` by now."""
        sure = complete >= self.min_complete_late and (released or counted > 0)
        return sure and self.counts(complete, run_s, over_db, counted)


@dataclass(frozen=True, slots=True)
class CoachOptions:
    """When the user is told what."""

    cycles: int = 5
    warn_hold_s: float = 20.0
    alarm_hold_s: float = 30.0
    # Pressure takes from 2 to 25 s, hardly ever more than 20, and less once the first cycle has driven the air out.
    # Where it was not heard by then, it is taken to have come unheard.
    unheard_s: float = 20.0
    unheard_again_s: float = 15.0
    # Who has not turned the pump off was told while something else was louder: it is said again so long after, so
    # often; later where it was only the time that said so. Who has turned it off unheard must not be nagged for ever.
    remind_s: float = 6.5
    remind_unheard_s: float = 10.0
    reminders: int = 2
    # The bursts of a flush follow each other within seconds: after so long without one the user is asked for the next.
    remind_flush_s: float = 20.0
    min_pause_s: float = 3.0
    # A fill that stands less far over the background is hard to tell from it: the user is told.
    min_over_db: float = 6.0


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """How a microphone is opened, and when what it delivers is taken to be wrong."""

    # None: the device's own.
    rate_hz: int | None = None
    channels: int | None = None
    # Half of this is added to every delay, and every block costs the same, however short.
    block_s: float = 0.04
    # The device has this long to open and give its first sound; a Bluetooth headset takes two seconds.
    open_s: float = 10.0
    reopen_every_s: float = 0.5
    # A device that stays open and gives nothing is opened afresh after this long, and its backlog given up.
    stalled_reopen_s: float = 5.0
    stalled_s: float = 0.5
    silent_s: float = 1.0
    late_s: float = 0.5
    # While nothing comes, an empty block comes this often.
    heartbeat_s: float = 0.1
    # Audio that waits for a program that does not take it; more is dropped, and counts as lost.
    max_backlog_s: float = 60.0
    # A longer pause between two deliveries may have lost audio; the delivery is watched for `settle_s` to see how much.
    pause_s: float = 0.15
    settle_s: float = 0.12
    max_hold_s: float = 1.0
    # Smaller losses cannot be told from a delivery that has become later: a sound server that begins to play something
    # may hand over in longer pieces, as long as a block, from then on. Losses below it add up until they are above.
    jitter_s: float = 0.06
    window_s: float = 1.0
    # What a second of the device may be longer than one of ours; more is loss. Sound cards keep within 0.0003, the
    # virtual ones of a sound server were seen at 0.0025.
    drift: float = 0.003


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The test of microphone and place: its parts, and what is taken to be wrong."""

    # The test sound: quiet, loud, softer, quiet again.
    quiet_s: float = 4.0
    loud_s: float = 8.0
    soft_s: float = 4.0
    tail_s: float = 4.0
    loud_dbfs: float = -16.0
    soft_db: float = -12.0
    # From the command to the sound in the microphone; a Bluetooth loudspeaker takes a third of a second.
    max_latency_s: float = 1.5
    # The test sound fills the lower part of each octave; in the rest of it the noise of the place is heard all the
    # time.
    octaves_hz: tuple[float, ...] = (250.0, 500.0, 1000.0, 2000.0, 4000.0)
    # A band is judged where the test sound stands so far out of the noise.
    min_snr_db: float = 5.0
    # A steady sound that sinks by this much is being suppressed, a step that is levelled by this much is being
    # levelled, and so is noise that is so much lower under the sound than before it.
    sunk_db: float = 2.0
    levelled_db: float = 2.0
    ducked_db: float = 5.0
    faint_dbfs: float = -65.0
    noise_fail_dbfs: float = -30.0
    noise_warn_dbfs: float = -45.0
    clipped_share: float = 1e-4
    hum_db: float = 20.0
    wall_db: float = 20.0

    @property
    def duration_s(self) -> float:
        """Length of the test sound."""
        return self.quiet_s + self.loud_s + self.soft_s + self.tail_s


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """All stages of the detector."""

    frame: FrameOptions = field(default_factory=FrameOptions)
    feature: FeatureOptions = field(default_factory=FeatureOptions)
    decoder: DecoderOptions = field(default_factory=DecoderOptions)
    cycle: CycleOptions = field(default_factory=CycleOptions)
    adaptation: AdaptationOptions = field(default_factory=AdaptationOptions)
    # A longer gap in the audio ends whatever was going on and starts afresh.
    max_bridge_s: float = 30.0
