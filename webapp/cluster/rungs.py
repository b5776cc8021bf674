"""The shapes of a ladder: frozen, made by `ladder`, drawn by the pages. Contract: docs/cluster.md."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RungState = Literal["done", "now", "failed", "waiting", "not-applicable", "unknown"]


@dataclass(frozen=True)
class Advice:
    """A known failure that fits the evidence (kit/failures.yaml), or what we say of this rung ourselves."""

    rule_id: str
    title: str
    explanation: str = ""
    advice: str = ""
    link: str = ""


@dataclass(frozen=True)
class FixOffer:
    """A safe repair. POST `kind` (and `argument`) to `actions.request_fix`; `confirm` is asked first."""

    kind: str
    label: str
    confirm: str
    machine: str = ""
    argument: str = ""


@dataclass(frozen=True)
class Rung:
    """One rung. `since`: when it came into this state (None = not known); `usual_s`: from past ladders."""

    key: str
    title: str
    state: RungState
    since: datetime | None = None
    evidence: str = ""
    usual_s: int | None = None
    finding: Advice | None = None
    advice: str = ""
    fix: FixOffer | None = None


@dataclass(frozen=True)
class Ladder:
    """A machine's way to Ready, in order. `seen_at`: the look it was drawn from (None = never)."""

    machine: str
    role: str
    rungs: tuple[Rung, ...]
    seen_at: datetime | None = None
    problem: str = ""

    @property
    def stuck(self) -> Rung | None:
        """The rung where it stands: the first that failed or is at work; None when there is none."""
        return next((rung for rung in self.rungs if rung.state in ("failed", "now")), None)

    @property
    def done(self) -> int:
        return sum(rung.state == "done" for rung in self.rungs)

    @property
    def due(self) -> int:
        """How many rungs there are to climb, without those that do not apply."""
        return sum(rung.state != "not-applicable" for rung in self.rungs)

    @property
    def is_ready(self) -> bool:
        """Every rung up to Ready is done or does not apply."""
        upto = [rung for rung in self.rungs if rung.key != "smoke"]
        return bool(upto) and all(rung.state in ("done", "not-applicable") for rung in upto)

    def rung(self, key: str) -> Rung | None:
        return next((rung for rung in self.rungs if rung.key == key), None)
