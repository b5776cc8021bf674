"""The log viewer in a real browser: a million lines, cuts, doubles, gaps, bursts, and every control."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.log_view.conftest import Open
from tests.browser.log_view.server import FakeLog, text_of

MILLION = 1_000_000
LIVE = "[data-part=live-word]"


def numbers(page: Page) -> list[int]:
    """The zero-based numbers of the lines that are in the DOM."""
    return page.eval_on_selector_all(".log-line", "rows => rows.map(row => Number(row.dataset.line))")


def in_view(page: Page) -> list[int]:
    return page.evaluate(
        """() => {
        const box = document.querySelector('.log-scroll').getBoundingClientRect();
        return [...document.querySelectorAll('.log-line')].filter(row => {
            const { top, bottom } = row.getBoundingClientRect();
            return top >= box.top - 1 && bottom <= box.bottom + 1;
        }).map(row => Number(row.dataset.line));
    }"""
    )


def wait_for_line(page: Page, number: int) -> None:
    """Wait until a line is in the DOM with its text."""
    page.wait_for_selector(f'.log-line[data-line="{number}"] .log-text:not(.is-loading)')


def text_at(page: Page, number: int) -> str:
    return page.inner_text(f'.log-line[data-line="{number}"] .log-text')


def plain_of(number: int) -> str:
    return re.sub("\x1b\\[[0-9;]*m", "", text_of(number)).rstrip()


def assert_true_lines(page: Page) -> None:
    """What is drawn is dense, in order, and each line's own text."""
    seen = numbers(page)
    assert seen == sorted(set(seen))
    page.wait_for_function("() => !document.querySelector('.log-text.is-loading')")
    rows = page.eval_on_selector_all(
        ".log-line",
        "rows => rows.map(row => [Number(row.dataset.line), row.querySelector('.log-text').textContent])",
    )
    assert [text.rstrip() for _, text in rows] == [plain_of(number) for number, _ in rows]


def test_viewer_opens_at_the_tail_of_a_million_lines(open_log: Open) -> None:
    page, _ = open_log(FakeLog(MILLION))

    wait_for_line(page, MILLION - 1)
    assert MILLION - 1 in in_view(page)
    assert len(numbers(page)) < 120
    assert page.inner_text("[data-part=count]") == "1,000,000 lines"
    assert_true_lines(page)
    expect(page.locator(LIVE)).to_have_text("live")


@pytest.mark.parametrize("place", [0, 300_000, 999_999])
def test_viewer_shows_any_place_of_a_million_lines(open_log: Open, place: int) -> None:
    page, _ = open_log(FakeLog(MILLION), f"#L{place + 1}")

    wait_for_line(page, place)

    assert place in in_view(page)
    assert_true_lines(page)


def test_viewer_scrolled_by_the_wheel_loses_no_line_between(open_log: Open) -> None:
    page, _ = open_log(FakeLog(MILLION), "#L500001")
    wait_for_line(page, 500_000)
    page.hover(".log-scroll")
    seen = set(in_view(page))

    for _ in range(12):
        before = max(in_view(page))
        page.mouse.wheel(0, 400)
        page.wait_for_function(
            "before => +[...document.querySelectorAll('.log-line')].at(-1).dataset.line > before + 20",
            arg=before,
        )
        seen |= set(in_view(page))

    assert set(range(min(seen), max(seen) + 1)) == seen
    assert_true_lines(page)


def test_viewer_dragged_to_a_place_shows_it(open_log: Open) -> None:
    page, _ = open_log(FakeLog(MILLION))
    wait_for_line(page, MILLION - 1)

    page.evaluate(
        "() => { const s = document.querySelector('.log-scroll'); s.scrollTop = s.scrollHeight / 4; }"
    )
    page.wait_for_function("() => +document.querySelector('.log-line').dataset.line < 400000")

    assert 200_000 < in_view(page)[0] < 300_000
    assert_true_lines(page)


def test_viewer_follows_and_pauses_when_scrolled_up(open_log: Open) -> None:
    page, server = open_log(FakeLog(5_000))
    wait_for_line(page, 4_999)
    server.grow(10)
    wait_for_line(page, 5_009)

    page.hover(".log-scroll")
    page.mouse.wheel(0, -300)
    expect(page.locator("[data-part=follow]")).to_be_visible()
    before = in_view(page)
    server.grow(1_000)
    expect(page.locator("[data-part=follow]")).to_contain_text("1,000 new")

    assert in_view(page) == before
    page.click("[data-part=follow]")
    wait_for_line(page, 6_009)
    assert 6_009 in in_view(page)


@pytest.mark.parametrize("count", [312, 5_000], ids=["short", "long"])
def test_viewer_stays_at_the_end_when_its_frame_changes_size(open_log: Open, count: int) -> None:
    page, _ = open_log(FakeLog(count), width=400)
    wait_for_line(page, count - 1)

    for width, height in ((1400, 900), (400, 800), (1000, 500), (1400, 900)):
        page.set_viewport_size({"width": width, "height": height})
        wait_for_line(page, count - 1)

    assert page.locator("[data-part=follow]").is_hidden()
    assert count - 1 in in_view(page)


