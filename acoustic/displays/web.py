"""The display as a page, for a phone or tablet propped up beside the machine.

One page, a WebSocket that carries the whole state (so that nothing is wrong after a message was dropped or a
connection came back), and nothing from anywhere else. On the loopback interface the page is for this computer; on any
other, whoever opens it must have the token that the printed address carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..errors import OptionError
from ..types import AudioBlock, Status
from .controls import KEYS, Controls
from .journal import Record
from .view import View
from .wording import clock, describe

__all__ = ["WebDisplay", "code_lines", "viewer_key"]

_PAGE = Path(__file__).parent / "page"
_FILES = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FRAME_S = 0.1
_COOKIE = "backflush"
_VIEWER_S = 12 * 3600
# Messages that may wait for a slow viewer.
_WAITING = 8
_LEVELS = 16
_RUNS = 6
# The address is no use to whoever has it open.
_COMMANDS = frozenset(key.command for key in KEYS if key.command != "code")


class WebDisplay:
    """Serves the page, from a thread of its own.

    Parameters
    ----------
    controls
        What the page's buttons press.
    steps
        Names of the procedure's steps.
    host, port
        Where to listen; port 0 takes any that is free.
    pace
        How fast the session's time runs, for the clocks on the page.
    key
        Signs the cookies of viewers, so that they stay viewers when the program is started again.

    Raises
    ------
    OptionError
        If the address cannot be listened on.
    """

    def __init__(
        self,
        controls: Controls,
        steps: Sequence[str] = (),
        *,
        host: str = "127.0.0.1",
        port: int = 8350,
        pace: float = 1.0,
        key: bytes | None = None,
    ) -> None:
        self._controls = controls
        self._steps = list(steps)
        self._pace = pace
        self._socket = _listen(host, port)
        self._port: int = self._socket.getsockname()[1]
        self._host = host
        self._local = _is_loopback(host)
        self._token = "" if self._local else secrets.token_urlsafe(12)
        self._key = key or secrets.token_bytes(32)
        self._view = View(controls)
        self._sent_columns = 0
        self._sent_s = -1.0
        self._viewers: set[asyncio.Queue[str]] = set()
        self._latest = self._message(0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application(),
                log_config=None,
                lifespan="off",
                ws="websockets-sansio",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    @property
    def url(self) -> str:
        """Address to open, with the token if one is needed."""
        host = _reachable(self._host)
        query = f"/?token={self._token}" if self._token else "/"
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}{query}"

    @property
    def viewers(self) -> int:
        """How many pages are connected."""
        return len(self._viewers)

    def open(self) -> None:
        """Start serving."""
        self._socket.listen()  # whoever comes before the server is up waits a moment instead of being turned away
        self._thread.start()

    def show(self, record: Record) -> None:
        """Send what a record changes at once."""
        self._view.show(record)
        self._send()

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        """Send the status, ten times a second at most."""
        self._view.update(status, blocks)
        if time.monotonic() - self._sent_s >= _FRAME_S:
            self._send()

    def close(self) -> None:
        """Stop serving; pages connect again by themselves when it is back."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(3.0)
        self._socket.close()

    # From the display's thread to the server's.

    def _send(self) -> None:
        self._sent_s = time.monotonic()
        sound = self._view.sound
        text = self._message(sound.count - self._sent_columns)
        self._sent_columns = sound.count
        self._latest = text
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._broadcast, text)

    def _broadcast(self, text: str) -> None:
        for waiting in self._viewers:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(text)

    def _message(self, columns: int) -> str:
        """Return the whole state, with the newest columns of sound, as JSON."""
        view, look = self._view, self._view.look
        progress = view.progress
        shades = (view.sound.newest(columns) * (_LEVELS - 0.01)).astype(int).tolist()
        return json.dumps(
            {
                "word": look.word,
                "telling": view.telling,
                "background": look.background,
                "foreground": look.foreground,
                "source": view.opening.source if view.opening else "",
                "place": describe(progress) if progress else "",
                "hearing": view.hearing,
                "muted": self._controls.muted,
                "paused": bool(progress and progress.paused),
                "looking": view.looking,
                "count": progress.count if progress else 0,
                "target": progress.target if progress else None,
                "step": progress.step if progress else 1,
                "steps": self._steps,
                "time_s": round(view.time_s, 2),
                "phase_s": round(view.phase_s, 2),
                "usual_s": view.usual_s,
                "pace": self._pace,
                "ended": view.summary is not None,
                "runs": [f"{clock(run.time_s)}  {describe(run)}" for run in view.runs[: -_RUNS - 1 : -1]],
                "sound": shades,
            }
        )

    # The server.

    def _serve(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._socket])

        asyncio.run(serve())

    def _application(self) -> Starlette:
        routes: list[Route | WebSocketRoute] = [Route(path, self._file) for path in _FILES]
        routes += [Route("/keys", self._keys), WebSocketRoute("/socket", self._socket_route)]
        application = Starlette(routes=routes)
        application.router.redirect_slashes = False
        return application

    async def _file(self, request: Request) -> Response:
        path = request.url.path
        if path == "/" and self._token and hmac.compare_digest(request.query_params.get("token", ""), self._token):
            # The token is spent on a cookie, so that it stays in no address bar and in no history.
            answer: Response = RedirectResponse("/", 303, _HEADERS)
            answer.set_cookie(_COOKIE, self._cookie(), max_age=_VIEWER_S, httponly=True, samesite="strict")
            return answer
        if not self._admitted(request):
            return _refusal()
        return FileResponse(_PAGE / _FILES[path], headers=_HEADERS)

    async def _keys(self, request: Request) -> Response:
        if not self._admitted(request):
            return _refusal()
        return JSONResponse([key._asdict() for key in KEYS if key.command in _COMMANDS], headers=_HEADERS)

    async def _socket_route(self, viewer: WebSocket) -> None:
        if not self._admitted(viewer) or not _same_origin(viewer):
            await viewer.close(1008)  # before it is accepted: the answer is 403
            return
        await viewer.accept()
        waiting: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        waiting.put_nowait(self._latest)
        self._viewers.add(waiting)
        self._controls.code = False
        sender = asyncio.create_task(_tell(viewer, waiting))
        try:
            while (message := await viewer.receive())["type"] != "websocket.disconnect":
                if (pressed := message.get("text")) in _COMMANDS:
                    self._controls.press(pressed)
        finally:
            self._viewers.discard(waiting)
            sender.cancel()

    def _admitted(self, connection: HTTPConnection) -> bool:
        """Whether whoever asks may see the page: on this computer, by its name; elsewhere, with the cookie."""
        if self._local:
            # Another name means that some other site's page was made to point here (DNS rebinding).
            return (connection.url.hostname or "") in ("127.0.0.1", "localhost", "::1", self._host)
        until, _, signature = connection.cookies.get(_COOKIE, "").partition(".")
        good = hmac.compare_digest(signature.encode(), self._sign(until).encode())
        return good and until.isdecimal() and int(until) >= time.time()

    def _cookie(self) -> str:
        until = str(int(time.time()) + _VIEWER_S)
        return f"{until}.{self._sign(until)}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


