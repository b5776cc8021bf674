"""The pages of logs, workloads, connectivity, readiness, bundle and machines: what they show, and to whom."""

import html
import io
import re
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.answers import body_of
from tests.cluster.conftest import Rehearsed
from webapp.accounts.models import AuditEntry, User
from webapp.cluster.actions import cluster_of
from webapp.cluster.errands import carry_out_errand
from webapp.cluster.models import Cluster, Errand, NodeLog
from webapp.cluster.nodelogs import read_log
from webapp.labs.models import Lab
from webapp.tasks import ERRANDS

SignIn = Callable[[User], Client]
PAGES = ("logs", "workloads", "connectivity", "readiness", "bundle")
FRAGMENTS = ("workloads/rows", "connectivity/cells", "readiness/rows", "bundle/state")
POSTS = ("log", "workloads/apply", "workloads/own", "connectivity/start", "readiness/start", "bundle/start")
REPORT = b'<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>'


def at(lab: Lab, rest: str) -> str:
    return f"/labs/{lab.slug}/cluster/{rest}"


@pytest.mark.parametrize("rest", [*PAGES, *FRAGMENTS])
def test_page_is_shown_before_anything_was_seen(rest: str, lab: Lab, stranger: User, sign_in: SignIn) -> None:
    assert sign_in(stranger).get(at(lab, rest)).status_code == 200
    assert Client().get(at(lab, rest)).status_code == 302


@pytest.mark.parametrize("rest", POSTS)
def test_nothing_is_started_by_who_may_only_look(
    rest: str, lab: Lab, stranger: User, sign_in: SignIn
) -> None:
    assert sign_in(stranger).post(at(lab, rest)).status_code == 403
    assert sign_in(stranger).get(at(lab, rest)).status_code in (405, 422)
    assert not Errand.objects.exists()


@pytest.mark.parametrize("rest", PAGES)
def test_page_of_an_attached_cluster(rest: str, member: User, sign_in: SignIn) -> None:
    cluster = Cluster.objects.create(name="theirs", owner=member, server="https://10.0.0.1:6443")

    assert sign_in(member).get(f"/clusters/{cluster.pk}/{rest}").status_code == 200


@pytest.mark.parametrize(("rest", "most"), [("logs", 22), ("workloads", 14), ("bundle", 20)])
def test_page_takes_a_fixed_number_of_queries(
    rest: str,
    most: int,
    launched: Rehearsed,
    owner: User,
    sign_in: SignIn,
    django_assert_max_num_queries: Callable,
) -> None:
    launched.look()
    client = sign_in(owner)

    with django_assert_max_num_queries(most):
        answer = client.get(at(launched.lab, rest))

    assert b"kubelet" in answer.content or b"Ready to try" in answer.content


def test_log_is_read_from_its_link_and_followed(launched: Rehearsed, owner: User, sign_in: SignIn) -> None:
    client, lab = sign_in(owner), launched.lab
    launched.look()
    link = at(lab, "log?kind=service&machine=winw1&unit=kubelet")
    assert b"autofocus" in client.get(link).content

    answer = client.post(
        at(lab, "log"), {"kind": "service", "machine": "winw1", "unit": "kubelet", "follows": "0"}
    )

    row = NodeLog.objects.get()
    assert answer.headers["Location"] == at(lab, f"logs/{row.pk}/")
    assert client.get(link).status_code == 302  # while it is read, the link leads to it
    read_log(row.pk)
    page = client.get(at(lab, f"logs/{row.pk}/"))
    assert b"SyncLoop" in page.content
    assert client.get(f"/logs/{row.log_id}/lines").status_code == 200


@pytest.mark.parametrize("page", ["logs", "services"])
def test_no_log_is_offered_that_cannot_be_read(
    page: str, launched: Rehearsed, owner: User, sign_in: SignIn
) -> None:
    launched.look()
    client = sign_in(owner)

    links = re.findall(
        r'href="([^"]*/cluster/log\?[^"]*)"', client.get(at(launched.lab, page)).content.decode()
    )

    assert any("machine=controlplane" in link for link in links)
    assert {client.get(html.unescape(link)).status_code for link in links} == {200}


