"""What may reach the viewers' terminals: a table of hostile and of honest output."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.shells.escapes import LONGEST_STRING, Filter

PASS = {
    "text": b"plain \xc3\xa4\xe2\x82\xac\r\n",
    "colours": b"\x1b[1;31mred\x1b[0m \x1b[38;5;208mx\x1b[48;2;1;2;3my\x1b[m",
    "cursor": b"\x1b[H\x1b[10;20H\x1b[A\x1b[2B\x1b7\x1b8\x1b[s\x1b[u",
    "erase": b"\x1b[2J\x1b[3J\x1b[K\x1b[1K\x1b[?2J",
    "insert, delete, scroll": b"\x1b[2L\x1b[3M\x1b[4P\x1b[5@\x1b[6S\x1b[7T\x1b[1;20r",
    "alternate screen": b"\x1b[?1049h\x1b[?1049l",
    "mouse and paste modes": b"\x1b[?1000;1006h\x1b[?2004h\x1b[?25l",
    "charsets": b"\x1b(0lqk\x1b(B",
    "reset": b"\x1bc\x1b[!p",
    "cursor shape": b"\x1b[2 q",
}
DROP = {
    "title": b"\x1b]0;owned\x07",
    "title, 8-bit": "\x9d0;owned\x9c".encode(),
    "icon name": b"\x1b]1;owned\x1b\\",
    "clipboard": b"\x1b]52;c;cm0gLXJmIC8=\x07",
    "working folder": b"\x1b]7;file://host/\x07",
    "palette": b"\x1b]4;1;rgb:ff/00/00\x07",
    "page colours": b"\x1b]10;#000000\x07\x1b]11;?\x07",
    "notification": b"\x1b]9;hello\x07\x1b]777;notify;a;b\x07",
    "iTerm file": b"\x1b]1337;File=inline=1:AAAA\x07",
    "sixel": b"\x1bPq#0;2;0;0;0~\x1b\\",
    "DECRQSS": b"\x1bP$qm\x1b\\",
    "user keys": b"\x1bP1;1|17/0a\x1b\\",
    "APC, PM, SOS": b"\x1b_Gf=100;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
    "window operations": b"\x1b[21t\x1b[8;10;10t\x1b[14t",
    "device reports": b"\x1b[>c\x1b[=c\x1b[?6n\x1b[0x",
    "mode requests": b"\x1b[?1$p\x1b[20$p",
    "modifyOtherKeys": b"\x1b[>4;2m",
    "kitty keyboard": b"\x1b[>1u\x1b[=5;1u",
    "focus reports": b"\x1b[?1004h",
    "win32 input": b"\x1b[?9001h",
    "8-bit CSI": "\x9b31m".encode()[:2],
    "answerback": b"\x05",
    "media copy": b"\x1b[5i\x1b[4i",
    "charset UTF-8": b"\x1b%G",
    "locking shifts": b"\x1bn\x1bo\x1b|",
}


def fed(data: bytes, step: int = 0) -> str:
    made = Filter()
    pieces = [data[at : at + step] for at in range(0, len(data), step)] if step else [data]
    return "".join(made.feed(piece) for piece in pieces)


@pytest.mark.parametrize("data", PASS.values(), ids=PASS)
@pytest.mark.parametrize("step", [0, 1, 2, 3], ids=lambda n: f"by {n or 'all'}")
def test_what_draws_passes_however_it_is_split(data: bytes, step: int):
    assert fed(data, step) == data.decode()


@pytest.mark.parametrize("data", DROP.values(), ids=DROP)
@pytest.mark.parametrize("step", [0, 1, 2, 3], ids=lambda n: f"by {n or 'all'}")
def test_what_reaches_further_is_taken_out_however_it_is_split(data: bytes, step: int):
    assert fed(b"<" + data + b">", step) == "<>"


def test_a_links_text_stays_without_its_address():
    assert fed(b"\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\") == "click"


def test_of_mixed_modes_only_the_harmless_are_set():
    assert fed(b"\x1b[?1004;25;9001h") == "\x1b[?25h"


def test_numbers_that_would_keep_a_terminal_busy_are_bounded():
    assert fed(b"\x1b[2147483647S\x1b[99999b") == "\x1b[999S\x1b[999b"


def test_an_unfinished_string_swallows_no_more_than_it_may():
    assert fed(b"\x1b]0;" + b"x" * LONGEST_STRING + b"shown").endswith("shown")


@pytest.mark.parametrize(
    ("data", "answers"),
    [(b"\x1b[6n", ["cursor"]), (b"\x1b[c", ["\x1b[?1;2c"]), (b"\x1b[5n", ["\x1b[0n"]), (b"\x1b[7n", [])],
    ids=["cursor", "device", "status", "unknown"],
)
def test_questions_are_kept_for_one_answer(data: bytes, answers: list[str]):
    made = Filter()

    assert made.feed(data) == ""
    assert made.questions == answers


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([*DROP.values(), *PASS.values()]), max_size=12))
def test_nothing_hostile_makes_anything_but_known_sequences(pieces: list[bytes]):
    made = Filter()
    shown = "".join(made.feed(piece) for piece in pieces)

    again = Filter()
    assert again.feed(shown.encode()) + ("" if not again._rest else again._rest) == shown
    assert not set(shown) & {chr(code) for code in range(0x80, 0xA0)}
    assert "\x1b]" not in shown and "\x1bP" not in shown
