"""Watch an attached cluster's nodes, pods and requests for a few seconds after its lists.

    watch(…) ─► one connection a kind, each in a thread ─► the first news ends all of them ─► WatchEnd

Cut off: it goes on from the last version. 410 Gone: news, since only a list helps. 403: this kind is
polled, and `refused` says so. 429, 503: everything is left alone for `wait_s`. Nothing is written here.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import urllib3

from webapp.cluster.api_request import (
    CONNECT_S,
    ApiError,
    RefusedError,
    Request,
    SilentError,
    answer_to,
    network_words,
)
from webapp.cluster.attached import LISTS, Listing
from webapp.kube.watching import GONE, KIND_OF, Watched, WatchEvent, parse_event, tells_news

RESUME_S = 0.3  # before the next connection, doubled each time: an API that cuts all is not pressed
SETTLE_S = 0.3  # changes come in bursts: one look for all of them
ASK_OWNER_S = 0.5
SLACK_S = 1.5
BUSY_S = 5.0  # 429 and 503 without Retry-After
BUSY = (429, 503)
MOST_LINE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class WatchEnd:
    """What watching came to. `refused`: by kind, why its changes cannot be watched."""

    has_news: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


class Round:
    """What the threads of one round share; `over` ends them all, also those that wait for a byte."""

    def __init__(self, listing: Listing, seconds: float) -> None:
        self.listing = listing
        self.ends_at = time.monotonic() + seconds
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.open: set[Any] = set()  # Any: urllib3's answers
        self.has_news = False
        self.refused: dict[str, str] = {}
        self.wait_s = 0.0

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()

    def news(self) -> None:
        self.has_news = True
        self.over.set()

    def close(self) -> None:
        """Wake every thread that reads."""
        self.over.set()
        with self.lock:
            for answer in self.open:
                shut(answer)


def watch(api: Any, listing: Listing, seconds: float, is_ours: Callable[[], bool]) -> WatchEnd:
    """Watch for at most `seconds`; ends early with the first news, or once the turn is another's.

    Any: the client is untyped.
    """
    kinds = [kind for kind in KIND_OF if listing.versions.get(kind)]
    if not kinds:
        return WatchEnd()
    round_ = Round(listing, seconds)
    with ThreadPoolExecutor(len(kinds), thread_name_prefix="watch") as threads:
        running = [threads.submit(follow, api, kind, round_) for kind in kinds]
        try:
            while round_.left_s > 0 and is_ours() and any(not one.done() for one in running):
                if round_.over.wait(min(ASK_OWNER_S, max(round_.left_s, 0.0))):
                    break
            if round_.has_news:
                time.sleep(SETTLE_S)
        finally:
            round_.close()
    for one in running:
        one.result()  # a fault of ours is not swallowed
    return WatchEnd(round_.has_news, dict(sorted(round_.refused.items())), round_.wait_s)


def follow(api: Any, kind: Watched, round_: Round) -> None:
    """Thread body: read one kind's changes, connecting again where the stream ends or is cut."""
    version, pause_s = round_.listing.versions[kind], RESUME_S
    while not round_.over.is_set() and round_.left_s > 0:
        try:
            version = read_stream(api, kind, version, round_)
        except RefusedError as error:
            take_refusal(error, kind, round_)
            return
        except ApiError:
            pass  # cut, slow or gone: the next look says so if it stays
        round_.over.wait(pause_s)
        pause_s *= 2


def take_refusal(error: RefusedError, kind: str, round_: Round) -> None:
    """End this kind's watch; a busy API is left alone by all of them."""
    if error.status == GONE:
        round_.news()
        return
    round_.refused[kind] = str(error)
    if error.status in BUSY:
        round_.wait_s = max(round_.wait_s, error.wait_s or BUSY_S)
        round_.over.set()


def read_stream(api: Any, kind: Watched, version: str, round_: Round) -> str:
    """Read until the stream ends or news has come; returns from where to go on. Raises ApiError."""
    for event in events_of(api, kind, version, round_):
        if event.type == "ERROR":
            raise RefusedError(event.code, f"{event.code}: {event.message}"[:500])
        if tells_news(event, kind, round_.listing.facts):
            round_.news()
            break
        version = event.version or version
    return version


def events_of(api: Any, kind: Watched, version: str, round_: Round) -> Iterator[WatchEvent]:
    """Yield the events of one connection; a line that was cut off is passed over. Raises ApiError."""
    answer = connect(api, kind, version, round_)
    with round_.lock:
        round_.open.add(answer)
    try:
        if round_.over.is_set():  # it may have ended before this answer could be shut
            return
        for line in lines_of(answer):
            yield parse_event(line.decode("utf-8", "replace"), kind)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise SilentError(network_words(error)) from error
    finally:
        with round_.lock:
            round_.open.discard(answer)
        answer.close()


def connect(api: Any, kind: Watched, version: str, round_: Round) -> Any:
    """Open one stream. Raises RefusedError, SilentError."""
    path, _ = LISTS[kind]
    left_s = max(round_.left_s, 0.1)
    query = {
        "watch": "1",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(max(round(left_s), 1)),
    }
    limits_s = (min(CONNECT_S, left_s), left_s + SLACK_S)
    return answer_to(api, Request("GET", path, query), limits_s).response


def lines_of(answer: Any) -> Iterator[bytes]:
    """Yield whole lines as they come; what has no end is no line."""
    rest = b""
    for piece in answer.stream(65536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > MOST_LINE_BYTES:
            return


def shut(answer: Any) -> None:
    """Wake whoever reads from this answer."""
    try:
        answer.shutdown()
    except (OSError, ValueError, RuntimeError):
        return  # it has ended by itself


def polled_words(end: WatchEnd) -> str:
    """Say what cannot be watched and is asked for again and again instead; "" when all can."""
    kinds = ", ".join(end.refused)
    why = " ".join(dict.fromkeys(end.refused.values()))
    return f"Changes of {kinds} cannot be watched, so they are asked for: {why}"[:500] if kinds else ""


__all__ = ["WatchEnd", "polled_words", "watch"]