def test_log_of_a_lab_is_for_who_may_see_it(launched: Rehearsed, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    client.post(at(launched.lab, "log"), {"kind": "unit", "machine": "controlplane", "unit": "kubelet"})
    row = NodeLog.objects.get()

    assert Client().get(f"/logs/{row.log_id}/lines").status_code == 302
    assert client.get(at(launched.lab, f"logs/{row.pk + 1}/")).status_code == 404
    other = Cluster.objects.create(name="other", owner=owner)
    assert client.get(f"/clusters/{other.pk}/logs/{row.pk}/").status_code == 404


def test_wrong_source_is_told_with_what_was_typed(lab: Lab, owner: User, sign_in: SignIn) -> None:
    given = {"kind": "file", "machine": "winw1", "path": "C:\\Windows\\secret.log", "pattern": "kept"}

    answer = sign_in(owner).post(at(lab, "log"), given)

    assert answer.status_code == 422
    assert b"Only files below" in answer.content
    assert b'value="kept"' in answer.content


def test_stopping_a_log_twice_is_no_fault(lab: Lab, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    client.post(at(lab, "log"), {"kind": "unit", "machine": "winw1", "unit": "kubelet", "follows": "1"})
    row = NodeLog.objects.get()

    assert [client.post(at(lab, f"logs/{row.pk}/stop")).status_code for _ in range(2)] == [302, 302]
    assert row.refreshed().status == "canceled"


def test_workload_is_applied_and_removed_by_buttons(
    launched: Rehearsed, owner: User, sign_in: SignIn
) -> None:
    launched.look()
    client = sign_in(owner)
    client.post(at(launched.lab, "workloads/apply"), {"recipe": "hostprocess"})
    carry_out_errand(Errand.objects.get().pk, ERRANDS)
    launched.look()

    page = client.get(at(launched.lab, "workloads"))

    assert b"hostprocess-" in page.content
    workload = cluster_of(launched.lab).workloads.get()
    client.post(at(launched.lab, f"workloads/{workload.pk}/remove"))
    assert Errand.objects.filter(kind="remove", status="pending").exists()
    assert AuditEntry.objects.filter(action__startswith="asked").count() == 2


def test_own_yaml_says_what_it_reaches_before_it_is_applied(lab: Lab, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    manifest = "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {hostNetwork: true, containers: []}"
    given = {"name": "mine", "manifest": manifest}

    first = client.post(at(lab, "workloads/own"), given)
    wrong = client.post(at(lab, "workloads/own"), {**given, "manifest": "a: ["})
    said = re.findall(rb'name="read" value="([^"]+)"', first.content)
    second = client.post(at(lab, "workloads/own"), {**given, "read": [html.unescape(said[0].decode())]})

    assert (first.status_code, wrong.status_code, second.status_code) == (422, 422, 302)
    assert b"own network" in first.content
    assert b"Line 1" in wrong.content
    assert Errand.objects.count() == 1


def test_warnings_that_were_read_are_not_those_of_another_manifest(
    lab: Lab, owner: User, sign_in: SignIn
) -> None:
    client, head = sign_in(owner), "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n"
    given = {"name": "mine", "manifest": head + "spec: {hostNetwork: true, hostPID: true, containers: []}"}
    first = client.post(at(lab, "workloads/own"), given)
    read = [
        html.unescape(word.decode()) for word in re.findall(rb'name="read" value="([^"]+)"', first.content)
    ]

    changed = {**given, "manifest": head + "spec: {volumes: [{name: a, hostPath: {path: /}}]}", "read": read}
    second = client.post(at(lab, "workloads/own"), changed)

    assert (second.status_code, Errand.objects.count()) == (422, 0)
    assert b"hostPath" in second.content


def test_errand_is_stopped_by_its_button(lab: Lab, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    client.post(at(lab, "connectivity/start"))
    errand = Errand.objects.get()

    answer = client.post(at(lab, f"errands/{errand.pk}/cancel"))

    assert answer.headers["Location"] == at(lab, "connectivity")
    assert errand.refreshed().status == "canceled"


def test_reports_are_kept_and_compared(lab: Lab, owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)
    for data in (
        REPORT.replace(b'<failure message="no"/>', b""),
        REPORT,
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
    ):
        client.post(
            at(lab, "readiness/upload"), {"name": "mine", "report": SimpleUploadedFile("junit.xml", data)}
        )

    page = client.get(at(lab, "readiness")).content.decode()

    assert Errand.objects.filter(kind="readiness").count() == 2
    assert "1 broke" in page
    assert "The first report" in page
    newest = Errand.objects.first()
    assert newest is not None
    assert client.get(at(lab, f"readiness/{newest.pk}/junit")).content == REPORT


def test_bundle_is_downloaded_when_it_is_gathered(launched: Rehearsed, owner: User, sign_in: SignIn) -> None:
    launched.look()
    client = sign_in(owner)
    client.post(at(launched.lab, "bundle/start"))
    errand = Errand.objects.get()
    early = client.get(at(launched.lab, f"bundle/{errand.pk}/archive"))
    carry_out_errand(errand.pk, ERRANDS)

    answer = client.get(at(launched.lab, f"bundle/{errand.pk}/archive"))

    assert early.status_code == 404
    archive = zipfile.ZipFile(io.BytesIO(body_of(answer)))
    assert "README.md" in archive.namelist()
    assert f"bundle/{errand.pk}/archive" in client.get(at(launched.lab, "bundle")).content.decode()


def test_page_to_attach_leads_to_clusters_without_a_kubeconfig_too(member: User, sign_in: SignIn) -> None:
    page = sign_in(member).get("/clusters/attach").content.decode()

    assert 'action="/clusters/by-machines"' in page


def test_machine_that_does_not_answer_is_not_kept(member: User, sign_in: SignIn) -> None:
    client = sign_in(member)
    answer = client.post("/clusters/by-machines", {"name": "by hand"})
    cluster = Cluster.objects.get()
    given = {
        "name": "winw1",
        "role": "windows",
        "way": "ssh",
        "address": "127.0.0.1",
        "port": "1",
        "user": "a",
        "password": "let-me-in",
    }

    refused = client.post(f"/clusters/{cluster.pk}/machines", given)

    assert answer.headers["Location"] == f"/clusters/{cluster.pk}/machines"
    assert refused.status_code == 422
    assert b"could not be reached" in refused.content
    assert b"let-me-in" not in refused.content
