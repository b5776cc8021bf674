"""Builds, artifacts, follows and bisects in every state, for pictures; `manage.py shell` runs this text."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from webapp.accounts.models import User
from webapp.bisects.models import Bisect, Trial
from webapp.builds.artifacts import store_content
from webapp.builds.models import Artifact, ArtifactUse, Build, Follow, UserComponent
from webapp.builds.queries import all_components
from webapp.builds.recipe import make_recipe
from webapp.catalog.components import Component, Place
from webapp.labs.models import Lab
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.logs.models import Log

ana, now = User.objects.get(username="ana"), timezone.now()
lab = Lab.objects.get(slug="small")
kit = all_components()
URL = "https://github.com/ana/kubernetes"


def recipe(*names: str) -> dict[str, Any]:
    return make_recipe([kit[name] for name in names], ["windows/amd64"]).to_json()


def build(key: str, status: str, names: tuple[str, ...] = ("kubelet", "kube-proxy"), **fields: Any) -> Build:
    fields = {
        "url": URL,
        "ref": "fix-hns-leak",
        "ref_name": "refs/heads/fix-hns-leak",
        "commit": key * 40,
        **fields,
    }
    made = Build.objects.create(
        key=key * 64,
        status=status,
        recipe=recipe(*names),
        log=Log.objects.create(),
        requested_by=ana,
        started_at=now - timedelta(minutes=7),
        heartbeat_at=now + timedelta(days=1),
        **fields,
    )
    lines = [LogLine("", "output", f"k8s.io/kubernetes/pkg/kubelet/volume{n}") for n in range(120)]
    store.append(made.log_id, lines, at_ms=int(now.timestamp() * 1000))
    if status not in ("running", "pending"):
        store.finish(made.log_id, status)
        Build.objects.filter(pk=made.pk).update(finished_at=now)
    return made


good = build(
    "a",
    "succeeded",
    version="v1.36.1-4+aaaaaaaaaaaaaa",
    go_version="1.26.5",
    go_wanted="1.26.5",
    packages_done=1469,
    packages_total=1469,
)
sha, size = store_content([b"MZ" + bytes(5000)], 10**6)
for name in ("kubelet", "kube-proxy"):
    artifact = Artifact.objects.create(
        build=good,
        component=name,
        target="windows/amd64",
        file_name=name + ".exe",
        sha256=sha,
        size_bytes=size,
        facts={"format": "PE32+", "machine": "amd64", "subsystem": "windows console"},
        version=good.version,
        added_by=ana,
    )
ArtifactUse.objects.create(artifact=artifact, lab=lab, machine="winw1")
build(
    "b",
    "running",
    version="v1.36.1-5+bbbbbbbbbbbbbb",
    stage="compiling",
    packages_done=611,
    packages_total=1469,
    go_version="1.27.3",
    go_wanted="1.26.5",
    holder="elsewhere",
    warning="The tree wants Go 1.26.5, here is 1.27.3: it may compile and still fail when it runs.",
)
build(
    "c",
    "failed",
    ("kubelet",),
    sentence="pkg/kubelet/kubelet.go:1621: undefined: statusManger (and 1 more)",
    findings=[
        {"path": "pkg/kubelet/kubelet.go", "line": 1621, "column": 9, "text": "undefined: statusManger"},
        {
            "path": "pkg/kubelet/kubelet_pods.go",
            "line": 88,
            "column": 2,
            "text": "declared and not used: pod",
        },
    ],
)
build("d", "canceled", ("kubectl",), sentence="Canceled; nothing of it was kept.")
same = {"url": URL, "recipe": good.recipe, "commit": "a" * 40, "last_build": good, "added_by": ana}
Follow.objects.create(ref="fix-hns-leak", asked_at=now, lab=lab, injected_build=good, injected_run=1, **same)
Follow.objects.create(ref="pull/7", asked_at=now, sentence="github.com did not answer within 30 s.", **same)
component = Component(
    "csi-proxy",
    "CSI proxy",
    "https://github.com/kubernetes-csi/csi-proxy",
    ("./cmd/csi-proxy",),
    (("main.version", "{version}"),),
    places={"windows": Place(r"C:\k\csi-proxy.exe", "service csiproxy")},
)
UserComponent.objects.create(name="csi-proxy", component=component.to_json(), added_by=ana)
check = {"machine": "winw1", "script": r"C:\k\kubelet.exe --version", "expect": r"v1\.36\.1", "limit_s": 60}


def sha(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def bisect(state: str, sentence: str, count: int, **fields: Any) -> Bisect:
    subjects = [f"Merge pull request #13{n:04d} from sig-windows/change-{n}" for n in range(count)]
    return Bisect.objects.create(
        lab=lab,
        machine="winw1",
        component="kubelet",
        target="windows/amd64",
        url=URL,
        good_ref="v1.36.0",
        bad_ref="master",
        good_commit="1" * 40,
        bad_commit="2" * 40,
        snapshot="clean",
        commits=[{"commit": sha(n), "subject": text} for n, text in enumerate(subjects)],
        state=state,
        sentence=sentence,
        asked_by=ana,
        **{"trial_check": check, **fields},
    )


WORDS = {"good": "The check passed.", "bad": "The check ended with 1.", "skipped": "Build #3 failed."}
running = bisect("running", "", 64)
found = bisect(
    "found",
    f"{sha(22)[:12]} is the first bad commit: Merge pull request #130022 from sig-windows/change-22",
    32,
    first_bad=sha(22),
    trial_check={"machine": "winw1", "script": "whoami", "limit_s": 300, "kind": "workload"},
)
PODS = (
    "pod whoami-windows-5d9c8-x2kqp on winw1: Pending, not ready, 0 restarts: ContainerCreating\n"
    "Warning FailedCreatePodSandBox whoami-windows-5d9c8-x2kqp: the network adapter was not found (7 times)\n"
)
for row, places in (
    (running, ((0, "good"), (63, "bad"), (31, "good"), (47, "skipped"), (46, "bad"), (38, ""))),
    (found, ((0, "good"), (31, "bad"), (15, "good"), (23, "bad"), (19, "good"), (21, "good"), (22, "bad"))),
):
    for number, (position, verdict) in enumerate(places, start=1):
        text = WORDS.get(verdict, "")
        Trial.objects.create(
            bisect=row,
            number=number,
            position=position,
            verdict=verdict,
            sentence=text,
            build=good,
            stage="ended" if verdict else "injecting",
            output=(PODS if row == found and verdict == "bad" else "Kubernetes v1.36.1\n") if verdict else "",
        )
