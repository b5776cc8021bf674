"""Send what is read or made piece by piece: the first goes at once, memory does not grow with the whole.

Handed a synchronous iterator under ASGI, Django gathers all of it in a list before it sends anything
(5.2, StreamingHttpResponse.__aiter__; FileResponse too): each stream of this site goes through `streamed`.
"""

from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from typing import BinaryIO

from asgiref.sync import sync_to_async

BLOCK = 256 * 1024  # bytes that are gathered before they are sent


async def streamed(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield blocks of the pieces, read in the request's own thread; a generator is closed at the end."""
    iterator = iter(pieces)
    try:
        while block := await sync_to_async(next_block)(iterator):
            yield block
    finally:
        if isinstance(iterator, Generator):
            await sync_to_async(iterator.close)()


def next_block(iterator: Iterator[bytes]) -> bytes:
    """Return the next BLOCK bytes or a little more; b"" at the end."""
    found: list[bytes] = []
    size = 0
    for piece in iterator:
        found.append(piece)
        size += len(piece)
        if size >= BLOCK:
            break
    return b"".join(found)


def read_file(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Yield the next `length` bytes of an open file, and close it."""
    with file:
        while length > 0 and (block := file.read(min(BLOCK, length))):
            length -= len(block)
            yield block
