"""How far a build is: packages compiled of all that it may have to compile. Pure.

Go prints the packages that it compiles, never those that its cache has; so the total is the last build's of
the same recipe, or counted beside the compiler, and when all is made, all of them are done.
"""

from collections.abc import Collection
from typing import Protocol


class Counted(Protocol):
    """A total that is 0 until it is known."""

    total: int


class Progress:
    """Adds up the go builds of one build. `usual`: how many packages it had last time, 0 = unknown."""

    def __init__(self, usual: int) -> None:
        self.usual = usual
        self.done = self.total = 0  # of the go builds that have ended
        self.seen: Collection[str] = ()
        self.counted: Counted | None = None

    def begin(self, seen: Collection[str], counted: Counted) -> None:
        """Look at another go build: the packages it has named so far, and its count."""
        self.seen, self.counted = seen, counted

    def now(self) -> tuple[int, int]:
        """Return done and total; a total of 0 is not known yet."""
        done = self.done + len(self.seen)
        if self.usual:
            return done, max(self.usual, done)
        return done, self.total + self.counted_now()

    def counted_now(self) -> int:
        total = self.counted.total if self.counted else 0
        return max(total, len(self.seen)) if total else 0

    def end(self) -> None:
        """The go build has ended well: whatever it did not name came from the cache."""
        seen = len(self.seen)
        here = seen if self.usual else max(self.counted.total if self.counted else 0, seen)
        self.done, self.total = self.done + here, self.total + here
        self.seen, self.counted = (), None

    def whole(self) -> int:
        """All is made: return the packages of the whole build, which are done from now on."""
        self.done = self.total = max(self.usual, self.done)
        self.seen, self.counted = (), None
        return self.done
