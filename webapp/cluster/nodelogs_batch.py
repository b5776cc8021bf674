"""What a reader gives, and what readers of logs have in common; the readers stand beside it. Pure.

nodelogs_guest (files, the journal, events), nodelogs_api (pods, node log query) ─► nodelogs_readers
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Batch:
    """New lines; `has_more`: ask again at once. `note`: something to say of it."""

    lines: list[str]
    has_more: bool = False
    note: str = ""


class Reader(Protocol):
    """One log, as far as it has been read."""

    def read(self) -> Batch:
        """Return what is new. Raises ReachError."""

    def rest(self) -> list[str]:
        """Return the line that has no end yet: nothing more is read."""
        return []
