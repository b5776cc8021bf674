"""One try to reach a machine: its PTY, and whether the far end has been reached yet.

started ─► reached ─► ended          started ─► ended (nobody answered; `said` is what the way itself said)

OpenSSH writes the way's `mark` once it has signed in. Before that nothing is shown and nothing may be typed:
it would go into the terminal of a program that may give up, or into whatever comes up next.
"""

import asyncio
from collections.abc import Callable

from webapp.shells.escapes import Filter
from webapp.shells.pty import Pty
from webapp.shells.screen import Size
from webapp.shells.ways import Way

MOST_EARLY = 16 * 1024  # bytes; a way that says more than this before it is there has lost its mark
LONGEST_SAID = 100


class Connection:
    """`reached` turns True or False; `ended` the exit code. In the event loop only. Raises OSError."""

    def __init__(self, way: Way, size: Size, on_output: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.reached: asyncio.Future[bool] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self._mark, self._early, self._on_output = way.mark, b"", on_output
        if not way.mark:
            self.reached.set_result(True)
        self.pty = Pty(
            way.argv, cwd=way.cwd, env=way.env, size=size, on_output=self._output, on_end=self._end
        )

    @property
    def is_reached(self) -> bool:
        return self.reached.done() and self.reached.result()

    @property
    def said(self) -> str:
        """Return the last line that came before the mark: why OpenSSH gave up."""
        lines = [line.strip() for line in Filter().feed(self._early).splitlines() if line.strip()]
        return lines[-1][:LONGEST_SAID] if lines else ""

    def _output(self, data: bytes) -> None:
        if self.is_reached:
            self._on_output(data)
            return
        self._early += data
        before, mark, after = self._early.partition(self._mark)
        if mark or len(self._early) > MOST_EARLY:
            self.reached.set_result(True)
            self._on_output(before + after)

    def _end(self, code: int) -> None:
        if not self.reached.done():
            self.reached.set_result(False)
        self.ended.set_result(code)
