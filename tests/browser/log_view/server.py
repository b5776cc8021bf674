"""A log of any length, served as docs/logs.md says, with faults on demand: the edge of the viewer's tests.

One ASGI application in a thread. The test holds the `FakeLog` and makes it grow,
cuts its sockets, stalls it; what the viewer then shows is compared with `text_of`.
"""

import asyncio
import contextlib
import mimetypes
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import path, set_urlconf

ROOT = Path(__file__).resolve().parents[3]
START_MS = 1_790_000_000_000
CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"
STEPS = [
    (1, "", "Check definition, folder and kit"),
    (2, "controlplane", "Bring up"),
    (3, "winw1", "Bring up"),
]
Line = tuple[int, int, str, str, str]
Message = dict[str, Any]  # Any: ASGI's own


class Addresses:
    """The addresses that the template names; the answers come from `Server.data`."""

    urlpatterns = [
        path(f"logs/<int:log_id>/{name}", lambda request: HttpResponse(), name=f"log-{name}")
        for name in ("lines", "search", "outline", "findings", "raw")
    ]


def text_of(number: int) -> str:
    if number % 1000 == 500:
        return f"line {number} \x1b[1;31mneedle\x1b[0m in the haystack"
    return f"line {number} " + "some words of output " * (number % 5)


@dataclass
class FakeLog:
    """A log whose lines are a function of their numbers; step 3 takes turns with step 2."""

    count: int
    complete: str = ""
    is_down: bool = False
    nudges_are_down: bool = False
    sends_doubles: bool = False
    drops_every: int = 0  # leave out each n-th frame, as no server should
    requests: list[str] = field(default_factory=list)
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)  # line: (stream, text)

    def line(self, number: int) -> Line:
        stream, text = self.texts.get(number, ("output", text_of(number)))
        step, machine = self.place(number)
        return (START_MS + number * 40, step, machine, stream, text)

    def place(self, number: int) -> tuple[int, str]:
        if number < 10:
            return 1, ""
        return (3, "winw1") if number >= 100 and number // 50 % 4 == 3 else (2, "controlplane")

    def frame(self, after: int, limit: int) -> dict[str, object]:
        first = after + 1
        numbers = range(first, min(self.count, first + limit))
        return {"first": first, "lines": [self.line(number) for number in numbers]}

    def outline(self, after: int) -> dict[str, object]:
        runs: list[list[object]] = []
        number = after + 1
        while number < self.count:
            # The place changes at multiples of ten only.
            end = min(self.count, number - number % 10 + 10)
            step, machine = self.place(number)
            if runs and runs[-1][1:] == [step, machine]:
                runs[-1][0] += end - number  # type: ignore[operator]
            else:
                runs.append([end - number, step, machine])
            number = end
        return {"first": after + 1, "runs": runs, "count": self.count}

    def search(self, query: dict[str, str]) -> tuple[int, dict[str, object]]:
        after = int(query.get("after", "-1"))
        pattern = query["q"] if "regex" in query else re.escape(query["q"])
        try:
            found = re.compile(pattern, 0 if "case" in query else re.IGNORECASE)
        except re.error as error:
            return 422, {"error": f"not a pattern: {error}"}
        end = min(self.count, after + 1 + 200_000)
        hits = [n for n in range(after + 1, end) if found.search(text_of(n)) and self.wants(query, n)][:500]
        searched_to = hits[-1] if len(hits) == 500 else end - 1
        return 200, {"hits": hits, "searched_to": searched_to, "count": self.count, "timed_out": False}

    def wants(self, query: dict[str, str], number: int) -> bool:
        return "machine" not in query or query["machine"] == self.place(number)[1]


