"""One of everything that has an address: a lab with its children, an attached cluster, people of each role.

For tests that walk every URL. Run, pairing and terminal have the number 1; `World.address` fills in a
route's parameters by their names, so that a new page about something that is here needs no entry.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from tests.factories import (
    DefinitionFactory,
    LabFactory,
    LogFactory,
    MachineFactory,
    MemberFactory,
    RevisionFactory,
    RunFactory,
    StepFactory,
    UserFactory,
)
from webapp.accounts.models import Role, User
from webapp.bisects.models import Bisect
from webapp.builds.artifacts import store_content
from webapp.builds.models import Artifact, Build, Follow, UserComponent
from webapp.builds.queries import kit_components
from webapp.cluster.models import Cluster, Errand, NamedMachine, NodeLog, Workload
from webapp.definitions.models import Definition
from webapp.inject.models import Injection
from webapp.inject.runners import Runner
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.models import Log
from webapp.pairing import guests, notes
from webapp.pairing.actions import open_pairing
from webapp.pairing.models import Invitation
from webapp.shells.models import Recording, Terminal
from webapp.shells.recordings import recording_file

Arguments = dict[str, str | int]
PEOPLE = {
    "outsider": Role.GUEST,
    "viewer": Role.VIEWER,
    "member": Role.MEMBER,
    "owner": Role.MEMBER,
    "lab_guest": Role.VIEWER,
    "typist": Role.GUEST,
    "reader": Role.GUEST,
    "administrator": Role.ADMINISTRATOR,
}
ANONYMOUS = "anonymous"
ROLES = (ANONYMOUS, *PEOPLE)
RECIPE = {"components": [{"name": "kubelet"}], "targets": ["windows/amd64"], "go": ""}
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
CONTENT = b"MZ, or so it says"


@dataclass(frozen=True)
class Address:
    """One pattern of the site with its whole route."""

    name: str
    route: str
    pattern: URLPattern


def all_addresses(resolver: URLResolver | None = None, prefix: str = "") -> list[Address]:
    """Return every address that Django knows."""
    found: list[Address] = []
    for one in (resolver or get_resolver()).url_patterns:
        route = prefix + str(one.pattern)
        found += (
            all_addresses(one, route)
            if isinstance(one, URLResolver)
            else [Address(one.name or "", route, one)]
        )
    return found


@dataclass
class World:
    """People by role, and which object each part of an address names."""

    people: dict[str, User]
    lab: Lab
    log: Log
    by_name: Arguments  # a parameter that means the same everywhere
    by_prefix: dict[str, Arguments]  # the beginning of a route → its own parameters; the longest one wins

    def arguments(self, address: Address) -> Arguments:
        given = dict(self.by_name)
        for prefix in sorted(self.by_prefix, key=len):
            if address.route.startswith(prefix):
                given |= self.by_prefix[prefix]
        return {name: given[name] for name in address.pattern.pattern.converters}

    def path(self, address: Address) -> str:
        return reverse(address.name, kwargs=self.arguments(address))


def make_world(tag: str = "one") -> World:
    """Store one of everything; `tag` keeps two worlds apart."""
    people = {name: UserFactory(username=f"{name}-{tag}", role=role) for name, role in PEOPLE.items()}
    owner = people["owner"]
    definition = DefinitionFactory(owner=owner, slug=f"definition-{tag}", name=f"Definition {tag}")
    lab = LabFactory(name=f"lab-{tag}", owner=owner, revision=RevisionFactory(definition=definition))
    MachineFactory(lab=lab, position=0, name="controlplane", role="control-plane")
    MachineFactory(lab=lab, position=1, name="winw1", role="windows")
    MemberFactory(lab=lab, user=people["lab_guest"])
    log = filled_log()
    run = RunFactory(lab=lab, number=1, log=log, status="failed", finished_at=timezone.now())
    StepFactory(run=run, number=1, status="failed")
    by_name, by_prefix = parts(lab, definition, log)
    built, paired = builds(lab), pairings(lab, people)
    clusters = {**cluster_parts(lab, None), **cluster_parts(None, owner)}
    by_prefix |= {**built, **paired[1], **clusters}
    return World(people, lab, log, {**by_name, **paired[0]}, by_prefix)


def filled_log() -> Log:
    log = LogFactory()
    store.append(log.pk, [LogLine("winw1", "output", f"line {n}") for n in range(5)], at_ms=1_600_000_000_000)
    return log


def parts(lab: Lab, definition: Definition, log: Log) -> tuple[Arguments, dict[str, Arguments]]:
    """What has a name or a number of its own, and the pages about it."""
    same: Arguments = {
        "slug": lab.slug, "number": 1, "log_id": log.pk, "name": lab.host.name, "machine": "winw1",
        "component": "kubelet", "verb": "halt", "act": "ask", "generation": "ours",
    }  # fmt: skip
    spare = UserFactory(username=f"spare-{lab.slug}")
    return same, {"definitions/": {"slug": definition.slug}, "people/": {"pk": spare.pk}}


def builds(lab: Lab) -> dict[str, Arguments]:
    """A build, its binary, an injection of it, a follow, a component, a bisect."""
    owner, url = lab.owner, "https://github.com/me/kubernetes"
    sha256, size = store_content([CONTENT], 1000)
    key = hashlib.sha256(lab.slug.encode()).hexdigest()
    build = Build.objects.create(
        key=key, url=url, ref="fix", ref_name="refs/heads/fix", commit="a" * 40, recipe=RECIPE,
        log=filled_log(), requested_by=owner, status="succeeded", finished_at=timezone.now(),
    )  # fmt: skip
    binary = Artifact.objects.create(
        build=build, component="kubelet", target="windows/amd64", file_name="kubelet.exe", sha256=sha256,
        size_bytes=size, added_by=owner,
    )  # fmt: skip
    injection = Injection.objects.create(
        lab=lab, machine="winw1", component="kubelet", path="C:\\k\\kubelet.exe", artifact=binary,
        runner=Runner("service", "kubelet", ("kubelet",)).to_json(), asked_by=owner, state="in-place",
        sha256=sha256, before_sha256="b" * 64,
    )  # fmt: skip
    follow = Follow.objects.create(url=url, ref=f"refs/heads/{lab.slug}", recipe=RECIPE, added_by=owner)
    kubelet = kit_components()[0].to_json()
    component = UserComponent.objects.create(
        name=f"mine-{lab.slug}", component={**kubelet, "name": f"mine-{lab.slug}"}, added_by=owner
    )
    bisect = Bisect.objects.create(
        lab=lab, machine="winw1", component="kubelet", target="windows/amd64", url=url, good_ref="v1",
        bad_ref="main", good_commit="a" * 40, bad_commit="d" * 40, asked_by=owner,
        commits=[{"commit": digit * 40, "subject": "a change"} for digit in "abcd"],
        trial_check={"machine": "winw1", "script": "exit 0", "expect": "", "limit_s": 60},
    )  # fmt: skip
    return {
        "builds/": {"pk": build.pk},
        "builds/artifacts/": {"pk": binary.pk},
        "builds/components/": {"pk": component.pk},
        "builds/follows/": {"pk": follow.pk},
        "builds/bisects/": {"pk": bisect.pk},
        "labs/<slug:slug>/injections/": {"pk": injection.pk},
    }


def pairings(lab: Lab, people: dict[str, User]) -> tuple[Arguments, dict[str, Arguments]]:
    """An open pairing with a typist, a reader, a paragraph; a terminal with a recording."""
    owner = lab.owner
    pairing, _ = open_pairing(lab, owner, title="Why is the CNI late")
    invitation, _ = guests.invite(pairing, owner, role=Invitation.Role.READ, uses=5)
    guests.accept(invitation, people["reader"])
    typists, _ = guests.invite(pairing, owner, role=Invitation.Role.TYPE, uses=5)
    guests.accept(typists, people["typist"])
    open_link, token = guests.invite(pairing, owner, role=Invitation.Role.READ, uses=5)
    paragraph = notes.add(pairing, owner, "It is late.")[0]
    terminal = Terminal.objects.create(
        lab=lab, machine=lab.machines.get(name="winw1"), number=1, opened_by=owner, holder=owner
    )
    recording = Recording.objects.create(
        terminal=terminal,
        started_by=owner,
        started_at=timezone.now() - timedelta(minutes=1),
        ended_at=timezone.now(),
    )
    recording_file(recording).write_text('{"version": 2, "width": 80, "height": 24}\n')
    one = "labs/<slug:slug>/pairings/<int:number>/"
    return {"token": token}, {
        f"{one}invitations/": {"pk": open_link.pk},
        f"{one}guests/": {"pk": people["reader"].pk},
        f"{one}notes/": {"pk": paragraph.pk},
        "labs/<slug:slug>/shells/recordings/": {"pk": recording.pk},
    }


def cluster_parts(lab: Lab | None, owner: User | None) -> dict[str, Arguments]:
    """A lab's cluster or an attached one, with a log, a workload, and an errand of each kind."""
    cluster = Cluster.objects.create(lab=lab, name="" if lab else "theirs", owner=owner)
    made_by = owner or (lab.owner if lab else None)
    workload = Workload.objects.create(
        cluster=cluster, name="own", title="Own", manifest=MANIFEST, made_by=made_by
    )
    node_log = NodeLog.objects.create(
        cluster=cluster, log=filled_log(), source={"kind": "pod", "namespace": "a", "pod": "b"}, title="b"
    )
    ended = {
        "cluster": cluster,
        "status": "succeeded",
        "finished_at": timezone.now(),
        "requested_by": made_by,
    }
    bundle = Errand.objects.create(kind=Errand.Kind.BUNDLE, **ended)
    junit = Errand.objects.create(kind=Errand.Kind.READINESS, **ended)
    matrix = Errand.objects.create(kind=Errand.Kind.MATRIX, cluster=cluster, requested_by=made_by)
    prefix = "clusters/<int:pk>/" if lab is None else "labs/<slug:slug>/cluster/"
    found: dict[str, Arguments] = {
        prefix: {"pk": cluster.pk, "log": node_log.pk, "workload": workload.pk, "errand": matrix.pk},
        f"{prefix}bundle": {"errand": bundle.pk},
        f"{prefix}readiness": {"errand": junit.pk},
    }
    if lab is None:
        machine = NamedMachine.objects.create(
            cluster=cluster,
            name="winw9",
            role="windows",
            way="ssh",
            address="10.0.0.9",
            port=22,
            user="a",
            secret=b"",
        )
        found[f"{prefix}machines/"] = {"machine": machine.pk}
    return found
