"""Markdown of strangers: whatever they write, nothing of it acts."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.pairing.markdown import ATTRIBUTES, TAGS, escape, fenced, paragraphs, render

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x](https://a.example "onmouseover=alert(1)")',
    "<svg/onload=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<style>*{display:none}</style>",
    "<form action=/sign-out><button>x</button></form>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "|a|b|\n|-|-|\n|<script>x</script>|[y](javascript:z)|",
    "<a href='x' style='position:fixed'>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--><script>alert(1)</script>-->",
    "[x](\x01javascript:alert(1))",
    "[x](https://ok.example/\"onclick=alert(1))",
    "<base href=https://evil.example>",
]  # fmt: skip


class Elements(HTMLParser):
    """Collects what a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", {}))


def wrong_in(html: str) -> list[object]:
    """Return every tag, attribute or address that is not on the list."""
    wrong: list[object] = []
    for tag, attributes in Elements(html).tags:
        allowed = ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set())
        scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", (attributes.get("href") or "").lower())
        is_odd = scheme is not None and scheme[1] not in {"http", "https", "mailto"}
        if tag not in TAGS or set(attributes) - allowed or is_odd:
            wrong.append((tag, attributes))
    return wrong


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hostile_comes_through(text: str):
    assert wrong_in(render(text)) == []


@given(
    st.lists(st.sampled_from([*HOSTILE, "<", ">", '"', "`", "[", "](", ")", "\n", "&", "x", "\x00"])).map(
        "".join
    )
)
def test_nothing_hostile_comes_through_in_any_mixture(text: str):
    assert wrong_in(render(text)) == []


@given(st.text())
def test_no_text_makes_it_fail(text: str):
    assert wrong_in(render(text)) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold**", "<p><strong>bold</strong></p>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        (
            "[run](/labs/x/runs/1/#L3)",
            '<p><a href="/labs/x/runs/1/#L3" rel="noopener noreferrer">run</a></p>',
        ),
    ],
)
def test_what_is_meant_is_shown(text: str, html: str):
    assert render(text).strip() == html


@given(st.text(alphabet=st.sampled_from("ab *_`[]()<>#!|~&\\\n-1."), max_size=30))
def test_an_escaped_text_is_shown_as_it_is(text: str):
    shown = re.sub(r"<[^>]+>", "", render(f"x{escape(text)}x")).strip()

    words = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert words == f"x{' '.join(text.split())}x"


@given(st.text(alphabet=st.sampled_from("a`~\n <"), max_size=40))
def test_a_fence_is_not_ended_by_what_is_in_it(text: str):
    tags = [tag for tag, _ in Elements(render(fenced(text))).tags]

    assert tags == ["pre", "code"]


@given(st.text(alphabet=st.sampled_from("a`~\n "), max_size=60))
def test_paragraphs_are_never_empty_and_lose_no_word(text: str):
    parts = paragraphs(text)

    assert all(part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
