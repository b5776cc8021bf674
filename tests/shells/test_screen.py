"""The bounded screen: what a late joiner is given, and who was too slow."""

import pytest

from webapp.shells.screen import MOST_BYTES, Attributes, Screen


def text_of(pieces: list[tuple[tuple[int, int], bytes]] | None) -> bytes:
    return b"".join(data for _, data in pieces or [])


def test_a_snapshot_holds_all_while_there_is_room():
    screen = Screen((80, 24))
    screen.write("one\r\n")
    screen.resize((40, 10))
    screen.write("two")

    assert screen.snapshot() == [((80, 24), b"one\r\n"), ((40, 10), b"two")]


def test_it_never_grows_beyond_its_bound():
    screen = Screen((80, 24))

    for _ in range(3000):
        screen.write("y\r\n" * 400)

    assert screen.end - screen.start <= MOST_BYTES + 16 * 1024
    assert len(screen.pieces) < 100


def test_who_is_too_slow_has_to_take_a_snapshot():
    screen = Screen((80, 24))
    screen.write("first")
    cursor = screen.end
    screen.write("x" * 10)

    assert text_of(screen.since(cursor)) == b"x" * 10
    for _ in range(100):
        screen.write("y" * 8192)
    assert screen.since(cursor) is None


def test_a_snapshot_that_begins_in_the_middle_brings_colours_and_modes():
    screen = Screen((80, 24))
    screen.write("\x1b[1;31m\x1b[?1049h\x1b[?25l")
    for _ in range(100):
        screen.write("y" * 8192)

    assert screen.snapshot()[0][1].startswith(b"\x1b[?1049h\x1b[?25l\x1b[1;31m")
    assert screen.needs_redraw


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31m\x1b[32m", ("32",)),
        ("\x1b[1;31;44m\x1b[39m", ("1", "44")),
        ("\x1b[38;5;208m\x1b[48;2;1;2;3m", ("38;5;208", "48;2;1;2;3")),
        ("\x1b[1m\x1b[4m\x1b[22m", ("4",)),
        ("\x1b[7;31m\x1b[m", ()),
        ("\x1b[31m\x1bc", ()),
    ],
)
def test_attributes_keep_what_is_in_force(text: str, expected: tuple[str, ...]):
    assert Attributes().after(text).graphics == expected
