"""Bodies too large are refused before they are kept, by what is announced and by what comes."""

import pytest
from asgiref.testing import ApplicationCommunicator

from webapp.asgi import application

MIB = 1024 * 1024
FILES, UPLOAD = "/labs/calico-dev/shells/1/files", "/builds/artifacts/upload"
PAGE = (b"accept", b"text/html,*/*")


def posted(path: str, *headers: tuple[bytes, bytes]) -> ApplicationCommunicator:
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "query_string": b""}
    return ApplicationCommunicator(application, {**scope, "headers": [(b"host", b"localhost"), *headers]})


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", str(size).encode()


async def begun(exchange: ApplicationCommunicator) -> tuple[int, str]:
    """Return status and text of what is answered first."""
    start = await exchange.receive_output(timeout=20)
    return start["status"], (await exchange.receive_output(timeout=20))["body"].decode()


@pytest.mark.parametrize(("path", "mib"), [("/sign-in", 4), ("/no/such/page", 4), (FILES, 7)])
async def test_a_body_that_is_announced_too_large_is_not_even_begun(path: str, mib: int, settings):
    settings.SHELL_FILE_MIB = 7

    status, text = await begun(posted(path, length(5 * 1024 * MIB)))

    assert status == 413
    assert text == f"This is larger than {mib} MiB, the most that is taken here; none of it was kept."


async def test_a_browser_is_answered_with_a_page():
    status, text = await begun(posted("/sign-in", length(9 * MIB), PAGE))

    assert (status, "<h1>Too large</h1><p>This is larger than 4 MiB" in text) == (413, True)


async def test_a_body_that_does_not_say_its_size_ends_where_it_is_too_large():
    exchange = posted("/sign-in")
    for _ in range(6):
        await exchange.send_input({"type": "http.request", "body": b"x" * MIB, "more_body": True})

    status, text = await begun(exchange)
    await exchange.send_input({"type": "http.request", "body": b"x" * MIB})  # the rest is dropped
    end = await exchange.receive_output(timeout=20)

    assert (status, text[:27]) == (413, "This is larger than 4 MiB, ")
    assert not end.get("more_body") and exchange.input_queue.empty()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "size"), [("/sign-in", 3 * MIB), (FILES, 8 * MIB), (UPLOAD, 8 * MIB)])
async def test_what_a_page_takes_reaches_it(path: str, size: int, settings):
    settings.SHELL_FILE_MIB = settings.UPLOAD_LIMIT_MIB = 7
    exchange = posted(path, length(size))
    await exchange.send_input({"type": "http.request", "body": b"x" * size})

    status, _ = await begun(exchange)

    assert status == 403  # without a token of its form
