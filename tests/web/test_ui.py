"""How values look."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.executions.models import Status
from webapp.runs.models import Step
from webapp.templatetags import ui

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (723, "12:03"),
        (3723, "1:02:03"),
        (-5, "0:00"),
    ],
)
def test_duration_reads_like_a_clock(seconds: float | None, text: str) -> None:
    assert ui.duration(seconds) == text


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [(0, "just now"), (42, "42 s ago"), (185, "3 min ago"), (7300, "2 h ago"), (86400 * 3, "3 days ago"),
     (-7300, "in 2 h")],
)  # fmt: skip
def test_time_is_told_relative_to_now(ago_s: int, text: str) -> None:
    assert ui.relative(NOW - timedelta(seconds=ago_s), NOW) == text


def test_relative_time_carries_the_exact_one() -> None:
    html = ui.ago(NOW)

    assert 'datetime="2026-11-22T12:00:00+00:00"' in html
    assert 'title="2026-11-22 12:00:00 UTC"' in html


@pytest.mark.parametrize(("mib", "text"), [(None, "–"), (512, "512 MiB"), (4096, "4 GiB"), (6656, "6.5 GiB")])
def test_memory_is_told_in_the_larger_unit(mib: float | None, text: str) -> None:
    assert ui.mebibytes(mib) == text


@pytest.mark.parametrize("status", [*Status, *Step.Status])
def test_every_status_has_a_shape_of_its_own(status: str) -> None:
    assert status in ui.KINDS


def test_unknown_kind_is_drawn_as_unknown() -> None:
    assert ui.badge("new", "<b>") == '<span class="badge badge-unknown">&lt;b&gt;</span>'


def test_commit_shows_eight_characters_and_copies_all() -> None:
    html = ui.commit("2867093abcdef0123456789")

    assert ">2867093a</code>" in html
    assert 'data-copy="2867093abcdef0123456789"' in html


def test_copyable_escapes_what_it_copies() -> None:
    assert 'data-copy="&quot;&gt;&lt;b&gt;"' in ui.copyable('"><b>')


def test_colours_are_taken_out_of_a_line() -> None:
    assert ui.plain("\x1b[1;31mred\x1b[0m text") == "red text"


@pytest.mark.parametrize(
    ("text", "is_copied"), [("vagrant plugin install winrm", True), ("Free some <b>space</b>.", False)]
)
def test_a_remedy_is_copied_when_it_is_a_command(text: str, is_copied: bool) -> None:
    shown = ui.remedy(text)

    assert ("data-copy" in shown) == is_copied
    assert "<b>" not in shown
