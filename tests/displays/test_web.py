import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from acoustic.displays.controls import Controls
from acoustic.displays.journal import Opening, Summary
from acoustic.displays.web import WebDisplay, code_lines, viewer_key
from acoustic.errors import OptionError
from acoustic.types import AudioBlock, Cue, Event, Phase, Progress, Status

Serve = Callable[..., WebDisplay]


@pytest.fixture
def serve() -> Iterator[Serve]:
    displays: list[WebDisplay] = []

    def start(
        controls: Controls | None = None, *, host: str = "127.0.0.1", pace: float = 1.0, key: bytes | None = None
    ) -> WebDisplay:
        display = WebDisplay(controls or Controls(), ["Cleaner", "Water"], host=host, port=0, pace=pace, key=key)
        display.open()
        displays.append(display)
        return display

    yield start
    for display in displays:
        display.close()


def place(display: WebDisplay) -> str:
    """Host and port at which this computer reaches it."""
    return f"127.0.0.1:{display._port}"


def get(display: WebDisplay, path: str = "/", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://{place(display)}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def socket_of(display: WebDisplay, origin: str | None = None, **headers: str) -> ClientConnection:
    return connect(
        f"ws://{place(display)}/socket",
        origin=Origin(origin or f"http://{place(display)}"),
        additional_headers=headers,
        proxy=None,
    )


def cookie_of(display: WebDisplay) -> str:
    """Spend the token of the display's address, as a browser does."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"http://{place(display)}/?token={display._token}", timeout=10) as answer:
        assert answer.url == f"http://{place(display)}/"  # the token is gone from the address
    (cookie,) = jar
    assert cookie.has_nonstandard_attr("HttpOnly")
    return f"{cookie.name}={cookie.value}"


def next_state(viewer: ClientConnection, **wanted: object) -> dict[str, object]:
    """Return the first state that is as wanted."""
    while True:
        state: dict[str, object] = json.loads(viewer.recv(timeout=10))
        if all(state[name] == value for name, value in wanted.items()):
            return state


def test_the_page_and_what_belongs_to_it_and_nothing_else(serve: Serve) -> None:
    display = serve()
    assert display.url == f"http://{place(display)}/"
    for path, text in (("/", "<!doctype html>"), ("/page.css", "--back"), ("/page.js", '"use strict"')):
        status, body = get(display, path)
        assert (status, text in body) == (200, True)
    assert [key["command"] for key in json.loads(get(display, "/keys")[1])][-1] == "sound"
    for path in ("/index.html", "/../web.py", "/%2e%2e/web.py", "/page/", "/page.js/", "/static/page.js"):
        assert get(display, path)[0] == 404


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js"])
def test_the_page_refers_to_nothing_elsewhere(serve: Serve, path: str) -> None:
    assert not re.search(r"https?://|=\s*[\"']//|@import|url\(", get(serve(), path)[1])


def test_a_session_as_a_viewer_sees_it(serve: Serve) -> None:
    display = serve(pace=4.0)
    with socket_of(display) as viewer:
        assert next_state(viewer)["word"] == "STARTING"
        display.show(Opening("mic", 48_000, "default"))
        display.show(Progress(0.0, 1, 2, "Cleaner", 0, 5, 0.0))
        display.update(Status(0.5, Phase.BACKGROUND, 0.0, -50.0, -60.0), [])
        display.show(Event("pump_on", 5.0, 5.2, 0.9))
        state = next_state(viewer, word="FILLING")
        assert (
            state | {"source": "mic", "steps": ["Cleaner", "Water"], "step": 1, "count": 0, "target": 5, "pace": 4.0}
            == state
        )
        display.show(Event("pressure", 12.0, 12.3, 0.9))
        display.show(Cue("stop_pump", "Turn it off.", "act", 12.3))
        assert next_state(viewer, word="STOP PUMP")["telling"] == "Turn it off."
        display.show(Cue("faint", "Cannot hear the pump well.", "act", 12.4))
        assert next_state(viewer, hearing="pump too faint")
        display.show(Event("cycle", 15.0, 15.2, 0.9, {"cycle": 1, "fill_s": 7.0}))
        assert next_state(viewer, runs=["0:15.0  cycle 1 counted: fill 7.0 s"])
        display.show(Summary(1, 20.0, 0.0))
        assert next_state(viewer, ended=True)


def test_a_second_viewer_and_one_that_comes_back_see_the_whole_state(serve: Serve) -> None:
    display = serve()
    display.show(Progress(0.0, 2, 2, "Water", 3, 4, 0.0))
    with socket_of(display) as first, socket_of(display) as second:
        assert next_state(first)["count"] == next_state(second)["count"] == 3
    with socket_of(display) as again:
        assert next_state(again)["count"] == 3


def test_sound_comes_as_columns_of_shades(serve: Serve) -> None:
    display = serve()
    with socket_of(display) as viewer:
        next_state(viewer)
        noise = np.random.default_rng(1).standard_normal(24_000).astype(np.float32) * 0.1
        display.update(Status(0.5, Phase.FILL, 0.0, -20.0, -60.0), [AudioBlock(0, noise, 48_000)])
        columns = next_state(viewer)["sound"]
        assert isinstance(columns, list)
        assert [len(column) for column in columns] == [24] * 5
        assert {0, 15} >= {min(map(min, columns)) // 16, max(map(max, columns)) // 16}
        assert all(0 <= shade <= 15 for column in columns for shade in column)


def test_buttons_press_the_controls_and_nothing_else_does(serve: Serve) -> None:
    controls = Controls()
    display = serve(controls)
    with socket_of(display) as viewer:
        next_state(viewer)
        for pressed in ("count", "format c:", "", "code", b"next", "undo", "sound", "quit"):
            viewer.send(pressed)
        while not controls.muted:
            time.sleep(0.01)
        display.show(Event("pump_on", 1.0, 1.2, 0.9))
        next_state(viewer, muted=True)
        commands: list[str] = []
        while "quit" not in commands:
            commands += controls.take()
        assert commands == ["count", "undo", "quit"]


def test_a_slow_viewer_loses_messages_and_holds_nothing_up(serve: Serve) -> None:
    display = serve()
    with socket_of(display) as viewer:
        next_state(viewer)
        for i in range(5_000):
            display.show(Event("pump_on", float(i), float(i), 0.9))
        display.show(Summary(0, 1.0, 0.0))
        assert next_state(viewer, ended=True)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_no_socket_for_pages_of_others(serve: Serve, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        socket_of(serve(), origin=origin)


def test_no_page_under_another_name(serve: Serve) -> None:
    display = serve()
    assert get(display, Host=f"evil.example:{display._port}")[0] == 403
    assert get(display, Host=f"localhost:{display._port}")[0] == 200


def test_on_the_network_nothing_without_the_token(serve: Serve) -> None:
    display = serve(host="0.0.0.0")
    assert f"token={display._token}" in display.url
    assert "0.0.0.0" not in display.url
    for path in ("/", "/page.css", "/page.js", "/keys", "/?token=", "/?token=wrong"):
        status, body = get(display, path)
        assert status == 403
        assert "<" not in body
    with pytest.raises(InvalidStatus, match="403"):
        socket_of(display)
    for cookie in ("backflush=", "backflush=1.2", "backflush=99999999999.0", "backflush=x.y"):
        assert get(display, Cookie=cookie)[0] == 403


def test_the_token_is_spent_on_a_cookie_that_outlives_a_restart(serve: Serve) -> None:
    key = bytes(32)
    display = serve(host="0.0.0.0", key=key)
    cookie = cookie_of(display)
    assert get(display, Cookie=cookie)[0] == 200
    with socket_of(display, Cookie=cookie) as viewer:
        assert next_state(viewer)["word"] == "STARTING"
    restarted = serve(host="0.0.0.0", key=key)
    assert restarted._token != display._token
    assert get(restarted, Cookie=cookie)[0] == 200
    assert get(serve(host="0.0.0.0"), Cookie=cookie)[0] == 403


def test_an_old_cookie_is_no_use(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    display = serve(host="0.0.0.0")
    cookie = cookie_of(display)
    monkeypatch.setattr("acoustic.displays.web.time.time", lambda: 2e9)
    assert get(display, Cookie=cookie)[0] == 403


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OptionError, match=r"port \d+: .*; choose another with --web-host or --web-port"):
            WebDisplay(Controls(), port=taken.getsockname()[1])


def test_a_host_that_is_none_is_said() -> None:
    with pytest.raises(OptionError, match=r"cannot be served on 192\.0\.2\.1"):
        WebDisplay(Controls(), host="192.0.2.1")


def test_closing_twice_and_before_it_was_opened(serve: Serve) -> None:
    display = serve()
    display.close()
    display.close()
    WebDisplay(Controls(), port=0).close()


def test_the_key_is_kept_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = viewer_key(tmp_path / "state")
    assert viewer_key(tmp_path / "state") == key
    assert (tmp_path / "state" / "web-key").stat().st_mode & 0o777 == 0o600
    assert len(viewer_key(Path("/dev/null/nowhere"))) == 32


def test_the_code_is_a_square_with_a_border() -> None:
    lines = code_lines("http://192.0.2.1:8350/?token=abcdefghijklmnop")
    assert len({len(line) for line in lines}) == 1
    assert abs(len(lines) * 2 - len(lines[0])) <= 1
    assert lines[0].strip() == ""
