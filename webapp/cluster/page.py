"""The shapes that the cluster pages draw: frozen, made by `queries`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from webapp.cluster.models import Cluster, Fix
from webapp.cluster.rungs import Ladder
from webapp.kube.facts import KubeFacts

Expected = Literal["running", "pod", "absent", "optional", "stopped"]


@dataclass(frozen=True)
class ServiceRow:
    """A service beside what is expected of it. `restarts`: twelve counts, 5 min each, oldest first."""

    name: str
    title: str
    expected: Expected
    is_as_expected: bool | None = None
    note: str = ""
    state: str = ""
    start_type: str = ""
    since: datetime | None = None
    restarts: tuple[int, ...] | None = None
    account: str = ""
    command: str = ""
    log_files: tuple[str, ...] = ()
    pid: int | None = None
    can_control: bool = False

    @property
    def restart_count(self) -> int | None:
        return None if self.restarts is None else sum(self.restarts)


@dataclass(frozen=True)
class ClusterPage:
    """All of one cluster's page. `problem`: why the API's newest look was not answered, "" if it was.

    `is_silent`: nothing at all answered when last asked. `polled`: which changes cannot be watched, and why.
    `reached`: the machines of an attached cluster on which commands can be run.
    """

    cluster: Cluster
    ladders: tuple[Ladder, ...] = ()
    kube: KubeFacts = field(default_factory=KubeFacts)
    seen_at: datetime | None = None
    problem: str = ""
    polled: str = ""
    is_silent: bool = False
    reached: frozenset[str] = frozenset()
    open_fixes: tuple[Fix, ...] = ()
    last_fixes: tuple[Fix, ...] = ()
