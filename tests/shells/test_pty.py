"""One child on a pseudo-terminal."""

import asyncio
from pathlib import Path

from webapp.shells.pty import Pty


class Child:
    """A child and what came of it."""

    def __init__(self, *argv: str, size: tuple[int, int] = (80, 24)) -> None:
        self.shown = b""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pty = Pty(
            argv, cwd=Path("/"), env={"PATH": "/usr/bin:/bin"}, size=size,
            on_output=self._output, on_end=self.ended.set_result,
        )  # fmt: skip

    def _output(self, data: bytes) -> None:
        self.shown += data

    async def code(self) -> int:
        return await asyncio.wait_for(self.ended, 30)


async def test_a_terminal_that_has_ended_resizes_no_other():
    first = Child("true")
    await first.code()
    second = Child("sh", "-c", "read go; stty size")  # it has the descriptor that the first one had

    first.pty.resize((20, 5))
    second.pty.write(b"\n")

    assert await second.code() == 0
    assert b"24 80" in second.shown


async def test_what_cannot_be_started_leaves_no_descriptor_open():
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        try:
            Child("/no/such/program")
        except FileNotFoundError:
            continue

    assert len(list(Path("/proc/self/fd").iterdir())) == before