def test_viewer_follows_on_although_scrolled_sideways(open_log: Open) -> None:
    log = FakeLog(100)
    log.texts[99] = ("output", "wide " * 400)
    page, server = open_log(log)
    wait_for_line(page, 99)

    page.evaluate("() => { document.querySelector('.log-scroll').scrollLeft = 600; }")
    server.grow(500)

    wait_for_line(page, 599)
    assert 599 in in_view(page)


def test_viewer_reconnects_without_a_lost_or_doubled_line(open_log: Open) -> None:
    page, server = open_log(FakeLog(1_000, sends_doubles=True))
    wait_for_line(page, 999)

    server.log.is_down = True
    server.cut()
    expect(page.locator(LIVE)).to_contain_text("not live, reconnecting in")
    server.grow(700)
    server.log.is_down = False

    wait_for_line(page, 1_699)
    expect(page.locator(LIVE)).to_have_text("live")
    page.keyboard.press("g")
    wait_for_line(page, 0)
    assert_true_lines(page)
    assert any("after=999" in request for request in server.log.requests)


def test_viewer_fetches_what_the_socket_left_out(open_log: Open) -> None:
    page, server = open_log(FakeLog(200, drops_every=2))
    wait_for_line(page, 199)

    for _ in range(5):
        server.grow(400)
    wait_for_line(page, 2_199)

    page.evaluate("() => { location.hash = '#L900'; }")
    wait_for_line(page, 899)
    assert_true_lines(page)


def test_viewer_stays_responsive_in_a_burst(open_log: Open) -> None:
    page, server = open_log(FakeLog(1_000))
    wait_for_line(page, 999)
    page.evaluate(
        """() => {
        window.longest = 0; let last = performance.now();
        const frame = (now) => {
            window.longest = Math.max(window.longest, now - last);
            last = now;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    }"""
    )

    for _ in range(20):
        server.grow(5_000)

    wait_for_line(page, 100_999)
    assert page.evaluate("window.longest") < 1_500
    assert len(numbers(page)) < 120
    assert_true_lines(page)


def test_viewer_says_complete_and_asks_no_more(open_log: Open) -> None:
    page, server = open_log(FakeLog(50))
    wait_for_line(page, 49)

    server.grow(5)
    server.finish()

    expect(page.locator(LIVE)).to_have_text("complete")
    wait_for_line(page, 54)


def test_viewer_shows_a_complete_log_without_a_socket(open_log: Open) -> None:
    page, server = open_log(FakeLog(MILLION, complete="succeeded"))

    wait_for_line(page, MILLION - 1)

    assert not [request for request in server.log.requests if request.startswith("/ws/logs")]


def test_search_counts_goes_round_and_highlights(open_log: Open) -> None:
    page, _ = open_log(FakeLog(10_000))
    wait_for_line(page, 9_999)

    page.keyboard.press("/")
    page.keyboard.type("needle")
    expect(page.locator("[data-part=hits]")).to_have_text("10 hits")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=hits]")).to_have_text("10 of 10")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=hits]")).to_have_text("1 of 10")
    page.keyboard.press("Shift+Enter")
    wait_for_line(page, 9_500)

    assert page.inner_text(".log-line.is-current mark") == "needle"
    assert 9_500 in in_view(page)


def test_search_over_pages_of_hits_with_a_pattern(open_log: Open) -> None:
    page, _ = open_log(FakeLog(5_000))

    page.click("[data-part=regex]")
    page.fill("[data-part=search]", r"^line \d*7 ")

    expect(page.locator("[data-part=hits]")).to_have_text("500 hits")
    page.fill("[data-part=search]", "(")
    expect(page.locator("[data-part=hits]")).to_contain_text("not a pattern")


def test_search_finds_what_comes_later(open_log: Open) -> None:
    page, server = open_log(FakeLog(100))
    page.fill("[data-part=search]", "needle")
    expect(page.locator("[data-part=hits]")).to_have_text("no hits")

    server.grow(1_000)

    expect(page.locator("[data-part=hits]")).to_have_text("1 hit")