async def _tell(viewer: WebSocket, waiting: asyncio.Queue[str]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the viewer has left: its receiver ends as well
        while True:
            await viewer.send_text(await waiting.get())


def _refusal() -> Response:
    text = "403: open the address that the program has printed, with its token, or scan its code.\n"
    return PlainTextResponse(text, 403, _HEADERS)


def _same_origin(viewer: WebSocket) -> bool:
    # Any page of the web may open a socket to here; only the own one names this host as its origin.
    host = viewer.headers.get("host", "")
    return bool(host) and viewer.headers.get("origin") in (f"http://{host}", f"https://{host}")


def _listen(host: str, port: int) -> socket.socket:
    with contextlib.ExitStack() as stack:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            bound = stack.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError as error:
            reason = f"{error.strerror}; choose another with --web-host or --web-port"
            raise OptionError(f"the web page cannot be served on {host}, port {port}: {reason}") from error
        stack.pop_all()
        return bound


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(host: str) -> str:
    """Return an address at which others reach a host that listens on all of its addresses."""
    if host not in ("0.0.0.0", "::"):
        return host
    family, elsewhere = (socket.AF_INET6, "2001:db8::1") if host == "::" else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        # Nothing is sent: this only asks which of the addresses would be used (RFC 5737, RFC 3849).
        probe.connect((elsewhere, 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def viewer_key(folder: Path) -> bytes:
    """Return the key that signs viewers' cookies, kept in `folder`, so that a restart does not lock them out."""
    path = folder / "web-key"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        if len(key := path.read_bytes()) == 32:
            return key
    return secrets.token_bytes(32)


def code_lines(url: str) -> list[str]:
    """Return the address as a QR code in half blocks, dark on light: two rows of modules a line."""
    import segno

    rows = [list(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    blocks = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    return [
        "".join(blocks[upper & 1, lower & 1] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]
