"""The issue-ready bundle: what is in it, what never is, and that it is streamed."""

import io
import json
import tracemalloc
import zipfile

import pytest
from django.utils import timezone

from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import User
from webapp.cluster.actions import cluster_of
from webapp.cluster.bundle import bundle_archive
from webapp.cluster.bundle_text import fenced, report_markdown
from webapp.cluster.errands import carry_out_errand, request_errand
from webapp.cluster.gather import load_rows
from webapp.cluster.models import Errand, NodeLog, Sighting
from webapp.cluster.nodelogs import make_row, store_lines
from webapp.cluster.nodelogs_source import Source
from webapp.cluster.queries import page_of
from webapp.tasks import ERRANDS

TOKEN = "abcdef.0123456789abcdef"
SECRETS = (TOKEN, "hunter2-hunter2", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub2RlIn0.c2ln", "MIIEvQIBADANBgkq")
PLANTED = (
    f"kubeadm join 192.168.56.10:6443 --token {TOKEN}",
    "password: hunter2-hunter2",
    f"Authorization: Bearer {SECRETS[2]}",
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkq",
    "-----END PRIVATE KEY-----",
)


@pytest.fixture
def errand(launched: Rehearsed, owner: User) -> Errand:
    launched.look()
    errand, _ = request_errand(cluster_of(launched.lab), Errand.Kind.BUNDLE, owner)
    return errand


def opened(errand: Errand) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(bundle_archive(errand))))
    assert archive.testzip() is None
    return archive


def test_bundle_holds_what_a_report_needs(errand: Errand) -> None:
    carry_out_errand(errand.pk, ERRANDS)

    assert errand.refreshed().status == "succeeded", errand.sentence
    archive = opened(errand)
    names = set(archive.namelist())
    wanted = {"README.md", "ladder.txt", "services.txt", "events.txt", "definition.yaml", "lab.json"}
    assert wanted | {"logs/winw1-kubelet.log", "describe/node-winw1.txt", "hns/winw1-networks.json"} <= names
    assert "Overlay" in archive.read("hns/winw1-networks.json").decode()
    assert "Calico" in archive.read("README.md").decode() or "winw1" in archive.read("README.md").decode()


def test_planted_secrets_are_not_in_the_bundle(errand: Errand) -> None:
    carry_out_errand(errand.pk, ERRANDS)
    row = make_row(errand.cluster, Source("file", machine="winw1"), None, follows=False, errand=errand)
    store_lines(row, PLANTED, "winw1")
    lab = errand.cluster.lab
    assert lab is not None
    revision = lab.revision
    revision.text += "\n# " + "\n# ".join(PLANTED)
    type(revision).objects.filter(pk=revision.pk).update(text=revision.text)
    facts = Sighting.objects.get(cluster=errand.cluster, machine="winw1")
    facts.facts["join_log"] = list(PLANTED)
    facts.save()

    archive = opened(Errand.objects.get(pk=errand.pk))

    whole = "".join(archive.read(name).decode() for name in archive.namelist())
    assert [secret for secret in SECRETS if secret in whole] == []
    assert "5a10000000000000" not in whole
    assert "[redacted]" in whole


def test_part_that_is_not_answered_stops_nothing(errand: Errand, launched: Rehearsed) -> None:
    launched.vagrant("halt", "winw1")

    carry_out_errand(errand.pk, ERRANDS)

    assert "not answered" in errand.refreshed().sentence
    assert NodeLog.objects.filter(errand=errand, status="failed").exists()
    assert "describe/node-controlplane.txt" in opened(errand).namelist()


def test_archive_does_not_gather_in_memory(errand: Errand) -> None:
    row = make_row(errand.cluster, Source("file", machine="winw1"), None, follows=False, errand=errand)
    for batch in range(24):
        store_lines(row, [json.dumps([batch, number, "x" * 900]) for number in range(1000)], "winw1")

    tracemalloc.start()
    size = sum(len(piece) for piece in bundle_archive(errand))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size > 0
    assert peak < 16 * 1024**2  # of 22 MB of text


def test_report_names_where_it_is_stuck(launched: Rehearsed, owner: User) -> None:
    launched.look()
    Sighting.objects.filter(machine="winw1").update(
        facts={"answers_containerd": False, "missing_features": [], "binaries": []}
    )
    cluster, now = cluster_of(launched.lab), timezone.now()

    text = report_markdown(page_of(cluster, now), load_rows(cluster), now)

    assert text.startswith("## winw1 stuck at") or text.startswith("## winw1 is at"), text[:200]
    assert "| winw1 | Windows Server 2022" in text


def test_code_block_cannot_be_ended_by_its_text() -> None:
    assert fenced("a\n```\n<script>")[1] == "a\n'''\n<script>"


def test_machine_that_nobody_has_seen_is_looked_at_first(launched: Rehearsed, owner: User) -> None:
    errand, _ = request_errand(cluster_of(launched.lab), Errand.Kind.BUNDLE, owner)

    carry_out_errand(errand.pk, ERRANDS)

    assert {"logs/winw1-kubelet.log", "logs/controlplane-kubelet.log"} <= set(opened(errand).namelist())


def test_machine_that_never_answered_says_why_its_logs_are_missing(launched: Rehearsed, owner: User) -> None:
    launched.vagrant("halt", "winw1")
    errand, _ = request_errand(cluster_of(launched.lab), Errand.Kind.BUNDLE, owner)

    carry_out_errand(errand.pk, ERRANDS)

    said = opened(errand).read("logs/winw1-services.txt").decode()
    assert "No log of a service of winw1 is in here:" in said
    assert "must be running" in said
