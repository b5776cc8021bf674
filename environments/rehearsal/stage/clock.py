"""The rehearsal's clock: real durations divided by the speed, and Vagrant's answer to SIGINT.

Like Vagrant, the first SIGINT only asks: what runs in the guest goes on (here for at most CLEANUP_S),
then Vagrant ends with 1. The second ends it at once.
"""

import os
import signal
import time

from stage.ui import Failure, Ui

CLEANUP_S = 2.0
SLICE_S = 0.05


class Clock:
    """Waits, at `speed` times real time; speed 0 does not wait at all."""

    def __init__(self, ui: Ui, speed: float) -> None:
        self.ui = ui
        self.speed = speed
        self.machine = ""
        self.interrupts = 0
        self.interrupted_at = 0.0

    def heed_interrupts(self, machine: str) -> None:
        """From here on an action runs: SIGINT asks first."""
        self.machine = machine
        signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, *_: object) -> None:
        """Only count: a handler that writes may strike in the middle of a write."""
        self.interrupts += 1

    def heed(self) -> None:
        """Answer the interrupts that came since the last look."""
        if self.interrupts > 1:
            self.ui.say("error", "Exiting immediately, without cleanup!", self.machine)
            os._exit(1)
        if self.interrupts and not self.interrupted_at:
            self.interrupted_at = time.monotonic()
            self.ui.say("warn", "Waiting for cleanup before exiting...", self.machine)

    def wait(self, seconds: float) -> None:
        """Let so many seconds of a real lab pass; Failure once an interrupt's time for cleanup is over."""
        end = time.monotonic() + (seconds / self.speed if self.speed else 0.0)
        while True:
            self.heed()
            if self.interrupted_at and time.monotonic() - self.interrupted_at > CLEANUP_S:
                self.give_way()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, SLICE_S))

    def give_way(self) -> None:
        """Stop here if an interrupt has been asked for."""
        self.heed()
        if self.interrupted_at:
            raise Failure("VagrantInterrupt", "Vagrant exited after cleanup due to external interrupt.")

    def hang(self) -> None:
        """Do nothing for ever, deaf to the first SIGINT, as a guest that does not answer."""
        while True:
            self.heed()
            time.sleep(SLICE_S)
