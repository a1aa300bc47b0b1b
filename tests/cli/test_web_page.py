"""The page in a real browser, while a session runs on the virtual microphone."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, sync_playwright

from acoustic.assets import demo_recording
from tests.rig import PulseRig

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Two cycles of the demo recording.
SECONDS = 34.5
PORT = 8361
# Notes every change of word, colour and count, with the time at which the page has it.
WATCH = """
window.seen = [];
document.addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const now = {
      at: Date.now() / 1000,
      word: document.getElementById("word").textContent,
      count: document.getElementById("count").textContent,
      colour: getComputedStyle(document.body).backgroundColor,
    };
    const last = window.seen.at(-1);
    if (!last || ["word", "count", "colour"].some((name) => last[name] !== now[name])) window.seen.push(now);
  };
  new MutationObserver(look).observe(document.documentElement, {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
  look();
});
"""
COLOURS = {"FILLING": "rgb(0, 114, 178)", "STOP PUMP": "rgb(230, 159, 0)", "PUMP OFF": "rgb(86, 180, 233)"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("the page's test needs Chromium; on Debian: apt-get install chromium")
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield running
        running.close()


class Session:
    """`listen --web` on the virtual microphone, and when each line of its journal was written."""

    def __init__(self, rig: PulseRig, folder: Path, *arguments: str) -> None:
        self.lines: list[tuple[float, dict[str, object]]] = []
        self._journal = folder / f"{time.monotonic_ns()}.jsonl"
        self._ended = threading.Event()
        command = [sys.executable, "-m", "acoustic", "listen", "--mute", "--journal", str(self._journal)]
        environment = {**os.environ, **rig.env, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder)}
        self._process = subprocess.Popen(
            [*command, "--device", "mic_a", "--web", "--web-port", str(PORT), *arguments],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        deadline_s = time.monotonic() + 30.0
        while time.monotonic() < deadline_s and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1.0):
                return
            time.sleep(0.02)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._ended.set()
        self._reader.join()

    def _read(self) -> None:
        while not self._journal.exists() and not self._ended.is_set():
            time.sleep(0.005)
        with self._journal.open() as file:
            while not self._ended.is_set():
                if line := file.readline():
                    self.lines.append((time.time(), json.loads(line)))
                else:
                    time.sleep(0.002)


def wait_for_word(page: Page, word: str) -> None:
    page.locator("#word", has_text=word).wait_for(timeout=60_000)


def test_the_page_follows_a_session_and_survives_a_restart(rig: PulseRig, browser: Browser, tmp_path: Path) -> None:
    samples, rate_hz = soundfile.read(demo_recording(), frames=round(SECONDS * 48_000))
    # The room goes on: a microphone that gives digital silence would be told of.
    room = np.random.default_rng(1).standard_normal(60 * rate_hz) * 1e-4
    soundfile.write(tmp_path / "two.wav", np.concatenate([samples, room]), rate_hz)
    rig.restore()
    session = Session(rig, tmp_path, "--procedure", "home")
    first, second = browser.new_page(), browser.new_page()
    try:
        for page in (first, second):
            page.add_init_script(WATCH)
        first.goto(f"http://127.0.0.1:{PORT}/", wait_until="domcontentloaded", timeout=30_000)
        wait_for_word(first, "START")
        rig.play(tmp_path / "two.wav")
        wait_for_word(first, "FILLING")
        second.goto(f"http://127.0.0.1:{PORT}/")  # in the middle of a session
        wait_for_word(second, "STOP PUMP")
        first.locator("#count", has_text="2/5").wait_for(timeout=60_000)
        wait_for_word(first, "START")
        seen = {page: page.evaluate("window.seen") for page in (first, second)}
        lines = list(session.lines)
        first.get_by_role("button", name="undo").click()
        first.get_by_role("button", name="next").click()
        wait_for_word(second, "FOAM?")
        assert second.get_by_role("button", name="clean").is_visible()
        session.end()
        for page in (first, second):
            wait_for_word(page, "NO LINK")
        session = Session(rig, tmp_path)
        for page in (first, second):
            wait_for_word(page, "START")
    finally:
        session.end()
        first.close()
        second.close()
    for page, since in ((first, 0), (second, 1)):
        check_delays(lines, seen[page], since)


def check_delays(lines: list[tuple[float, dict[str, object]]], seen: list[dict[str, str]], since: int) -> None:
    """Check that each turn of the session was on the page within 250 ms of its line in the journal."""
    wanted = {"pump_on": "FILLING", "stop_pump": "STOP PUMP", "pump_off": "PUMP OFF"}
    turns = [(at, wanted[str(line["kind"])]) for at, line in lines if line.get("kind") in wanted]
    assert [word for _, word in turns] == ["FILLING", "STOP PUMP", "PUMP OFF"] * 2
    delays_s = []
    for at, word in turns[since:]:
        shown = [float(now["at"]) - at for now in seen if now["word"] == word and now["colour"] == COLOURS[word]]
        delays_s.append(min(delay_s for delay_s in shown if delay_s > -0.05))
    counts = [at for at, line in lines if line["type"] == "progress" and line["count"] == 1]
    delays_s.append(min(float(now["at"]) - counts[0] for now in seen if now["count"] == "1/5"))
    assert max(delays_s) < 0.25, delays_s
