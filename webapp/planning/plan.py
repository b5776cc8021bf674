"""What a plan is: verbs, kinds of steps, a small DAG of planned steps. Contract: docs/plan.md.

Pure values. `planning.make` and `inject.plan` make plans, `runs` stores and walks them.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class PlanError(Exception):
    """The verb cannot be planned for this lab; the text says why."""


class Verb(StrEnum):
    """What a person can ask of a lab or of one machine."""

    LAUNCH = "launch"
    UP = "up"
    HALT = "halt"
    SUSPEND = "suspend"
    RESUME = "resume"
    RELOAD = "reload"
    PROVISION = "provision"
    DESTROY = "destroy"
    SNAPSHOT_SAVE = "snapshot-save"
    SNAPSHOT_RESTORE = "snapshot-restore"
    SNAPSHOT_DELETE = "snapshot-delete"
    # Planned by the room `inject`, which knows the binary: they cannot be asked for by name alone.
    INJECT = "inject"
    ROLL_BACK = "roll-back"


class StepKind(StrEnum):
    """What a step does; all but the first four, `lint` and `look` call Vagrant."""

    VALIDATE = "validate"
    PREFLIGHT = "preflight"
    DOWNLOAD = "download"
    BUILD = "build"  # compiled binaries for the machines; the room `supply` carries it out
    WAIT_FOR = "wait-for"
    UP = "up"
    PROVISION = "provision"
    HALT = "halt"
    SUSPEND = "suspend"
    RESUME = "resume"
    RELOAD = "reload"
    DESTROY = "destroy"
    SNAPSHOT_SAVE = "snapshot-save"
    SNAPSHOT_RESTORE = "snapshot-restore"
    SNAPSHOT_DELETE = "snapshot-delete"
    INJECT = "inject"  # a provisioner of the kit, with a binary served to it
    LINT = "lint"  # holds a service's flags against the binary's own
    LOOK = "look"


@dataclass(frozen=True)
class PlannedStep:
    """One node of a plan. `needs` are keys of steps that must have succeeded."""

    key: str
    kind: StepKind
    machine: str
    title: str
    needs: tuple[str, ...] = ()
    with_: str = ""  # the provisioner's name, for `provision`
    inputs: tuple[str, ...] = ()  # secrets to be laid right before each attempt, see runs/inputs.py
    usual_s: int | None = None
    limit_s: int = 900
    attempts: int = 1
    may_reboot: bool = False
    # A look runs when all others have ended, however they ended.
    always: bool = False
    # This step runs only when one of these was begun in vain, and even when the run is canceled.
    rescues: tuple[str, ...] = ()
    about: int | None = None  # the row that the step is about, for kinds that have one


@dataclass(frozen=True)
class Plan:
    """Steps in an order that respects `needs`."""

    steps: tuple[PlannedStep, ...]

    def to_json(self) -> dict[str, Any]:  # Any: the JSON edge
        return {"steps": [asdict(step) for step in self.steps]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:  # Any: the JSON edge
        return cls(
            tuple(
                PlannedStep(
                    **{
                        **step,
                        "kind": StepKind(step["kind"]),
                        "needs": tuple(step["needs"]),
                        "inputs": tuple(step["inputs"]),
                        "rescues": tuple(step.get("rescues", ())),
                    }
                )
                for step in value["steps"]
            )
        )


VALIDATE = PlannedStep(
    "validate", StepKind.VALIDATE, "", "Check definition, folder and kit", limit_s=60, usual_s=1
)
PREFLIGHT = PlannedStep(
    "preflight", StepKind.PREFLIGHT, "", "Check the lab host", needs=("validate",), limit_s=120, usual_s=2
)
DOWNLOADS = PlannedStep(
    "downloads",
    StepKind.DOWNLOAD,
    "",
    "Fetch downloads for the machines",
    needs=("preflight",),
    limit_s=3600,
    usual_s=90,
)
BUILDS = PlannedStep(
    "builds",
    StepKind.BUILD,
    "",
    "Build binaries for the machines",
    needs=("preflight",),
    limit_s=6 * 3600,
    usual_s=600,
)
LOOK = PlannedStep(
    "look", StepKind.LOOK, "", "Look at the machines", limit_s=120, attempts=2, always=True, usual_s=3
)


def critical_path_s(plan: Plan) -> int:
    """Seconds the plan usually takes when everything that may run side by side does."""
    ends: dict[str, int] = {}
    for step in plan.steps:
        start = max((ends.get(need, 0) for need in step.needs), default=0)
        ends[step.key] = start + (step.usual_s or 0)
    return max(ends.values(), default=0)
