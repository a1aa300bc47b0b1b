"""`backflush check` on the virtual microphone: its loudspeaker is heard there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from benchmarks.soak import RATE_HZ, quiet_room
from tests.rig import PulseRig

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]


def check(rig: PulseRig, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **rig.env, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(config)}
    command = [sys.executable, "-m", "acoustic", "check", *arguments]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)


def test_a_plain_microphone_passes_and_a_dead_one_fails(rig: PulseRig, tmp_path: Path) -> None:
    rig.restore()
    room = tmp_path / "room.wav"
    soundfile.write(room, quiet_room(100.0), RATE_HZ)
    with rig.room(room, "a"):
        plain = check(rig, tmp_path, "--device", "Rig_Mic_A")
    assert plain.stderr == ""
    assert plain.stdout.splitlines()[-1] == "Fit to listen."
    assert "The system leaves the sound as it is." in plain.stdout
    assert plain.returncode == 0
    # The test sound is played on the other loudspeaker.
    dead = check(rig, tmp_path, "--device", "Rig_Mic_B")
    assert "BAD  The microphone gives digital silence." in dead.stdout
    assert dead.returncode == 4
