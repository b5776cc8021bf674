"""What a browser test looks at: a stack whose database was filled before it started, and a page on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.chromium import leave, sign_in
from tests.stack import Stack, copy_database, prepared_database

WIDE = {"width": 1400, "height": 900}


@contextmanager
def seeded_stack(folder: Path, seed: str, *parts: str) -> Iterator[Stack]:
    """Give Redis, web and these parts over a database with `ana` and what the seed, a shell's text, makes."""
    stack = Stack(folder, {"LAB_VAGRANT": "/nowhere/vagrant"})
    copy_database(prepared_database(), folder / "lab.sqlite3")
    stack.manage("shell", "--verbosity", "0", "-c", seed)
    starts = {"worker": stack.start_worker, "beat": stack.start_beat}
    try:
        stack.start_redis()
        stack.start_web()
        for part in parts:
            starts[part]()
        yield stack
    finally:
        stack.stop()


@contextmanager
def watched_page(browser: Browser, stack: Stack, within_ms: float = 30_000, but: str = "") -> Iterator[Page]:
    """Give a page of somebody signed in; fail for what the browser complains of, `but` for those words."""
    context = browser.new_context(viewport=WIDE)
    page, complaints = context.new_page(), list[str]()
    page.set_default_timeout(within_ms)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield sign_in(page, stack.url)
    leave(context)
    assert [said for said in complaints if not (but and but in said)] == []
