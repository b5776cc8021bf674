"""Frames: what the browser parses, in pieces of a bounded size, framed as a WebSocket library would."""

import json

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from webapp.logs.frames import FRAME_BYTES, encode_frames


def rows(*texts: str) -> list[tuple[int, int, str, str, str]]:
    return [(1, 2, "winw1", "output", text) for text in texts]


def test_a_frame_is_the_contracts_json():
    (frame,) = encode_frames(7, rows("a", "ü\u2028"))

    assert json.loads(frame.message["text"]) == {
        "first": 7,
        "lines": [[1, 2, "winw1", "output", t] for t in ("a", "ü\u2028")],
    }
    assert (frame.first, frame.last) == (7, 8)


def test_frames_follow_each_other_and_are_bounded():
    frames = encode_frames(0, rows(*["x" * 1000] * 200, "y" * FRAME_BYTES, "z"))

    assert [frame.first for frame in frames] == [0, *(frame.last + 1 for frame in frames[:-1])]
    assert frames[-1].last == 201
    assert max(len(frame.message["text"]) for frame in frames) < FRAME_BYTES * 1.2


def test_no_lines_make_no_frame():
    assert encode_frames(0, []) == []


@pytest.mark.parametrize("length", [1, 200, 70_000])
def test_the_ready_frame_is_what_a_library_would_send(length: int):
    (frame,) = encode_frames(0, rows("x" * length))

    payload = frame.message["text"].encode()
    assert frame.message["frame"] == WebSocketFrame(Opcode.TEXT, payload).serialize(mask=False)