def test_steps_fold_and_unfold(open_log: Open) -> None:
    page, _ = open_log(FakeLog(2_000), "#L1")
    head = page.locator('.log-rows [data-fold="2"]')
    expect(head).to_contain_text("Bring up")
    expect(head).to_have_attribute("aria-expanded", "true")

    head.focus()
    page.keyboard.press("Enter")

    expect(head).to_have_attribute("aria-expanded", "false")
    expect(head).to_be_focused()
    assert all((n < 10) or (n // 50 % 4 == 3) for n in numbers(page))


def test_step_list_leads_to_the_step_and_filters(open_log: Open) -> None:
    page, _ = open_log(FakeLog(20_000))
    wait_for_line(page, 19_999)
    expect(page.locator("[data-part=here]")).to_contain_text("Bring up")

    page.click('[data-step-link="3"]')
    wait_for_line(page, 150)
    page.click('[data-step-only="3"]')
    expect(page.locator("[data-part=only]")).to_contain_text("winw1 · Bring up")
    page.keyboard.press("G")
    wait_for_line(page, 19_999)

    assert {n // 50 % 4 for n in numbers(page)} == {3}
    page.click("[data-part=only]")
    expect(page.locator("[data-part=only]")).to_be_hidden()


def test_machine_filter_shows_that_machine_only(open_log: Open) -> None:
    page, _ = open_log(FakeLog(20_000))
    expect(page.locator("[data-part=here]")).to_contain_text("Bring up")

    page.select_option("[data-part=machine]", "winw1")
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.log-machine')].some(m => m.textContent !== 'winw1')"
    )

    assert {n // 50 % 4 for n in numbers(page)} == {3}
    assert_true_lines(page)


def test_links_to_lines_and_ranges(open_log: Open) -> None:
    page, _ = open_log(FakeLog(1_000), "#L120-130")
    wait_for_line(page, 119)
    expect(page.locator(".log-line.is-marked")).to_have_count(11)

    page.click('.log-line[data-line="121"] .log-number')
    page.click('.log-line[data-line="124"] .log-number', modifiers=["Shift"])

    assert page.evaluate("location.hash") == "#L122-125"
    expect(page.locator(".log-line.is-marked")).to_have_count(4)


def test_copy_takes_the_marked_lines_without_colours(open_log: Open) -> None:
    page, _ = open_log(FakeLog(1_000), "#L500-502")
    wait_for_line(page, 500)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.keyboard.press("y")

    expect(page.locator("[data-part=said]")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert [line.rstrip() for line in copied.split("\n")] == [plain_of(n) for n in (499, 500, 501)]


def test_keys_move_the_mark(open_log: Open) -> None:
    page, _ = open_log(FakeLog(1_000), "#L10")
    wait_for_line(page, 9)

    for key in ["j", "j", "k", "Shift+J", "Shift+J"]:
        page.keyboard.press(key)

    assert page.evaluate("location.hash") == "#L11-13"


def test_wrapped_long_lines_are_seen_whole_and_the_end_is_reached(open_log: Open) -> None:
    log = FakeLog(3_000)
    log.texts = {number: ("output", f"long {number} " + "x y " * 700) for number in range(2_980, 3_000, 3)}
    page, _ = open_log(log, width=700)
    wait_for_line(page, 2_999)

    page.keyboard.press("w")
    page.wait_for_selector(".log-rows.is-wrapped")

    page.wait_for_function(
        """() => { const box = document.querySelector('.log-scroll').getBoundingClientRect();
        const last = document.querySelector('.log-line[data-line="2999"]').getBoundingClientRect();
        return Math.abs(last.bottom - box.bottom) < 2; }"""
    )
    page.hover(".log-scroll")
    page.mouse.wheel(0, -2_000)
    page.wait_for_function("() => +document.querySelector('.log-line').dataset.line < 2985")


def test_errors_and_notes_are_told_apart_by_more_than_colour(open_log: Open) -> None:
    log = FakeLog(10)
    log.texts = {3: ("error", "it broke"), 4: ("note", "Attempt 2")}
    page, _ = open_log(log)
    wait_for_line(page, 4)

    assert page.get_attribute('.log-line[data-line="3"] .log-stream', "aria-label") == "error"
    assert page.inner_text('.log-line[data-line="3"] .log-stream') == "■"
    assert page.inner_text('.log-line[data-line="4"] .log-stream') == "»"


def test_markup_in_a_line_stays_text(open_log: Open) -> None:
    hostile = '<img src=x onerror="document.title=1"><b>\x1b[31m</span><script>'
    log = FakeLog(3)
    log.texts = {1: ("output", hostile)}
    page, _ = open_log(log)
    wait_for_line(page, 1)

    assert text_at(page, 1) == hostile.replace("\x1b[31m", "")
    assert page.locator(".log-rows img, .log-rows b").count() == 0


def test_preferences_last(open_log: Open) -> None:
    page, _ = open_log(FakeLog(100))
    page.select_option("[data-part=stamps]", "absolute")
    page.click("[data-part=wrap]")

    page.reload()
    wait_for_line(page, 99)

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", page.inner_text('.log-line[data-line="99"] .log-stamp'))
    expect(page.locator("[data-part=wrap]")).to_have_attribute("aria-pressed", "true")


def test_a_line_of_64_kib_is_shown_in_part_until_asked(open_log: Open) -> None:
    log = FakeLog(3)
    log.texts = {1: ("output", "z" * 65_536)}
    page, _ = open_log(log)
    wait_for_line(page, 1)

    page.locator(".log-more").evaluate("button => button.click()")

    page.wait_for_function(
        "() => document.querySelector('.log-line[data-line=\"1\"] .log-text').textContent.length === 65536"
    )


def test_quiet_is_said(open_log: Open) -> None:
    page, _ = open_log(FakeLog(10))
    wait_for_line(page, 9)

    expect(page.locator("[data-part=quiet]")).to_have_text(re.compile(r"quiet for 0:1\d"), timeout=15_000)
