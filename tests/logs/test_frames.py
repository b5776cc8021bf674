"""Frames: what the browser parses, in pieces of a bounded size, framed as a WebSocket library would."""

import json
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from webapp.logs.chunks import Chunk, Mark
from webapp.logs.frames import FRAME_BYTES, Form, cut_frames

ROWS = [(1, 2, "winw1", "output", "a"), (1, 2, "winw1", "output", "ü\u2028"), (1, 0, "", "note", "")]
MARKS: list[Mark] = [(2, 1, 2, "winw1", "output"), (1, 1, 0, "", "note")]


def chunk(first: int, *texts: str, marks: list[Mark] | None = None) -> Chunk:
    return Chunk(first, "\n".join(texts).encode(), marks or [(len(texts), 1, 2, "winw1", "output")])


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("lines", {"lines": [list(row) for row in ROWS]}),
        ("joined", {"marks": [[2, 1, 2, "winw1", "output"], [1, 1, 0, "", "note"]], "text": "a\nü\u2028\n"}),
    ],
)
def test_a_frame_is_the_contracts_json(form: Form, content: dict[str, object]):
    (frame,) = cut_frames([chunk(7, "a", "ü\u2028", "", marks=MARKS)])

    assert json.loads(frame.message(form)["text"]) == {"first": 7, **content}
    assert (frame.first, frame.last) == (7, 9)


def test_a_form_is_encoded_once():
    (frame,) = cut_frames([chunk(0, "a", "ü\u2028", "", marks=MARKS)])

    assert frame.message("joined") is frame.message("joined")
    assert frame.message("joined") is not frame.message("lines")


def test_frames_follow_each_other_and_are_bounded():
    frames = cut_frames(
        [chunk(0, *["x" * 1000] * 400), chunk(400, "y" * FRAME_BYTES * 2), chunk(401, "", "z")]
    )

    assert [frame.first for frame in frames] == [0, *(frame.last + 1 for frame in frames[:-1])]
    assert frames[-1].last == 402
    assert sorted(len(frame.text) for frame in frames)[-2:] == [130 * 1001 - 1, FRAME_BYTES * 2]


PIECES = st.lists(st.text("äa\n", max_size=12).map(lambda text: text.split("\n")), max_size=9)


@given(PIECES, st.integers(1, 30))
def test_frames_hold_the_chunks_lines_and_are_as_full_as_can_be(pieces: list[list[str]], room: int):
    chunks = [chunk(sum(map(len, pieces[:at])), *texts) for at, texts in enumerate(pieces)]

    with patch("webapp.logs.frames.FRAME_BYTES", room):
        frames = cut_frames(chunks)

    texts = [text for frame in frames for text in frame.text.split("\n")]
    assert texts == [text for piece in pieces for text in piece]
    assert [frame.first for frame in frames] == [0, *(frame.last + 1 for frame in frames)][: len(frames)]
    sizes = [(len(frame.text.encode()), frame.text.split("\n")) for frame in frames]
    assert all(size <= room or len(lines) == 1 for size, lines in sizes)
    for (size, _), (_, lines) in pairwise(sizes):
        assert size + 1 + len(lines[0].encode()) > room


@given(st.text("äa\n", max_size=20), st.data())
def test_a_chunk_is_cut_between_lines(text: str, data: st.DataObject):
    texts = text.split("\n")
    marks: list[Mark] = [(1, at % 2, 0, "", "output") for at in range(len(texts))]
    whole = chunk(5, *texts, marks=marks)
    at = data.draw(st.integers(5, whole.line_count + 5 - 1))

    until, since = whole.until(at), whole.since(at - 1)

    assert until.rows() == whole.rows()[: at - 4]
    assert (since.first_line, since.rows()) == (at, whole.rows()[at - 5 :])


def test_no_lines_make_no_frame():
    assert cut_frames([]) == []


@pytest.mark.parametrize("length", [1, 200, 70_000])
def test_the_ready_frame_is_what_a_library_would_send(length: int):
    (frame,) = cut_frames([chunk(0, "x" * length)])

    message = frame.message("lines")
    assert message["frame"] == WebSocketFrame(Opcode.TEXT, message["text"].encode()).serialize(mask=False)
