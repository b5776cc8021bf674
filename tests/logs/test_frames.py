"""Frames: what the browser parses, in pieces of a bounded size, framed as a WebSocket library would."""

import json

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from webapp.logs.frames import FRAME_BYTES, Form, cut_frames

ROWS = [(1, 2, "winw1", "output", "a"), (1, 2, "winw1", "output", "ü\u2028"), (1, 0, "", "note", "")]


def rows(*texts: str) -> list[tuple[int, int, str, str, str]]:
    return [(1, 2, "winw1", "output", text) for text in texts]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("lines", {"lines": [list(row) for row in ROWS]}),
        ("joined", {"marks": [[2, 1, 2, "winw1", "output"], [1, 1, 0, "", "note"]], "text": "a\nü\u2028\n"}),
    ],
)
def test_a_frame_is_the_contracts_json(form: Form, content: dict[str, object]):
    (frame,) = cut_frames(7, ROWS)

    assert json.loads(frame.message(form)["text"]) == {"first": 7, **content}
    assert (frame.first, frame.last) == (7, 9)


def test_a_form_is_encoded_once():
    (frame,) = cut_frames(0, ROWS)

    assert frame.message("joined") is frame.message("joined")
    assert frame.message("joined") is not frame.message("lines")


def test_frames_follow_each_other_and_are_bounded():
    frames = cut_frames(0, rows(*["x" * 1000] * 200, "y" * FRAME_BYTES, "z"))

    assert [frame.first for frame in frames] == [0, *(frame.last + 1 for frame in frames[:-1])]
    assert frames[-1].last == 201
    assert max(len(frame.message("lines")["text"]) for frame in frames) < FRAME_BYTES * 1.2


def test_no_lines_make_no_frame():
    assert cut_frames(0, []) == []


@pytest.mark.parametrize("length", [1, 200, 70_000])
def test_the_ready_frame_is_what_a_library_would_send(length: int):
    (frame,) = cut_frames(0, rows("x" * length))

    message = frame.message("lines")
    assert message["frame"] == WebSocketFrame(Opcode.TEXT, message["text"].encode()).serialize(mask=False)
