"""Ask a cluster the same things whichever way it is reached: a lab's control plane, a kubeconfig, or SSH.

    reach_of(cluster) ─► shell (a machine's own), raw (GET at the API), apply and remove, run_in_pod

Only on a worker. What was typed by people is checked by its caller and quoted here.
"""

import base64
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

from webapp.cluster import api_calls, attached, objects, remote
from webapp.cluster.api_request import ApiError
from webapp.cluster.changes import NotAllDone, Outcome, change_all, lacking
from webapp.cluster.guests import GuestError, run_in
from webapp.cluster.linux_look import KUBECTL
from webapp.cluster.models import Cluster, NamedMachine
from webapp.cluster.powershell import redacted
from webapp.kube.refusals import Right
from webapp.labs.models import Lab, Machine
from webapp.process import Completed

SHELL_S, API_S = 30.0, 40.0
MANIFEST_S = 90.0
NO_DRY_RUN = "does not support dry run"  # a webhook of the cluster: it cannot be tried
Query = Mapping[str, str]


class ReachError(Exception):
    """The cluster could not be asked, or refused; a sentence."""


class PartlyError(ReachError):
    """Some or all of several objects were refused; `outcomes` tells of each."""

    def __init__(self, sentence: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(sentence)
        self.outcomes = tuple(outcomes)


class Reach(Protocol):
    """One way to a cluster; each method raises ReachError."""

    def shell(self, machine: str, command: str, *, timeout_s: float = SHELL_S) -> Completed:
        """Run a command on a machine: bash on Linux, PowerShell on Windows."""

    def is_windows(self, machine: str) -> bool | None:
        """Tell the system of a machine that has a shell; None when none is reached."""

    def raw(self, path: str, query: Query) -> str:
        """GET from the API and return the answer as it is."""

    def apply(self, documents: Sequence[objects.Object]) -> str:
        """Make these objects so; returns what was said. Raises PartlyError where it knows of each."""

    def remove(self, documents: Sequence[objects.Object]) -> str:
        """Delete these objects; those that are gone are no failure. Raises as `apply`."""

    def lacking(self, rights: Sequence[Right]) -> list[str]:
        """Return a sentence for each right that is known to be missing."""

    def run_in_pods(self, commands: Sequence[tuple[str, str, Sequence[str]]]) -> Completed:
        """Run (namespace, pod, words) one after the other; `labkit-hop N` precedes what each says."""


class LabReach:
    """A lab: its machines through the lab host, its API through kubectl on the control plane."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machines: dict[str, Machine] = {machine.name: machine for machine in lab.machines.all()}

    def shell(self, machine: str, command: str, *, timeout_s: float = SHELL_S) -> Completed:
        if machine not in self.machines:
            raise ReachError(f"The lab has no machine {machine!r}.")
        try:
            return run_in(self.lab, self.machines[machine], command, timeout_s=timeout_s)
        except GuestError as error:
            raise ReachError(str(error)) from error

    def is_windows(self, machine: str) -> bool | None:
        found = self.machines.get(machine)
        return found.is_windows if found is not None else None

    @property
    def head(self) -> str:
        for machine in self.machines.values():
            if machine.role == "control-plane":
                return machine.name
        raise ReachError("The lab has no control plane.")

    def kubectl(self, words: str, *, timeout_s: float = API_S) -> str:
        """Run kubectl on the control plane; `words` are quoted already. ReachError when it failed."""
        done = self.shell(self.head, words, timeout_s=timeout_s)
        if done.code != 0:
            raise ReachError(first_words(done))
        return done.output

    def raw(self, path: str, query: Query) -> str:
        return self.kubectl(f"{KUBECTL} get --raw {shlex.quote(with_query(path, query))}")

    def apply(self, documents: Sequence[objects.Object]) -> str:
        """Try all of it dry first, in a namespace that is there: kubectl applies what it can otherwise."""
        spaces = [one for one in documents if one["kind"] == "Namespace"]
        rest = [one for one in documents if one["kind"] != "Namespace"]
        command, said = f"{KUBECTL} apply -f -", ""
        if spaces:
            said = self.kubectl(piped(spaces, command), timeout_s=MANIFEST_S)
        self.try_dry(rest)
        return said + self.kubectl(piped(rest, command), timeout_s=MANIFEST_S)

    def try_dry(self, documents: Sequence[objects.Object]) -> None:
        """Raise PartlyError when the API would refuse any of them; nothing is changed."""
        command = piped(documents, f"{KUBECTL} apply --dry-run=server -f -")
        done = self.shell(self.head, command, timeout_s=MANIFEST_S)
        if done.code != 0 and NO_DRY_RUN not in done.errors:
            untried = [Outcome(objects.named(one), "untried") for one in documents]
            raise PartlyError(f"Nothing was applied. {first_words(done)}", untried)

    def remove(self, documents: Sequence[objects.Object]) -> str:
        command = f"{KUBECTL} delete --ignore-not-found --wait=false -f -"
        return self.kubectl(piped(list(documents)[::-1], command), timeout_s=MANIFEST_S)

    def lacking(self, rights: Sequence[Right]) -> list[str]:  # noqa: ARG002  (it is the administrator)
        return []

    def run_in_pods(self, commands: Sequence[tuple[str, str, Sequence[str]]]) -> Completed:
        """One question for all: a rehearsed or WinRM-only host is slow to ask."""
        return self.shell(self.head, exec_line(commands), timeout_s=20 + 8 * len(commands))


def exec_line(commands: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    parts = [
        f"echo labkit-hop {number}; {KUBECTL} -n {shlex.quote(space)} exec {shlex.quote(pod)} -- "
        f"{shlex.join(words)} 2>&1 && echo labkit-ok"
        for number, (space, pod, words) in enumerate(commands)
    ]
    return "; ".join([*parts, f"echo labkit-hop {len(parts)}"])


def piped(documents: Sequence[objects.Object], command: str) -> str:
    """Hand objects to a command without a file: base64 needs no quoting."""
    whole = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    text = base64.b64encode(json.dumps(whole).encode()).decode()
    return f"echo {text} | base64 -d | {command}"


def first_words(done: Completed) -> str:
    """Return what a failed command complained of, in one line and without secrets."""
    lines = [line for line in (done.errors or done.output).strip().splitlines() if line.strip()]
    return " ".join(redacted(tuple(lines[:3])))[:400] or f"It ended with {done.code} and said nothing."


def with_query(path: str, query: Query) -> str:
    return f"{path}?{urlencode(query)}" if query else path


class AttachedReach:
    """An attached cluster: its API by the kubeconfig, its named machines by SSH or WinRM."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.machines: dict[str, NamedMachine] = {one.name: one for one in cluster.named_machines.all()}

    def shell(self, machine: str, command: str, *, timeout_s: float = SHELL_S) -> Completed:
        if machine not in self.machines:
            raise ReachError(f"No way to {machine or 'this machine'} is known: name it under Machines.")
        try:
            return remote.run_at(self.machines[machine], command, timeout_s=timeout_s)
        except remote.RemoteError as error:
            raise ReachError(str(error)) from error

    def is_windows(self, machine: str) -> bool | None:
        found = self.machines.get(machine)
        return found.is_windows if found is not None else None

    @contextmanager
    def api(self) -> Iterator[Any]:  # Any: the client is untyped
        """Give the client; what the API refuses becomes a ReachError."""
        try:
            with attached.client_of(self.cluster) as api:
                yield api
        except NotAllDone as error:
            raise PartlyError(str(error), error.outcomes) from error
        except ApiError as error:
            raise ReachError(str(error)) from error

    def raw(self, path: str, query: Query) -> str:
        with self.api() as api:
            return api_calls.ask_text(api, path, query=query)

    def apply(self, documents: Sequence[objects.Object]) -> str:
        return self.change(documents, "PATCH")

    def remove(self, documents: Sequence[objects.Object]) -> str:
        return self.change(list(documents)[::-1], "DELETE")

    def change(self, documents: Sequence[objects.Object], method: str) -> str:
        with self.api() as api:
            outcomes = change_all(api, method, documents)
        return "\n".join(f"{outcome.object} {outcome.words}" for outcome in outcomes)

    def lacking(self, rights: Sequence[Right]) -> list[str]:
        with self.api() as api:
            return lacking(api, rights)

    def run_in_pods(self, commands: Sequence[tuple[str, str, Sequence[str]]]) -> Completed:
        """Through the API's exec, as kubectl does."""
        with self.api() as api:
            parts = [
                f"labkit-hop {number}\n{api_calls.run_in_pod(api, space, pod, words)}"
                for number, (space, pod, words) in enumerate(commands)
            ]
        return Completed(0, "\n".join([*parts, f"labkit-hop {len(parts)}"]), "")


def reach_of(cluster: Cluster) -> Reach:
    return LabReach(cluster.lab) if cluster.lab is not None else AttachedReach(cluster)