class Server:
    """Serves static/ and one FakeLog; `grow`, `cut` and `finish` may be called from the test's thread."""

    def __init__(self, log: FakeLog) -> None:
        self.log = log
        config = uvicorn.Config(
            self, host="127.0.0.1", port=0, log_level="critical", ws_per_message_deflate=False
        )
        self.uvicorn = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.uvicorn.run, daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.changed: set[asyncio.Event] = set()
        self.generation = 0
        self.nudged: Any = None  # Any: ASGI's own

    # -- the test's side ---------------------------------------------------------------------------
    def start(self) -> str:
        self.thread.start()
        while not self.uvicorn.started:
            self.thread.join(0.01)
        return f"http://127.0.0.1:{self.uvicorn.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self.uvicorn.should_exit = True
        self.uvicorn.force_exit = True
        self.thread.join(10)

    def grow(self, by: int) -> None:
        self.log.count += by
        self.wake()

    def finish(self, status: str = "succeeded") -> None:
        self.log.complete = status
        self.wake()

    def cut(self) -> None:
        """End every socket without a good-bye."""
        self.generation += 1
        self.wake()

    def nudge(self, nudge: dict[str, object]) -> None:
        if self.loop and self.nudged:
            asyncio.run_coroutine_threadsafe(send_json(self.nudged, nudge), self.loop).result(5)

    def wake(self) -> None:
        if self.loop:
            self.loop.call_soon_threadsafe(lambda: [event.set() for event in self.changed])

    # -- ASGI -------------------------------------------------------------------------------------------
    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        self.loop = asyncio.get_running_loop()
        if scope["type"] == "http":
            await self.answer(scope, send)
        elif scope["type"] == "websocket":
            await self.stream(scope, receive, send)
        else:
            await lifespan(receive, send)

    async def answer(self, scope: Message, send: Any) -> None:
        path, query = scope["path"], {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        self.log.requests.append(f"{path}?{scope['query_string'].decode()}")
        if self.log.is_down and not path.startswith("/static"):
            await reply(send, 503, b"{}", "application/json")
        elif path.startswith("/static/"):
            file = ROOT / path[1:]
            await reply(send, 200, file.read_bytes(), mimetypes.guess_type(file.name)[0] or "text/plain")
        elif path.startswith("/logs/"):
            status, body = self.data(path.rsplit("/", 1)[1], query)
            await reply(send, status, orjson.dumps(body), "application/json")
        else:
            await reply(send, 200, page_html(self.log, query).encode(), "text/html; charset=utf-8")

    def data(self, name: str, query: dict[str, str]) -> tuple[int, dict[str, object]]:
        after = int(query.get("after", "-1"))
        if name == "lines":
            more = {"count": self.log.count, "complete": self.log.complete}
            return 200, self.log.frame(after, int(query["limit"])) | more
        if name == "outline":
            return 200, self.log.outline(after)
        if name == "findings":
            return 200, {"findings": [], "noise": [], "first": after + 1, "looked_at": int(query["limit"])}
        return self.log.search(query) if name == "search" else (404, {})

    async def stream(self, scope: Message, receive: Any, send: Any) -> None:
        await receive()
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        self.log.requests.append(f"{scope['path']}?{scope['query_string'].decode()}")
        is_live = scope["path"] == "/ws/live/"
        if self.log.is_down or (is_live and self.log.nudges_are_down):
            await send({"type": "websocket.close", "code": 1011})
            return
        await send({"type": "websocket.accept"})
        if is_live:
            self.nudged = send
            await receive()
            return
        is_tail = query["after"] == "tail"
        cursor = max(-1, self.log.count - int(query["tail"]) - 1) if is_tail else int(query["after"])
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.feed(cursor, send)

    async def feed(self, cursor: int, send: Any) -> None:
        changed, generation, sent = asyncio.Event(), self.generation, 0
        self.changed.add(changed)
        await send_json(send, {"count": self.log.count, "complete": ""})
        while generation == self.generation:
            changed.clear()
            while cursor < self.log.count - 1 and generation == self.generation:
                frame = self.log.frame(cursor - 2 if self.log.sends_doubles and cursor > 2 else cursor, 400)
                cursor = frame["first"] + len(frame["lines"]) - 1  # type: ignore[operator,arg-type]
                sent += 1
                if not self.log.drops_every or sent % self.log.drops_every:
                    await send_json(send, joined(frame))
            if self.log.complete:
                await send_json(send, {"complete": self.log.complete})
                break
            await changed.wait()
        self.changed.discard(changed)
        await send({"type": "websocket.close", "code": 1000 if self.log.complete else 1011})


def joined(frame: Any) -> dict[str, object]:
    """Return a frame in the form that the page asks the socket for."""
    lines = frame["lines"]
    text = "\n".join(line[4] for line in lines)
    return {"first": frame["first"], "marks": [[1, *line[:4]] for line in lines], "text": text}


async def send_json(send: Any, message: dict[str, object]) -> None:
    await send({"type": "websocket.send", "text": orjson.dumps(message).decode()})


async def reply(send: Any, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-security-policy", CSP.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def page_html(log: FakeLog, query: dict[str, str]) -> str:
    """Put the real viewer's template beside a list of steps, below the real style sheets."""
    set_urlconf(Addresses)
    viewer = render_to_string("logs/_viewer.html", viewer_context(log))
    steps = "".join(
        f'<li data-step="{number}" data-title="{title}" data-machine="{machine}" data-status="succeeded"'
        f' data-mark="✓" data-word="done" data-took="1:42">'
        f'<a href="#log" data-step-link="{number}">{title} {machine}</a>'
        f' <button data-step-only="{number}">only</button></li>'
        for number, machine, title in STEPS
    )
    theme = query.get("theme", "light")
    return (
        f'<!doctype html><html data-theme="{theme}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>log</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/css/app.css">'
        '<link rel="stylesheet" href="/static/css/log.css">'
        '<script type="module" src="/static/js/main.js"></script>'
        '<body data-topics="lab-1"><div id="live-strip" class="strip" hidden></div>'
        f"<main><ol>{steps}</ol>{viewer}</main></body></html>"
    )


def viewer_context(log: FakeLog) -> dict[str, object]:
    start = datetime.fromtimestamp(START_MS / 1000, UTC)
    machines = [{"name": "controlplane"}, {"name": "winw1"}]
    return {
        "log": {"pk": 1, "line_count": log.count, "complete": log.complete},
        "run": {"started_at": start, "requested_at": start},
        "now": datetime.now(UTC),
        "lab": {"machines": {"all": machines}},
        "plain_lines": [],
    }


@contextlib.contextmanager
def serving(log: FakeLog) -> Iterator[tuple[Server, str]]:
    server = Server(log)
    try:
        yield server, server.start()
    finally:
        server.stop()
