"""The pages of builds: who sees and asks, filters, refs resolved while typing, downloads in ranges."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from tests.builds.repository import Repository, make_repository
from tests.factories import LogFactory
from webapp.accounts.models import User
from webapp.builds.artifacts import path_of, store_content
from webapp.builds.models import Artifact, Build, Follow, UserComponent
from webapp.executions.models import Status
from webapp.logs import store
from webapp.logs.lines import LogLine
from webapp.web.ranges import Span, parse_range

SignIn = Callable[[User], Client]
CONTENT = bytes(range(256)) * 8
RECIPE = {"components": [{"name": "kubelet"}], "targets": ["windows/amd64"], "go": ""}


def pe_file() -> bytes:
    """The smallest thing that the parser takes for a program for windows/amd64."""
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 0, 0, 0, 0, 112, 0)
    optional = struct.pack("<H66xH", 0x20B, 3) + bytes(42)
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + optional


@pytest.fixture
def folders(settings, tmp_path: Path) -> Path:
    settings.BUILD_HOME = tmp_path / "builds"
    settings.ARTIFACT_DIR = tmp_path / "artifacts"
    return tmp_path


@pytest.fixture
def repository(folders: Path, settings) -> Repository:
    made = make_repository(folders / "kubernetes")
    settings.BUILD_LOCAL_REPOSITORIES = [str(made.path)]
    return made


@pytest.fixture
def build(member: User, folders: Path) -> Build:
    build = Build.objects.create(
        key="k" * 64,
        url="https://github.com/me/kubernetes",
        ref="fix",
        ref_name="refs/heads/fix",
        commit="a" * 40,
        recipe=RECIPE,
        log=LogFactory(),
        requested_by=member,
        status=Status.FAILED,
        started_at=timezone.now(),
        finished_at=timezone.now(),
        sentence="cmd/kubelet/main.go:7: undefined: x",
        findings=[{"path": "cmd/kubelet/main.go", "line": 7, "column": 2, "text": "undefined: x"}],
    )
    store.append(build.log_id, [LogLine("", "error", "undefined: x")], at_ms=1)
    return build


@pytest.fixture
def artifact(build: Build) -> Artifact:
    sha256, size = store_content([CONTENT], 10_000)
    return Artifact.objects.create(
        build=build,
        component="kubelet",
        target="windows/amd64",
        file_name="kubelet.exe",
        sha256=sha256,
        size_bytes=size,
        facts={"format": "PE32+", "machine": "amd64", "subsystem": "windows console"},
    )


def pages_of(build: Build, artifact: Artifact) -> list[str]:
    plain = [reverse(name) for name in ("builds", "build-rows", "components", "follows")]
    own = [reverse(name, args=[build.pk]) for name in ("build", "build-head", "build-results")]
    log = [
        reverse(name, args=[build.log_id])
        for name in ("log-lines", "log-search", "log-outline", "log-findings")
    ]
    log[1] += "?q=x"
    return [*plain, *own, *log, reverse("artifact", args=[artifact.pk])]


def test_everybody_signed_in_sees_all_pages(
    build: Build, artifact: Artifact, stranger: User, sign_in: SignIn
) -> None:
    client = sign_in(stranger)

    assert {page: client.get(page).status_code for page in pages_of(build, artifact)} == dict.fromkeys(
        pages_of(build, artifact), 200
    )


def test_anonymous_is_sent_to_sign_in(build: Build, artifact: Artifact, client: Client) -> None:
    assert {client.get(page).status_code for page in pages_of(build, artifact)} == {302}


@pytest.mark.parametrize("name", ["build-cancel", "build-again", "follow-add"])
def test_viewer_changes_nothing(build: Build, stranger: User, sign_in: SignIn, name: str) -> None:
    client = sign_in(stranger)

    assert client.post(reverse(name, args=[build.pk])).status_code == 403
    assert client.get(reverse(name, args=[build.pk])).status_code == 405
    assert client.get(reverse("build-new")).status_code == 403
    assert Build.objects.count() == 1


@pytest.mark.parametrize(("name", "queries"), [("builds", 7), ("build", 11), ("build-head", 5)])
def test_page_takes_a_fixed_number_of_queries(  # noqa: PLR0917
    build: Build,
    artifact: Artifact,
    member: User,
    sign_in: SignIn,
    django_assert_max_num_queries,
    name,
    queries,
) -> None:
    client = sign_in(member)
    arguments = [] if name == "builds" else [build.pk]

    with django_assert_max_num_queries(queries):
        client.get(reverse(name, args=arguments))


def test_detail_links_the_finding_to_the_forge(build: Build, member: User, sign_in: SignIn) -> None:
    text = sign_in(member).get(reverse("build", args=[build.pk])).content.decode()

    link = f"https://github.com/me/kubernetes/blob/{'a' * 40}/cmd/kubelet/main.go#L7"
    assert link in text and "undefined: x" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", True),
        ("?status=failed", True),
        ("?status=succeeded", False),
        ("?component=kubelet", True),
        ("?component=kube", False),
        ("?q=fix", True),
        ("?q=nothing", False),
        ("?mine=1", True),
    ],
)
def test_list_is_filtered(build: Build, member: User, sign_in: SignIn, query: str, shown: bool) -> None:
    text = sign_in(member).get(reverse("builds") + query).content.decode()

    assert (f"#{build.pk}</a>" in text) is shown


def test_ref_is_resolved_while_typing(repository: Repository, member: User, sign_in: SignIn) -> None:
    query = {"url": str(repository.path), "ref": "pull/7"}

    text = sign_in(member).get(reverse("build-new-resolved"), query).content.decode()

    assert repository.commits["pull"] in text and "pull request" in text


@pytest.mark.parametrize(("ref", "words"), [("-x", "option"), ("nowhere", "no branch"), ("", "Type a ref")])
def test_ref_that_is_none_is_told_while_typing(
    repository: Repository, member: User, sign_in: SignIn, ref: str, words: str
) -> None:
    query = {"url": str(repository.path), "ref": ref}

    assert words in sign_in(member).get(reverse("build-new-resolved"), query).content.decode()


def sent(repository: Repository, **changes: object) -> dict[str, object]:
    given = {
        "url": str(repository.path),
        "ref": "fix",
        "components": ["kubelet"],
        "targets": ["windows/amd64"],
    }
    return {**given, **changes}


def test_second_request_leads_to_the_first_ones_build(
    repository: Repository, member: User, owner: User, sign_in: SignIn
) -> None:
    first = sign_in(member).post(reverse("build-new"), sent(repository))
    second = sign_in(owner).post(reverse("build-new"), sent(repository, ref="refs/heads/fix"))

    build = Build.objects.get()
    assert first.url == second.url == reverse("build", args=[build.pk])
    assert (build.commit, build.requested_by) == (repository.commits["fix"], member)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ref": "--upload-pack=x"}, "option"),
        ({"ref": "gone"}, "no branch"),
        ({"url": "https://me:secret@github.com/a/b"}, "user and password"),
        ({"url": "file:///etc"}, "https"),
        ({"components": []}, "required"),
        ({"components": ["evil"]}, "valid choice"),
    ],
    ids=str,
)
def test_bad_request_keeps_the_form_and_makes_nothing(
    repository: Repository, member: User, sign_in: SignIn, changes: dict[str, object], words: str
) -> None:
    answer = sign_in(member).post(reverse("build-new"), sent(repository, **changes))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Build.objects.exists()


def test_fetch_is_asked_by_version(member: User, folders: Path, sign_in: SignIn) -> None:
    given = {"source": "kubernetes-release", "members": ["kubelet"], "fetch_targets": ["windows/amd64"]}

    bad = sign_in(member).post(reverse("build-fetch"), {**given, "version": "../x"})
    good = sign_in(member).post(reverse("build-fetch"), {**given, "version": "v1.36.1"})

    assert (bad.status_code, good.status_code) == (422, 302)
    assert (Build.objects.get().kind, Build.objects.get().recipe["version"]) == ("fetch", "1.36.1")


def test_upload_is_kept_when_it_is_for_its_target(member: User, folders: Path, sign_in: SignIn) -> None:
    client = sign_in(member)
    given = {"component": "kubelet", "target": "windows/amd64", "version": "mine"}

    good = client.post(reverse("artifact-upload"), {**given, "file": SimpleUploadedFile("k.exe", pe_file())})
    bad = client.post(
        reverse("artifact-upload"), {**given, "file": SimpleUploadedFile("k.exe", b"#!/bin/sh")}
    )
    other = {**given, "target": "linux/amd64", "file": SimpleUploadedFile("k", pe_file() + b"x")}

    assert (good.status_code, bad.status_code) == (302, 422)
    assert client.post(reverse("artifact-upload"), other).status_code == 422
    assert Artifact.objects.get().sha256 == hashlib.sha256(pe_file()).hexdigest()
    assert len([path for path in (folders / "artifacts").rglob("*") if path.is_file()]) == 1


def test_component_is_added_for_everybody(member: User, owner: User, sign_in: SignIn) -> None:
    given = {
        "name": "csi-proxy",
        "repository": "https://github.com/kubernetes-csi/csi-proxy",
        "package": "./cmd/csi-proxy",
        "stamp": "main.version={version}",
        "targets": ["windows/amd64"],
        "path": r"C:\k\csi-proxy.exe",
        "run_by": "service csi-proxy",
    }

    assert sign_in(member).post(reverse("component-add"), given).status_code == 302
    assert (
        sign_in(member).post(reverse("component-add"), {**given, "name": "x", "package": "-o"}).status_code
        == 422
    )
    assert 'value="csi-proxy"' in sign_in(owner).get(reverse("build-new")).content.decode()
    row = UserComponent.objects.get()
    assert sign_in(owner).post(reverse("component-remove", args=[row.pk])).status_code == 403
    assert sign_in(member).post(reverse("component-remove", args=[row.pk])).status_code == 302


def test_branch_is_followed_once_and_stopped(build: Build, member: User, sign_in: SignIn) -> None:
    client = sign_in(member)

    client.post(reverse("follow-add", args=[build.pk]))
    client.post(reverse("follow-add", args=[build.pk]))
    assert Follow.objects.count() == 1
    client.post(reverse("follow-stop", args=[Follow.objects.get().pk]))
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", None),
        ("bytes=0-99", Span(0, 99)),
        ("bytes=100-", Span(100, 999)),
        ("bytes=-10", Span(990, 999)),
        ("bytes=-5000", Span(0, 999)),
        ("bytes=990-5000", Span(990, 999)),
        ("bytes=1000-", False),
        ("bytes=-0", False),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("bytes=-", None),
    ],
)
def test_range_is_read_as_the_rfc_says(header: str, span: object) -> None:
    assert parse_range(header, 1000) == span


@pytest.mark.django_db(transaction=True)
async def test_download_goes_on_where_it_broke_off(artifact: Artifact, member: User) -> None:
    client = AsyncClient()
    await client.aforce_login(member, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("artifact-download", args=[artifact.pk])

    whole = await client.get(url)
    part = await client.get(url, headers={"Range": "bytes=2000-"})
    outside = await client.get(url, headers={"Range": "bytes=9999-"})
    changed = await client.get(url, headers={"Range": "bytes=2000-", "If-Range": '"other"'})

    assert b"".join([block async for block in whole.streaming_content]) == CONTENT
    assert b"".join([block async for block in part.streaming_content]) == CONTENT[2000:]
    assert (part.status_code, part["Content-Range"]) == (206, "bytes 2000-2047/2048")
    assert (outside.status_code, changed.status_code) == (416, 200)


def test_download_of_what_the_quota_took_is_not_there(
    artifact: Artifact, member: User, sign_in: SignIn
) -> None:
    path_of(artifact.sha256).unlink()

    assert sign_in(member).get(reverse("artifact-download", args=[artifact.pk])).status_code == 404
