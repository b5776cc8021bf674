"""Rubbish in every parameter, form, file, header and part of an address: a sentence, never a crash.

All names that any page reads get the same rubbish at once. More kinds were tried once by hand; those here
are the ones that broke something, in this project or elsewhere.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.forms import Form
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from tests.security.rights import TABLE
from tests.security.test_every_url import ADDRESSES, undone
from tests.world import World

ClientOf = Callable[[str], Client]
RUBBISH = {
    "many digits": "9" * 5000,
    "beyond 64 bits": str(2**63),
    "markup": "<script>{{ 7*7 }}\"'../..\\x\x1b]0;\x07\r\u202e👩‍💻٣²\ud800[[(a+)+$",
    "YAML": "b: &b [x]\na: [*b,*b]\nc: !!python/object/apply:os.system ['id']",
}
HEADERS = {
    "Range": "bytes=9-1,abc", "If-Modified-Since": "never", "Accept": "\xff", "Accept-Encoding": "x" * 5000,
    "HX-Request": "true", "HX-Current-URL": "http://[", "Referer": "::",
    "Authorization": "Bearer \xff", "X-Forwarded-For": "'",
}  # fmt: skip
ROOT = Path(__file__).parents[2]
READ = re.compile(r"""(?:GET|POST|posted|given|data)(?:\.get(?:list)?\(|\(|\[)\s*"([a-z_0-9-]+)\"""")


@cache
def parameters() -> frozenset[str]:
    """Return every name that a page or a form of ours reads."""
    sources = "".join(path.read_text() for path in (ROOT / "webapp/web").rglob("*.py"))
    forms = [form for form in all_subclasses(Form) if form.__module__.startswith("webapp.")]
    fields = {name for form in forms for name in form.base_fields}
    return frozenset({*READ.findall(sources), *fields, "mine", "destroyed", "actor"})


def all_subclasses(kind: type[Form]) -> set[type[Form]]:
    return {deeper for one in kind.__subclasses__() for deeper in {one, *all_subclasses(one)}}


@contextmanager
def crashes() -> Iterator[list[str]]:
    """Gather what views raise that nobody catches."""
    found: list[str] = []

    def note(request: HttpRequest, **_: object) -> None:
        found.append(f"{request.method} {request.path}: {sys.exc_info()[1]!r}"[:400])

    got_request_exception.connect(note)
    yield found
    got_request_exception.disconnect(note)


def rubbish(value: str) -> dict[str, str]:
    """Return every parameter with this value; half of a surrogate pair arrives as bytes that are no UTF-8."""
    return dict.fromkeys(parameters(), value.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))


def visitor(client: Client) -> Client:
    client.raise_request_exception = False
    return client


by_rubbish = pytest.mark.parametrize("value", [pytest.param(v, id=k) for k, v in RUBBISH.items()])


@by_rubbish
def test_no_page_falls_over_rubbish_in_its_address(value: str, world: World, client_of: ClientOf) -> None:
    client, given = visitor(client_of("administrator")), rubbish(value[:40])
    with crashes() as found:
        for name in (name for name, rights in TABLE.items() if rights.get is not None):
            with undone():
                client.get(world.path(ADDRESSES[name]), given)

    assert found == []


@by_rubbish
def test_no_action_falls_over_a_form_full_of_rubbish(value: str, world: World, client_of: ClientOf) -> None:
    client, given = visitor(client_of("administrator")), rubbish(value)
    with crashes() as found:
        for name in (name for name, rights in TABLE.items() if rights.post is not None):
            with undone():
                client.post(world.path(ADDRESSES[name]), given)

    assert found == []


def test_no_page_falls_over_a_file_or_header_of_rubbish(world: World, client_of: ClientOf) -> None:
    client = visitor(client_of("administrator"))
    with crashes() as found:
        for name, rights in TABLE.items():
            path = world.path(ADDRESSES[name])
            with undone():
                if rights.get is not None:
                    client.get(f"{path}?%ff=%c3%28&page=1&page=-1&a[b]=&=", headers=HEADERS)
                else:
                    files = {
                        field: SimpleUploadedFile("../a\0.zip", b"PK\3\4\xff\0") for field in parameters()
                    }
                    client.post(path, files)
                    client.post(path, b"{" * 1000, content_type="application/json")

    assert found == []


def test_no_number_in_an_address_is_too_large(world: World, client_of: ClientOf) -> None:
    client = visitor(client_of("administrator"))
    with crashes() as found:
        for address in (ADDRESSES[name] for name in TABLE):
            given = world.arguments(address)
            huge = {key: 2**63 if isinstance(value, int) else value for key, value in given.items()}
            method = "get" if TABLE[address.name].get is not None else "post"
            getattr(client, method)(reverse(address.name, kwargs=huge))

    assert found == []


@pytest.mark.parametrize(
    ("method", "given"),
    [("get", {"q": "a\0"}), ("get", {"a\0": ""}), ("get", {"q": "x" * 20_000}), ("post", {"text": "a\0"})],
    ids=["NUL", "NUL in a name", "too long", "NUL in a form"],
)
def test_what_no_page_understands_is_refused_with_the_reason(
    method: str, given: dict[str, str], world: World, client_of: ClientOf
) -> None:
    answer = getattr(client_of("owner"), method)("/palette", given)

    assert answer.status_code == 400
    assert "nothing was done" in answer.content.decode()
