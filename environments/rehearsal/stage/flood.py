"""The benchmark's load: REHEARSAL_FLOOD="lines=200000,rate=0" makes a provisioning step talk.

Each line is about 120 bytes and begins with the epoch second at which it was written and its number:
`1795363299.123456 000000042 xxxx…`. rate = lines a second, 0 = as fast as it goes.
"""

import time

from stage.clock import Clock
from stage.ui import Ui

BATCH = 250
LINE_BYTES = 120


def parse(setting: str) -> tuple[int, float]:
    """Read lines and rate."""
    values = dict(part.split("=", 1) for part in setting.replace(" ", "").split(",") if "=" in part)
    return int(values.get("lines", "200000")), float(values.get("rate", "0"))


def flood(ui: Ui, clock: Clock, machine: str, setting: str) -> None:
    """Write the lines as records of a guest's output."""
    lines, rate = parse(setting)
    lead = f",{machine},ui,detail," if ui.is_machine_readable else ""
    batch = max(1, min(BATCH, int(rate / 100))) if rate else BATCH
    began = time.monotonic()
    for first in range(0, lines, batch):
        if rate:
            time.sleep(max(0.0, began + first / rate - time.monotonic()))
        clock.wait(0)
        ui.raw(batch_of(range(first, min(first + batch, lines)), lead, machine))


def batch_of(numbers: range, lead: str, machine: str) -> bytes:
    stamp = time.time()
    start = f"{int(stamp)}{lead}" if lead else ""
    start += f"    {machine}: {stamp:.6f} "
    filler = " " + "x" * max(1, LINE_BYTES - len(start) - 11)
    return "".join([f"{start}{number:09d}{filler}\n" for number in numbers]).encode()
