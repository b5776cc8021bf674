"""What is wrong in a definition, told so that its author can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One mistake. Lines count from 1; 0 = the file as a whole. `key` as its author wrote it."""

    file: str
    line: int
    key: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        allowed = f" Allowed: {self.allowed}." if self.allowed else ""
        return f"{place}: {self.key + ': ' if self.key else ''}{self.what}{allowed}"


@dataclass(frozen=True)
class Note:
    """What was read differently from how upstream meant it, or is worth knowing."""

    line: int
    key: str
    text: str


class DefinitionError(Exception):
    """A definition cannot be used; `problems` holds all that was found, in line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(str(problem) for problem in self.problems))


MAX_PROBLEMS = 50
MAX_KEY = 80


@dataclass
class Findings:
    """Collects problems and notes while one text is read.

    `places` remembers where each setting was written: its path in our own
    generation ("network.pod_cidr") → the key as written and its line.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def refuse(self, line: int, key: str, what: str, allowed: str = "") -> None:
        """Add a problem; past a page of them the rest would help nobody, so reading ends."""
        self.problems.append(Problem(self.file, line, key[:MAX_KEY], what, allowed))
        if len(self.problems) >= MAX_PROBLEMS:
            raise DefinitionError(self.problems)

    def note(self, line: int, key: str, text: str) -> None:
        self.notes.append(Note(line, key, text))

    def place(self, path: str) -> tuple[str, int]:
        """Return where `path` or the nearest thing around it was written; line 0 if nowhere."""
        around = path
        while around:
            if around in self.places:
                return self.places[around]
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return (path, 0)

    def refuse_setting(self, path: str, what: str, allowed: str = "") -> None:
        """Refuse a setting by its path, at the place where it was written.

        A place that has a problem already holds a default by now: no second one for it.
        """
        key, line = self.place(path)
        if not any((problem.key, problem.line) == (key, line) for problem in self.problems if line):
            self.refuse(line, key, what, allowed)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, "" if none is near."""
    found = get_close_matches(word[:MAX_KEY], list(known), 1, cutoff=0.6)
    return found[0] if found else ""
