"""Streams: a piece goes as soon as it is there, and what was opened for it is closed."""

from collections.abc import Iterator
from pathlib import Path

from webapp.web.streams import BLOCK, read_file, streamed


class Pieces:
    """Counts what was asked of it, and whether it was closed."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes, self.asked, self.is_closed = sizes, 0, False

    def made(self) -> Iterator[bytes]:
        try:
            for size in self.sizes:
                self.asked += 1
                yield b"x" * size
        finally:
            self.is_closed = True


async def test_a_stream_is_made_only_as_far_as_it_was_taken():
    pieces = Pieces([BLOCK] * 1000)
    stream = streamed(pieces.made())

    first = await anext(stream)

    assert (len(first), pieces.asked) == (BLOCK, 1)
    await stream.aclose()
    assert pieces.is_closed


async def test_small_pieces_travel_together_and_empty_ones_end_nothing():
    pieces = Pieces([0, 1, 0, 0, 2, BLOCK, 0, 3])

    sizes = [len(block) async for block in streamed(pieces.made())]

    assert sizes == [BLOCK + 3, 3]


async def test_nothing_is_a_stream_too():
    assert [block async for block in streamed(())] == []


def test_no_more_of_a_file_is_read_than_was_promised(tmp_path: Path):
    path = tmp_path / "growing"
    path.write_bytes(b"12345")
    file = path.open("rb")

    assert b"".join(read_file(file, 3)) == b"123"
    assert file.closed
