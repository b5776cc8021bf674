"""The frame: nothing inline (the content policy forbids it), errors have pages, colours have contrast."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User

SignIn = Callable[[User], Client]
ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
CSS = (ROOT / "static/css/app.css").read_text()
TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in TOKEN.findall(CSS)}
GROUNDS = ["surface", "raised", "sunken"]
TEXTS = ["ink", "muted", "accent", "ready", "working", "waiting", "attention", "failed", "unknown"]
TINTS = ["add-tint", "del-tint", "note-tint", "warn-tint"]
PAIRS = [
    *((text, ground) for text in TEXTS for ground in GROUNDS),
    *(("ink", tint) for tint in TINTS),
    ("failed", "del-tint"),
    ("on-accent", "accent"),
]


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS, ids=lambda name: name)
def test_text_has_the_contrast_of_wcag_aa(text: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "raised"])
def test_edges_of_controls_have_the_contrast_of_wcag_aa(ground: str, theme: int) -> None:
    assert contrast(COLOURS["line-strong"][theme], COLOURS[ground][theme]) >= 3


def test_colours_stand_only_in_the_table() -> None:
    rest = TOKEN.sub("", CSS)

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rest) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text()

    assert (
        re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text) == []
    )


@pytest.mark.django_db
def test_policy_allows_nothing_inline(owner: User, sign_in: SignIn) -> None:
    policy = sign_in(owner).get(reverse("labs"))["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_unknown_address_has_a_page(owner: User, sign_in: SignIn) -> None:
    answer = sign_in(owner).get("/no/such/page")

    assert answer.status_code == 404
    assert "Not found" in answer.content.decode()


@pytest.mark.django_db
def test_crash_has_a_page_that_needs_nothing(owner: User, sign_in: SignIn, settings) -> None:
    settings.ROOT_URLCONF = "tests.web.crash_urls"
    client = sign_in(owner)
    client.raise_request_exception = False

    answer = client.get("/crash")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.content.decode()


@pytest.mark.django_db
def test_form_without_its_token_has_a_page(owner: User) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("sign-in"), {"username": "ana"})

    assert answer.status_code == 403
    assert "too old" in answer.content.decode()


@pytest.mark.parametrize(("person", "is_there"), [("administrator", True), ("stranger", False)])
@pytest.mark.django_db
def test_rail_has_no_dead_link(
    request: pytest.FixtureRequest, sign_in: SignIn, person: str, is_there: bool
) -> None:
    client = sign_in(request.getfixturevalue(person))
    rail = client.get(reverse("labs")).content.decode().partition("</nav>")[0]
    links = set(re.findall(r'href="(/[^"]*)"', rail)) - set(re.findall(r'href="(/static[^"]*)"', rail))

    assert {client.get(link).status_code for link in links} == {200}
    assert (reverse("activity") in links) is is_there
