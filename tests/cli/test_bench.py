import json

import pytest
from click.testing import CliRunner

from acoustic.cli import main
from acoustic.errors import DeviceError
from acoustic.tools import bench


@pytest.fixture
def run(monkeypatch):
    # The start of whole processes is what a benchmark measures, not a test.
    monkeypatch.setattr(bench, "ready_s", lambda *arguments: 0.25)
    monkeypatch.setattr(bench, "real_time_factor", lambda recording: 500.0)

    def invoke(*arguments):
        result = CliRunner().invoke(main, ["bench", "--seconds", "0.5", *arguments])
        return result.exit_code, result.stdout, result.stderr

    return invoke


def test_people_are_told(run):
    code, out, _ = run()
    assert code == 0
    assert "10 ms of sound" in out
    assert "500 times faster than life" in out


def test_programs_are_told(run):
    code, out, _ = run("--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["hop"]["hops"] == 50
    assert figures["times_real_time"] == 500.0


def test_a_loopback_that_fails_is_one_line(run, monkeypatch):
    def fail(*devices):
        raise DeviceError("loopback: the chirp was not heard")

    monkeypatch.setattr(bench, "loopback_s", fail)
    code, _, err = run("--loopback")
    assert code == 1
    assert err.strip() == "Error: loopback: the chirp was not heard"
