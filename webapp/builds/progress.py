"""How far a build is: packages compiled of all that it may have to compile. Pure.

Go prints the packages that it compiles, never those that its cache has; so the total is the last build's of
the same recipe, or counted beside the compiler, and when all is made, all of them are done. Components that
are stamped differently are built one after the other and share most packages: each counts once.
"""

from collections.abc import Collection
from typing import Protocol


class Counted(Protocol):
    """The packages that a go build may have to compile; none until they are known."""

    packages: Collection[str]


class Progress:
    """Adds up the go builds of one build. `usual`: how many packages it had last time, 0 = unknown."""

    def __init__(self, usual: int) -> None:
        self.usual = usual
        self.made = 0  # once all is made
        self.ended: set[tuple[str, str]] = set()  # of the go builds that have ended: kind, package
        self.kind = ""
        self.seen: Collection[str] = ()
        self.counted: Counted | None = None

    def begin(self, kind: str, seen: Collection[str], counted: Counted) -> None:
        """Look at another go build: the packages it has named so far, and its count.

        `kind`: what makes a package another one when it is compiled, its target and tags.
        """
        self.kind, self.seen, self.counted = kind, seen, counted

    def now(self) -> tuple[int, int]:
        """Return done and total; a total of 0 is not known yet."""
        if self.made:
            return self.made, self.made
        named = self.ended | self.of(self.seen)
        if self.usual:
            return len(named), max(self.usual, len(named))
        known = self.counted.packages if self.counted else ()
        is_unknown = self.counted is not None and not known
        return len(named), 0 if is_unknown else len(named | self.of(known))

    def of(self, packages: Collection[str]) -> set[tuple[str, str]]:
        return {(self.kind, package) for package in packages}

    def end(self) -> None:
        """The go build has ended well: whatever it did not name came from the cache."""
        self.ended |= self.of(self.seen)
        if self.counted is not None and not self.usual:
            self.ended |= self.of(self.counted.packages)
        self.seen, self.counted = (), None

    def whole(self) -> int:
        """All is made: return the packages of the whole build, which are done from now on."""
        self.made = max(self.usual, len(self.ended))
        return self.made
