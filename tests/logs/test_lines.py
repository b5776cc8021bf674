"""Whatever a child writes becomes whole, sane lines, however it is split over reads."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.logs.lines import LINE_BYTES, LineAssembler

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=30
)


def assemble(data: bytes, *cuts: int) -> list[str]:
    """Feed `data` in pieces that end at the cuts."""
    assembler = LineAssembler()
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    lines = [line for a, b in pairwise(borders) for line in assembler.feed(data[a:b])]
    return [*lines, *assembler.finish()]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(b"a\nb\n", ["a", "b"], id="lines"),
        pytest.param(b"a\n\nb", ["a", "", "b"], id="no-last-newline"),
        pytest.param(b"a\r\nb\r\r\n", ["a", "b"], id="crlf"),
        pytest.param(b"\xef\xbb\xbfa\n", ["a"], id="utf-8-mark"),
        pytest.param(b"caf\xe9 \x94\n", ["caf\\xe9 \\x94"], id="invalid-bytes-shown"),
        pytest.param("a\x0bb\x85c\u2028d\x1ce\n".encode(), ["ab\x85c\u2028de"], id="only-newline-splits"),
        pytest.param(b" 1%\r50%\r\x1b[K100%\r\n", ["100%"], id="carriage-returns"),
        pytest.param(b" 1%\x1b[1G 2%\x1b[2K 3%\n", [" 3%"], id="column-and-erase"),
        pytest.param(b"100%\r\x1b[K\n", ["100%"], id="cleared-in-the-end"),
        pytest.param(b"done \\\x08|\x08/\x08 \n", ["done  "], id="backspaces"),
        pytest.param(
            b"\x1b[1;31mred\x1b[0m \x1b[01m\x1b[Kfile\x1b[m\n",
            ["\x1b[1;31mred\x1b[0m \x1b[01mfile\x1b[m"],
            id="sgr",
        ),
        pytest.param(b"\x1b]0;title\x07a\x1b[?25lb\x1b(Bc\x1bPx\x1b\\d\x1b\n", ["abcd"], id="other-escapes"),
        pytest.param(b"a\x00b\x07\n", ["ab"], id="controls"),
    ],
)
def test_odd_output_becomes_sane_lines(data: bytes, lines: list[str]):
    assert assemble(data) == lines


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["bare", "marked"])
@pytest.mark.parametrize("before", [b"", b"plain\n"], ids=["at-start", "in-mid-stream"])
def test_utf_16_is_read_from_where_it_begins(encoding: str, mark: str, before: bytes):
    wide = f"{mark}Name  Größe 上海\r\n\r\nC: 上\r\n".encode(encoding)

    lines = assemble(before + wide + b"after\n")

    assert [line for line in lines if line != "plain"] == ["Name  Größe 上海", "", "C: 上", "after"]


@given(
    st.lists(TEXT, max_size=6), st.sampled_from(["utf-8", "utf-16-le"]), st.lists(st.integers(0), max_size=8)
)
def test_lines_are_the_same_however_reads_split_them(texts: list[str], encoding: str, cuts: list[int]):
    said = [f"PowerShell says of this machine today: {text}" for text in texts]
    data = "".join(f"{text}\r\n" for text in said).encode(encoding)

    assert assemble(data, *cuts) == said


@given(st.binary(max_size=400), st.lists(st.integers(0), max_size=6))
def test_rubbish_never_fails_and_holds_no_controls(data: bytes, cuts: list[int]):
    for line in assemble(data, *cuts):
        assert "\n" not in line
        assert not any(c < " " and c not in "\t\x1b" for c in line)
        line.encode()


@given(
    st.lists(
        st.sampled_from([b"one\n", b"t\r\n", b"5%\r6%\r", b"\xc3", b"x" * 40, b"\x1b[K\n"]), max_size=12
    ),
    st.integers(0),
)
def test_a_fresh_assembler_goes_on_at_the_safe_offset(pieces: list[bytes], cut: int):
    data = b"".join(pieces)
    first = LineAssembler()
    before = first.feed(data[: cut % (len(data) + 1)])

    second = LineAssembler()
    after = [*second.feed(data[first.safe_offset :]), *second.finish()]

    assert [*before, *after] == assemble(data)


@pytest.mark.parametrize("read", [10_000_001, 65_536, 4096], ids=str)
def test_an_endless_line_is_cut_and_says_so(read: int):
    data = b"x" * 10_000_000 + b"\n"
    assembler = LineAssembler()

    lines = [line for at in range(0, len(data), read) for line in assembler.feed(data[at : at + read])]

    assert lines == ["x" * LINE_BYTES + f"… [cut, {10_000_000 - LINE_BYTES} bytes more]"]
    assert assembler.safe_offset == len(data)


def test_a_line_without_any_end_is_given_out_within_bounds():
    assembler = LineAssembler()

    lines = [line for _ in range(50) for line in assembler.feed(b"y" * 1_000_000)]

    assert len(lines) == 1
    assert lines[0].startswith("yyy") and lines[0].endswith("bytes more]")
    assert 32_000_000 < assembler.safe_offset <= 34_000_000


def test_a_progress_bar_of_megabytes_is_its_last_state():
    assembler = LineAssembler()
    states = b"".join(b"\r%7d of 300000" % n for n in range(300_000))

    lines = [
        line for at in range(0, len(states), 70_000) for line in assembler.feed(states[at : at + 70_000])
    ]

    assert lines == []
    assert assembler.feed(b"\n") == [" 299999 of 300000"]
