"""One line of a watch → a frozen event; whether it tells anything that is not known already. Pure.

No line makes it raise. Source: Kubernetes API concepts, "Efficient detection of changes" (1.20 to 1.36).
"""

from dataclasses import dataclass
from typing import Literal

from webapp.kube.facts import KubeFacts
from webapp.kube.loose import at, load, mapping, text, whole
from webapp.kube.parse import FIELDS, PARSERS

GONE = 410
Watched = Literal["nodes", "pods", "requests"]
KIND_OF: dict[Watched, str] = {"nodes": "Node", "pods": "Pod", "requests": "CertificateSigningRequest"}


@dataclass(frozen=True)
class WatchEvent:
    """`type`: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, "" when the line cannot be read.

    `version`: from where the watch goes on after it; `fact`: the object as the ladder needs it;
    `code`, `message`: of an ERROR.
    """

    type: str
    version: str = ""
    fact: object = None
    code: int = 0
    message: str = ""

    @property
    def is_gone(self) -> bool:
        """The API has forgotten from where the watch began: list anew."""
        return self.type == "ERROR" and self.code == GONE


UNREADABLE = WatchEvent("")


def parse_event(line: str, kind: Watched) -> WatchEvent:
    """Read one line; what was cut off is UNREADABLE."""
    tree = load(line)
    event, item = text(tree, "type"), mapping(tree, "object")
    if event == "ERROR":
        return WatchEvent(event, code=whole(item, "code") or 0, message=text(item, "message"))
    if event not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not isinstance(at(tree, "object"), dict):
        return UNREADABLE
    version = text(item, "metadata", "resourceVersion")
    return WatchEvent(event, version, None if event == "BOOKMARK" else PARSERS[KIND_OF[kind]](item))


def tells_news(event: WatchEvent, kind: Watched, known: KubeFacts) -> bool:
    """Tell whether the object differs from what the list said: a heartbeat alone is no news."""
    if event.fact is None:
        return False
    listed = {key_of(fact): fact for fact in getattr(known, FIELDS[KIND_OF[kind]])}
    was = listed.get(key_of(event.fact))
    return was is not None if event.type == "DELETED" else was != event.fact


def key_of(fact: object) -> tuple[str, str]:
    """Return namespace and name; what lives in no namespace has "" there."""
    return str(getattr(fact, "namespace", "")), str(getattr(fact, "name", ""))
