"""A run's steps as bars: how long each took or takes, against how long it usually does. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Look = Literal["is-done", "is-slow", "is-failed", "is-running", "is-waiting"]
# A step is called slow when it takes this many times as long as usual, and 10 s more.
SLOW = 1.5
SLOW_S = 10


class StepLike(Protocol):
    """What is needed of a step."""

    status: str
    started_at: datetime | None
    finished_at: datetime | None
    usual_s: int | None
    is_carried: bool


@dataclass(frozen=True)
class Bar:
    """One step. `value` of `top` is drawn; `seconds` None = it has not begun."""

    step: StepLike
    seconds: float | None
    value: int
    top: int
    look: Look


def timeline(steps: Iterable[StepLike], now: datetime) -> list[Bar]:
    """Draw each step on its own scale: full = the usual time, or its own if that is longer."""
    return [bar(step, now) for step in steps]


def bar(step: StepLike, now: datetime) -> Bar:
    seconds = None
    if step.started_at is not None:  # a clock that was set back since counts as no time
        seconds = max(0.0, ((step.finished_at or now) - step.started_at).total_seconds())
    value = round(seconds or 0)
    top = max(step.usual_s or 0, value, 1)
    if step.status == "succeeded" and not value:
        value = top  # done within the first second, or carried over
    return Bar(step, seconds, value, top, look_of(step, seconds))


def look_of(step: StepLike, seconds: float | None) -> Look:
    if step.status in ("failed", "interrupted", "canceled"):
        return "is-failed"
    if step.status not in ("running", "succeeded"):
        return "is-waiting"
    if is_slow(seconds, step.usual_s):
        return "is-slow"
    return "is-done" if step.status == "succeeded" else "is-running"


def is_slow(seconds: float | None, usual_s: int | None) -> bool:
    return bool(seconds and usual_s and seconds > max(usual_s * SLOW, usual_s + SLOW_S))
