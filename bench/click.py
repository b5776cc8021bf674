"""From the click on Launch to the first line at the browser's socket; searches of a long log."""

import json
import time
from statistics import median

from websockets.sync.client import connect

from tests.stack import Stack, Visitor, wait_until

TEXT = "scope: machines\n"
ANCHORED = r"^\d+\.\d+ \d*999999\b"
SEARCHES = {
    "hit far down": ANCHORED,
    "miss": "no line says this",
    "alternation": "(fail|err)or [0-9]+ (of|in) x",
}


def click_to_first_line_s(stack: Stack, times: int) -> float:
    """Launch a rehearsal `times` times; the median seconds from the POST to the first frame."""
    stack.add_person("clicker", "administrator")
    stack.start_worker()
    stack.start_beat()
    seen = "SELECT 1 FROM webapp_host WHERE name = 'local' AND checked_at IS NOT NULL"
    wait_until(lambda: stack.query(seen), 60, "host seen")
    visitor = stack.visitor("clicker")
    visitor.open("/definitions/new")
    visitor.open("/definitions/import", {"name": "click", "text": TEXT})
    return median(one_click(stack, visitor, f"click-{number}") for number in range(times))


def one_click(stack: Stack, visitor: Visitor, name: str) -> float:
    revision = stack.query("SELECT max(id) AS id FROM webapp_revision")[0]["id"]
    host = stack.query("SELECT id FROM webapp_host WHERE name = 'local'")[0]["id"]
    visitor.open("/labs/new?definition=click")
    fields = {"revision": str(revision), "host": str(host), "name": name, "provider": "rehearsal"}
    began = time.monotonic()
    status, url, _ = visitor.open("/labs/new", fields)
    if status != 200 or "/runs/" not in url:
        raise RuntimeError(f"the launch was refused: {status} {url}")
    log_id = stack.query("SELECT max(log_id) AS id FROM webapp_run")[0]["id"]
    wait_for_line(stack, visitor, log_id)
    return time.monotonic() - began


def wait_for_line(stack: Stack, visitor: Visitor, log_id: int) -> None:
    url = f"ws://127.0.0.1:{stack.port}/ws/logs/{log_id}/?after=-1"
    headers = {"Cookie": visitor.cookies}
    with connect(url, additional_headers=headers, origin=stack.url, compression=None) as socket:
        while not json.loads(socket.recv(timeout=30)).get("lines"):
            pass


def slowest_search_s(stack: Stack, log_id: int) -> float:
    """Return the slowest of three searches by regular expression, over HTTP, to the first answer."""
    visitor = stack.visitor("clicker")
    seconds = []
    for pattern in SEARCHES.values():
        began = time.monotonic()
        visitor.search(f"/logs/{log_id}/search", pattern)
        seconds.append(time.monotonic() - began)
    return max(seconds)
