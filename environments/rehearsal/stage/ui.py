"""What the rehearsal says, as Vagrant says it: for people, or as `--machine-readable` records."""

import sys
import time

COMMA = "%!(VAGRANT_COMMA)"
REHEARSAL = "This is a rehearsal: nothing is started, nothing is installed."


class Failure(Exception):
    """Vagrant gives up: its error class, its text, exit code 1."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class if "::" in error_class else f"Vagrant::Errors::{error_class}"
        self.text = text


def escape(text: str) -> str:
    """Escape as Vagrant does; a backslash stays as it is."""
    return text.replace(",", COMMA).replace("\n", "\\n").replace("\r", "\\r")


class Ui:
    """Writes to the two standard streams, flushed after each message."""

    def __init__(self, *, is_machine_readable: bool) -> None:
        self.is_machine_readable = is_machine_readable

    def say(self, level: str, text: str, machine: str = "") -> None:
        """Say something; level: output, info, success, detail, warn, error."""
        if machine:
            lead = ("    " if level == "detail" else "==> ") + f"{machine}: "
            text = "\n".join(lead + line for line in text.split("\n"))
        if self.is_machine_readable:
            self.record("ui", level, text, machine=machine)
        else:
            stream = sys.stderr if level == "error" else sys.stdout
            print(text, file=stream, flush=True)

    def record(self, kind: str, *data: str, machine: str = "") -> None:
        """Write a record; nothing when the output is for people."""
        if self.is_machine_readable:
            fields = ",".join(escape(value) for value in data)
            print(f"{int(time.time())},{machine},{kind},{fields}", flush=True)

    def raw(self, data: bytes) -> None:
        """Write bytes past all rules, for the mishap `garbage` and the flood."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def admit(self, machine: str = "") -> None:
        """Say, once per command, what this is."""
        self.say("info", REHEARSAL, machine)

    def give_up(self, failure: Failure) -> int:
        self.say("error", failure.text)
        self.record("error-exit", failure.error_class, failure.text)
        return 1
