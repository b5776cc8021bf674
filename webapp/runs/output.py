"""What a Vagrant child says, as log lines, and what it says of its own failure."""

import re
from collections.abc import Sequence

from webapp.logs.lines import LogLine
from webapp.vagrant.errors import error_from_crash
from webapp.vagrant.machine_readable import (
    ERROR_LEVELS,
    find_error,
    says_not_created,
    says_not_running,
    to_lines,
)

PROVISIONING = "Running provisioner: "
# Ruby's last words when Vagrant itself crashes: "file.rb:1:in `x': message (SomeError)". In two parts and
# bounded: a guest may write such a line too, and no line may take more than linear time.
CRASH = re.compile(r":in [`'][^']{0,200}': ")
ERROR_EXIT = ",error-exit,"
# In each batch that tells something about the run: a search in all of it takes a tenth of one in each line.
HINTS = (PROVISIONING, "created", "running", ":in ", *(f",{level}," for level in ERROR_LEVELS))
ERROR_CLASS = re.compile(r"[A-Z][\w:]*")


class VagrantOutput:
    """Translates lines of `--machine-readable` and remembers how Vagrant explained its end."""

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.error_class = ""
        self.error_text = ""
        self.last_error = ""
        self.was_not_created = False
        self.was_not_running = False
        self.has_provisioned = False

    def translate(self, texts: Sequence[str]) -> list[LogLine]:
        """Return the lines for people; keep what explains a failure."""
        said = "\n".join(texts)
        if ERROR_EXIT in said and (error := find_error(texts)):
            self.error_class = error.error_class.rpartition("::")[2]
            self.error_text = error.text
        lines = [LogLine(machine or self.machine, stream, text) for machine, stream, text in to_lines(texts)]
        if any(hint in said for hint in HINTS):
            for line in lines:
                self.listen(line)
        return lines

    def listen(self, line: LogLine) -> None:
        """Keep what one line tells; it can tell something only where one of HINTS was said."""
        if line.text.endswith(")") and (crash := read_crash(line.text)):
            self.error_class, self.error_text = crash
        if line.stream == "error" and line.text.strip():
            self.last_error = line.text.strip()
        self.was_not_created |= says_not_created(line.text)
        self.was_not_running |= says_not_running(line.text)
        self.has_provisioned |= line.text.startswith(PROVISIONING)

    @property
    def reason(self) -> str:
        """One sentence: Vagrant's own error, else the last line on stderr."""
        text = " ".join((self.error_text or self.last_error).split())
        return text if len(text) <= 300 else f"{text[:300]}…"


def read_crash(text: str) -> tuple[str, str] | None:
    """Return the class and the words of Ruby's last line; None for any other."""
    head, _, error_class = text[:-1].rpartition(" (")
    if ERROR_CLASS.fullmatch(error_class) is None or (where := CRASH.search(head)) is None:
        return None
    return error_class, str(error_from_crash(head[where.end() :]))
