"""What a terminal has shown: bounded, and enough to draw it again for somebody who joins late. Pure.

A viewer's own terminal is the emulator. It gets the pieces with the sizes that held when they were written,
begun at a place where the state (colours, modes) is known, and so ends up with the very same screen.
"""

import re
from collections import deque
from dataclasses import dataclass, field

MOST_BYTES = 256 * 1024
PIECE_BYTES = 8 * 1024
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;:]*)([mhl])|\x1bc|\x1b\[!p")
ALTERNATE = frozenset({"?47", "?1047", "?1049"})
ON_AT_FIRST = frozenset({"?7", "?25"})

Size = tuple[int, int]  # columns, rows


@dataclass(frozen=True)
class Attributes:
    """Colours and modes at one place of the output."""

    graphics: tuple[str, ...] = ()  # SGR parameters in force, e.g. ("1", "38;5;208")
    modes: frozenset[str] = frozenset()  # modes that differ from a new terminal's, e.g. "?1049"

    @property
    def is_alternate(self) -> bool:
        return bool(self.modes & ALTERNATE)

    def sequence(self) -> str:
        """Return what brings a new terminal here."""
        order = sorted(self.modes, key=lambda mode: (mode not in ALTERNATE, mode))
        switched = "".join(f"\x1b[{mode}{'l' if mode in ON_AT_FIRST else 'h'}" for mode in order)
        return switched + (f"\x1b[{';'.join(self.graphics)}m" if self.graphics else "")

    def after(self, text: str) -> "Attributes":
        """Return the state after `text` was shown."""
        graphics, modes = self.graphics, self.modes
        for found in SEQUENCE.finditer(text):
            marker, numbers, final = found.groups()
            if final is None:
                graphics, modes = (), frozenset() if found[0] == "\x1bc" else modes & ALTERNATE
            elif final == "m" and not marker:
                graphics = add_graphics(graphics, numbers)
            else:
                for number in numbers.split(";"):
                    is_on, mode = final == "h", marker + number
                    is_first = is_on == (mode in ON_AT_FIRST)
                    modes = modes - {mode} if is_first else modes | {mode}
        return Attributes(graphics, modes)


def add_graphics(graphics: tuple[str, ...], numbers: str) -> tuple[str, ...]:
    """Add SGR parameters to those in force; each replaces the one of its kind."""
    kept = {kind_of(one): one for one in graphics}
    rest = numbers.split(";")
    while rest:
        one = rest.pop(0) or "0"
        if one in ("38", "48", "58") and rest:
            count = 2 if rest[0] == "5" else 4
            one, rest = ";".join([one, *rest[:count]]), rest[count:]
        if one == "0":
            kept.clear()
        elif (kind := kind_of(one)) is not None:
            kept.pop(kind, None)
            if not is_reset(one):
                kept[kind] = one
    return tuple(kept.values())


def kind_of(one: str) -> str | None:
    """Return which attribute an SGR parameter sets or takes back."""
    head = re.split("[;:]", one, maxsplit=1)[0]
    if not head.isdecimal():
        return None
    number = int(head[:6])
    if 30 <= number <= 39 or 90 <= number <= 97:
        return "ink"
    if 40 <= number <= 49 or 100 <= number <= 107:
        return "paper"
    if number in (58, 59):
        return "underline colour"
    return {1: "weight", 2: "weight", 22: "weight", 21: "4"}.get(number, str(number % 20))


def is_reset(one: str) -> bool:
    return one in ("22", "23", "24", "25", "27", "28", "29", "39", "49", "55", "59")


@dataclass
class Piece:
    """Some output that was written at one size. `start`: bytes that had been written before it."""

    start: int
    size: Size
    before: Attributes
    data: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Screen:
    """The newest output of one terminal, at most MOST_BYTES."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.attributes = Attributes()
        self.pieces: deque[Piece] = deque([Piece(0, size, self.attributes)])

    @property
    def start(self) -> int:
        return self.pieces[0].start

    @property
    def end(self) -> int:
        return self.pieces[-1].end

    def write(self, text: str) -> None:
        last = self.pieces[-1]
        if len(last.data) >= PIECE_BYTES or last.size != self.size:
            last = Piece(last.end, self.size, self.attributes)
            self.pieces.append(last)
        last.data += text.encode()
        if "\x1b" in text:
            self.attributes = self.attributes.after(text)
        while len(self.pieces) > 1 and self.end - self.start > MOST_BYTES:
            self.pieces.popleft()

    def resize(self, size: Size) -> None:
        self.size = size

    def since(self, offset: int) -> list[tuple[Size, bytes]] | None:
        """Return what was written after `offset`, with its sizes; None when that is not kept any more."""
        if offset < self.start:
            return None
        found = []
        for piece in reversed(self.pieces):
            if piece.end <= offset:
                break
            found.append((piece.size, bytes(piece.data[max(0, offset - piece.start) :])))
        return found[::-1]

    def snapshot(self) -> list[tuple[Size, bytes]]:
        """Return what a new terminal has to be given to show the same, oldest first."""
        first = self.pieces[0]
        head = first.before.sequence().encode()
        pieces = [(piece.size, bytes(piece.data)) for piece in self.pieces]
        return [(first.size, head + pieces[0][1]), *pieces[1:]]

    @property
    def needs_redraw(self) -> bool:
        """Tell whether a full-screen program drew what is not kept any more: only it can draw it again."""
        return self.attributes.is_alternate and self.pieces[0].before.is_alternate
