"""The steps of an injection, or of a roll back, as a plan. Pure; `runs` walks it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webapp.catalog.kit_steps import KitStep
from webapp.planning.plan import LOOK, VALIDATE, Plan, PlannedStep, StepKind

LINT_S, LINT_LIMIT_S = 3, 120


@dataclass(frozen=True)
class Wish:
    """One binary for one machine; `about` is its Injection's key."""

    machine: str
    system: str
    component: str
    about: int
    is_linted: bool = True


class KitTooOld(Exception):
    """The kit has no step of this name."""


def inject_plan(wishes: Iterable[Wish], kit_steps: Iterable[KitStep]) -> Plan:
    """Plan several binaries: machines side by side, the binaries of one machine one after the other."""
    steps = {step.name: step for step in kit_steps}
    last: dict[str, str] = {}
    planned: list[PlannedStep] = []
    for wish in wishes:
        made = wish_steps(wish, steps, last.get(wish.machine, VALIDATE.key))
        last[wish.machine] = made[-2].key
        planned += made
    return Plan((VALIDATE, *planned, LOOK))


def wish_steps(wish: Wish, steps: Mapping[str, KitStep], after: str) -> list[PlannedStep]:
    """Return prepare, lint, replace, start, and what puts the old one back if one of the last two fails."""
    prepare = kit_step(wish, "inject-prepare", steps, (after,))
    lint = PlannedStep(
        key=f"{wish.machine} {wish.component} lint",
        kind=StepKind.LINT,
        machine=wish.machine,
        title=f"Hold {wish.component}'s flags against the new binary",
        needs=(prepare.key,),
        usual_s=LINT_S,
        limit_s=LINT_LIMIT_S,
        attempts=2,
        about=wish.about,
    )
    checked = [prepare, lint] if wish.is_linted else [prepare]
    replace = kit_step(wish, "inject-replace", steps, (checked[-1].key,))
    start = kit_step(wish, "inject-start", steps, (replace.key,))
    back = kit_step(wish, "inject-back", steps, (), (replace.key, start.key))
    return [*checked, replace, start, back]


def kit_step(
    wish: Wish,
    name: str,
    steps: Mapping[str, KitStep],
    needs: tuple[str, ...],
    rescues: tuple[str, ...] = (),
) -> PlannedStep:
    step = steps.get(f"{wish.system}-{name}")
    if step is None:
        raise KitTooOld(f"The kit has no step {wish.system}-{name}.")
    return PlannedStep(
        key=f"{wish.machine} {wish.component} {step.name}",
        kind=StepKind.INJECT,
        machine=wish.machine,
        title=step.title.replace("the binary", wish.component),
        needs=needs,
        with_=step.name,
        usual_s=step.usual_s,
        limit_s=step.limit_s,
        attempts=step.attempts,
        rescues=rescues,
        about=wish.about,
    )
