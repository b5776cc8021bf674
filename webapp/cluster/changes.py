"""Apply or delete several objects of an attached cluster: tried as a whole first, reported one by one.

    change_all ─► a dry round (dryRun=All) ─► any refusal: nothing is done ─► the real round, object by object

What goes into a namespace that is not there yet is tried in `default` under another name: what is invalid
there is invalid everywhere; what that namespace itself refuses is passed over.
Source: Kubernetes API concepts, "Dry-run" (1.18 on) and "Server-side apply".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from webapp.cluster import api_calls
from webapp.cluster.api_request import ApiError, RefusedError, SilentError
from webapp.cluster.objects import KINDS, Object, named
from webapp.kube.loose import text
from webapp.kube.refusals import Right, lacks

State = Literal["done", "refused", "untried"]
METHODS = {"PATCH": "applied", "DELETE": "removed"}
FORBIDDEN = 403
MALFORMED = (400, 404, 422)  # 404: a kind that this release does not know
TRY = "-labkit-try"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MOST_TOLD = 4


@dataclass(frozen=True)
class Outcome:
    """What became of one object ("deployment/web"). `words`: what was done, or why it was not."""

    object: str
    state: State
    words: str = ""
    status: int = 0  # HTTP's, of a refusal


class NotAllDone(ApiError):
    """Some or all of it was refused; `outcomes` tells of each object."""

    def __init__(self, sentence: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(sentence)
        self.outcomes = tuple(outcomes)


def change_all(api: Any, method: str, documents: Sequence[Object]) -> tuple[Outcome, ...]:
    """Apply (PATCH) or DELETE them in this order. Raises NotAllDone, SilentError.

    Any: the client is untyped.
    """
    tried = [attempt(api, method, one, is_dry=True) for one in documents]
    waiting = [
        one for one, outcome in zip(documents, tried, strict=True) if waits_for(one, outcome, documents)
    ]
    refused = [
        outcome
        for one, outcome in zip(documents, tried, strict=True)
        if outcome.state == "refused" and one not in waiting
    ]
    refused += [outcome for one in waiting if (outcome := try_elsewhere(api, one)).state == "refused"]
    if refused:
        raise nothing_done(method, refused, [named(one) for one in documents])
    return carried_out(api, method, documents)


def attempt(api: Any, method: str, document: Object, *, is_dry: bool) -> Outcome:
    """Change one object, or only try to. Raises SilentError."""
    name = named(document)
    try:
        return Outcome(name, "done", api_calls.change(api, method, document, is_dry=is_dry))
    except RefusedError as error:
        if is_dry and "does not support dry run" in str(error):
            return Outcome(name, "done", "could not be tried: a webhook of the cluster takes no dry run")
        return Outcome(name, "refused", str(error), error.status)


def waits_for(document: Object, outcome: Outcome, documents: Iterable[Object]) -> bool:
    """Tell whether it was refused only because its namespace, which is among them, is not there yet."""
    space = text(document, "metadata", "namespace")
    is_given = any(one["kind"] == "Namespace" and one["metadata"]["name"] == space for one in documents)
    return outcome.state == "refused" and is_given and f'namespaces "{space}" not found' in outcome.words


def try_elsewhere(api: Any, document: Object) -> Outcome:
    """Ask whether it may be created in its namespace, and try in `default` whether it is well formed."""
    name, metadata = named(document), document["metadata"]
    version, plural = KINDS[document["kind"]]
    right = Right("create", plural, version.rpartition("/")[0], metadata["namespace"])
    if is_denied(api, right):
        return Outcome(name, "refused", lacks("", right), FORBIDDEN)
    elsewhere = {**metadata, "namespace": "default", "name": f"{metadata['name'][:40]}{TRY}"}
    outcome = attempt(api, "PATCH", {**document, "metadata": elsewhere}, is_dry=True)
    is_refused = outcome.state == "refused" and outcome.status in MALFORMED
    return replace(outcome, object=name, state="refused" if is_refused else "done")


def carried_out(api: Any, method: str, documents: Sequence[Object]) -> tuple[Outcome, ...]:
    """Do it; a refusal stops no other object, silence does. Raises NotAllDone."""
    outcomes: list[Outcome] = []
    for document in documents:
        try:
            outcomes.append(attempt(api, method, document, is_dry=False))
        except SilentError as error:
            outcomes.append(Outcome(named(document), "refused", str(error)))
            break
    rest = (Outcome(named(one), "untried", "not tried any more") for one in documents[len(outcomes) :])
    outcomes += rest
    failed = [outcome for outcome in outcomes if outcome.state != "done"]
    if failed:
        done = len(outcomes) - len(failed)
        head = f"Only {done} of {len(outcomes)} objects were {METHODS[method]}."
        raise NotAllDone(f"{head} {told(failed)}", outcomes)
    return tuple(outcomes)


def nothing_done(method: str, refused: Sequence[Outcome], names: Sequence[str]) -> NotAllDone:
    head = f"Nothing was {METHODS[method]}: {len(refused)} of {len(names)} objects would be refused."
    by_name = {outcome.object: outcome for outcome in refused}
    outcomes = [by_name.get(name) or Outcome(name, "untried") for name in names]
    return NotAllDone(f"{head} {told(refused)}", outcomes)


def told(failed: Sequence[Outcome]) -> str:
    """Say the first of them, each reason once."""
    words: dict[str, list[str]] = {}
    for outcome in failed:
        words.setdefault(outcome.words, []).append(outcome.object)
    lines = [f"{', '.join(names[:MOST_TOLD])}: {why}" for why, names in words.items()]
    return " ".join(lines[:MOST_TOLD])


def lacking(api: Any, rights: Iterable[Right]) -> list[str]:
    """Return a sentence for each right that the API says is missing; what it does not tell is not guessed.

    Raises SilentError.
    """
    return [lacks("", right) for right in rights if is_denied(api, right)]


def is_denied(api: Any, right: Right) -> bool:
    resource, _, part = right.resource.partition("/")
    wanted = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": part}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**wanted, "namespace": right.namespace}},
    }
    try:
        answer = api_calls.ask_json(api, "POST", REVIEW, body=body)
    except RefusedError:
        return False
    status = answer.get("status") if isinstance(answer, dict) else None
    return isinstance(status, dict) and status.get("allowed") is False
