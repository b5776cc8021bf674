"""What the tests' API server holds: objects with versions, changes to watch, rights, and its moods."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]  # Any: a Kubernetes object is JSON
KINDS = {
    "nodes": "NodeList",
    "pods": "PodList",
    "certificatesigningrequests": "CertificateSigningRequestList",
    "leases": "LeaseList",
    "events": "EventList",
    "secrets": "SecretList",
    "services": "ServiceList",
}
WORDS = {
    "400": "the request is bad",
    "409": "the object has been modified",
    "429": "too many requests",
    "503": "etcd is down",
}
VERBS = {"PATCH": "patch", "POST": "create", "PUT": "update", "DELETE": "delete"}


class Refused(Exception):
    """The server answers with this status and sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Asked:
    """One request as RBAC sees it. `part` is the subresource."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    part: str
    query: dict[str, str]

    @property
    def is_dry(self) -> bool:
        return self.query.get("dryRun") == "All"


def read_asked(method: str, url: str) -> Asked:
    split = urlsplit(url)
    parts = split.path.strip("/").split("/")
    query = {key: values[0] for key, values in parse_qs(split.query).items()}
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    space = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        space, rest = rest[1], rest[2:]
    resource, name, part = (*rest, "", "", "")[:3]
    verb = VERBS.get(method) or ("watch" if query.get("watch") else "get" if name else "list")
    return Asked(verb, group, resource, space, name, part, query)


@dataclass
class Api:
    """What the server holds, and how it misbehaves.

    `mood`: kind → how ("*": every kind; "watch pods", "watch *": its watch alone). `forbidden`: (verb,
    resource) that nobody may, "pods/log" as RBAC writes it. `refuses`: object's name → (status, message)
    of a change to it; `refuses_only_real`: those names pass a dry run, `refuses_only_dry`: only a real one.
    """

    objects: dict[str, list[Object]] = field(default_factory=dict)
    mood: dict[str, str] = field(default_factory=dict)
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    refuses_only_real: set[str] = field(default_factory=set)
    refuses_only_dry: set[str] = field(default_factory=set)
    logs: dict[tuple[str, bool], str] = field(default_factory=dict)
    said_in_pods: str = ""
    ending_of_exec: Object = field(default_factory=lambda: {"status": "Success"})
    retry_after: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    kubeconfig: str = ""
    watching: int = 0
    most_watching: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    changes: list[tuple[int, str, str, Object]] = field(default_factory=list)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(101))
    version: int = 100

    def mood_of(self, asked: Asked) -> str:
        if asked.verb == "watch":
            own = self.mood.get(f"watch {asked.resource}", self.mood.get("watch *", ""))
            if own:
                return own
        mood = self.mood.get(asked.resource, self.mood.get("*", ""))
        if mood.endswith(" once"):
            del self.mood[asked.resource]
        return mood.removesuffix(" once")

    def may(self, asked: Asked) -> bool:
        full = f"{asked.resource}/{asked.part}" if asked.part else asked.resource
        return (asked.verb, full) not in self.forbidden

    def tell(self, resource: str, event: str, item: Object) -> None:
        """Change an object as somebody else would: whoever watches is told."""
        with self.changed:
            self.version = next(self.counter)
            item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
            rows = [row for row in self.objects.get(resource, []) if row["metadata"]["name"] != name_of(item)]
            self.objects[resource] = rows if event == "DELETED" else [*rows, item]
            self.changes.append((self.version, resource, event, item))
            self.changed.notify_all()

    def find(self, asked: Asked) -> Object | None:
        rows = self.objects.get(asked.resource, [])
        return next((row for row in rows if name_of(row) == asked.name and in_space(row, asked)), None)

    def change(self, asked: Asked, body: Object) -> Object:
        """Carry out a PATCH, POST or DELETE, or try it. Raises Refused."""
        name = asked.name or name_of(body)
        spaces = {"default", *(name_of(row) for row in self.objects.get("namespaces", []))}
        if asked.namespace and asked.namespace not in spaces and asked.verb != "delete":
            raise Refused(404, f'namespaces "{asked.namespace}" not found')
        passes = self.refuses_only_real if asked.is_dry else self.refuses_only_dry
        if name in self.refuses and name not in passes:
            raise Refused(*self.refuses[name])
        found = self.find(asked)
        if asked.verb == "delete" and found is None:
            raise Refused(404, f'{asked.resource} "{name}" not found')
        if not asked.is_dry:
            self.tell(asked.resource, *self.event_of(asked, found, body))
        return body or found or {}

    def event_of(self, asked: Asked, found: Object | None, body: Object) -> tuple[str, Object]:
        if asked.verb == "delete":
            assert found is not None
            return "DELETED", found
        return ("ADDED" if found is None else "MODIFIED"), body


def name_of(item: Object) -> str:
    return str(item.get("metadata", {}).get("name", ""))


def in_space(item: Object, asked: Asked) -> bool:
    own = item.get("metadata", {}).get("namespace", "")
    return not asked.namespace or not own or own == asked.namespace


def forbidden_words(asked: Asked) -> str:
    """Refuse in the API server's own words."""
    full = f"{asked.resource}/{asked.part}" if asked.part else asked.resource
    what = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f' "{asked.name}"' if asked.name else ""
    where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    return (
        f'{what}{named} is forbidden: User "jane" cannot {asked.verb} resource "{full}" '
        f'in API group "{asked.group}"{where}'
    )
