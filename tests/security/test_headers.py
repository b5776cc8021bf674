"""What every answer says to the browser: pages, downloads, and the pages of errors too."""

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.security.rights import TABLE
from tests.security.test_every_url import ADDRESSES, undone
from tests.world import World
from webapp.accounts.models import User

ClientOf = Callable[[str], Client]
BROUGHT = (
    "artifact-download", "log-raw", "log-lines", "cluster-readiness-report", "cluster-bundle-download",
    "recording-cast", "pairing-summary", "definition-export",
)  # fmt: skip
IN_PLACE = ("log-raw", "log-lines", "recording-cast")  # shown, or read by a script
HARMLESS = {
    "application/octet-stream", "text/plain", "application/json", "application/zip",
    "application/x-asciicast", "text/markdown", "text/yaml",
}  # fmt: skip


def complaints(answer: HttpResponse) -> list[str]:
    """Say what is missing on an answer."""
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    found = [name for name, value in wanted.items() if answer.get(name) != value]
    policy = answer.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy or "frame-ancestors 'none'" not in policy:
        found.append("Content-Security-Policy")
    if re.search(r"'unsafe-(inline|eval)'|\*", policy):
        found.append(policy)
    return found


def test_every_page_and_download_is_guarded(world: World, client_of: ClientOf) -> None:
    client, found = client_of("administrator"), {}
    for name in (name for name, rights in TABLE.items() if rights.get is not None):
        with undone():
            answer = client.get(world.path(ADDRESSES[name]))
        if complaints(answer):
            found[name] = complaints(answer)

    assert found == {}


@pytest.mark.parametrize("name", BROUGHT)
def test_what_people_brought_is_never_run_by_a_browser(name: str, world: World, client_of: ClientOf) -> None:
    answer = client_of("administrator").get(world.path(ADDRESSES[name]))

    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] in HARMLESS
    assert name in IN_PLACE or answer["Content-Disposition"].startswith("attachment")
    # Of what is read synchronously Django's ASGI handler has all in memory before it sends the first byte.
    assert not answer.streaming or answer.is_async


def wrong_host(client: Client) -> HttpResponse:
    return client.get("/", headers={"Host": "evil.example"})


def no_token(_: Client) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post("/sign-in", {"username": "ana"})


ERRORS: dict[int, list[Callable[[Client], HttpResponse]]] = {
    400: [wrong_host, lambda client: client.get("/palette?q=%00")],
    403: [no_token, lambda client: client.get("/people/")],
    404: [lambda client: client.get("/no/such/page"), lambda client: client.get(f"/logs/{10**30}/raw")],
    405: [lambda client: client.post("/people/")],
    500: [lambda client: client.get("/crash")],
}


@pytest.mark.parametrize(
    ("status", "act"),
    [pytest.param(s, act, id=f"{s}-{n}") for s, acts in ERRORS.items() for n, act in enumerate(acts)],
)
def test_pages_of_errors_are_guarded_as_well(
    status: int,
    act: Callable[[Client], HttpResponse],
    owner: User,
    sign_in: Callable[[User], Client],
    settings,
) -> None:
    settings.ROOT_URLCONF = "tests.web.crash_urls" if status == 500 else settings.ROOT_URLCONF
    client = sign_in(owner)
    client.raise_request_exception = False

    answer = act(client)

    assert (answer.status_code, complaints(answer)) == (status, [])


def test_cookies_are_not_for_scripts_or_other_sites(owner: User, client: Client) -> None:
    client.post("/sign-in", {"username": "ana", "password": "correct horse battery"})

    session = client.cookies["sessionid"]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")


@pytest.mark.django_db
def test_behind_a_proxy_with_tls_browsers_are_told_to_stay_with_it(client: Client, settings) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    told = client.get("/sign-in", headers={"X-Forwarded-Proto": "https"}), client.get("/sign-in")

    assert [answer.get("Strict-Transport-Security") for answer in told] == ["max-age=3600", None]
