"""The store of binaries and what an executable says of itself."""

import struct
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from webapp.builds.artifacts import MIB, enforce_quota, path_of, read_blocks, store_content, sweep
from webapp.builds.errors import ArtifactError
from webapp.builds.models import Artifact, ArtifactUse
from webapp.builds.pe import check_target, facts_of, missing_texts
from webapp.labs.models import Lab


@pytest.fixture(autouse=True)
def store(settings, tmp_path: Path) -> Path:
    settings.ARTIFACT_DIR = tmp_path / "artifacts"
    return settings.ARTIFACT_DIR


def make(content: bytes, **fields: object) -> Artifact:
    sha256, size = store_content([content], 10 * MIB)
    given = {"component": "kubelet", "target": "windows/amd64", "file_name": "kubelet.exe", **fields}
    return Artifact.objects.create(sha256=sha256, size_bytes=size, **given)


def pe(machine: int = 0x8664) -> bytes:
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 0, 0, 0, 0, 112, 0)
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + struct.pack("<H66xH", 0x20B, 3)


def test_content_lies_at_its_digest_and_only_once(store: Path) -> None:
    first, second = store_content([b"a", b"b"], 10), store_content([b"ab"], 10)

    assert first == second
    assert path_of(first[0]).read_bytes() == b"ab"
    assert [path.name for path in store.rglob("*") if path.is_file()] == [first[0]]


def test_too_much_content_leaves_nothing(store: Path) -> None:
    with pytest.raises(ArtifactError, match="larger than"):
        store_content((bytes(1024) for _ in range(10**6)), 4096)

    assert not [path for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_only_plain_files_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    path.symlink_to("/etc/hostname") if kind == "link" else path.mkdir()

    with pytest.raises((OSError, ArtifactError)):
        list(read_blocks(path))


@pytest.mark.django_db
def test_quota_takes_the_oldest_that_nobody_needs(settings, lab: Lab) -> None:
    settings.ARTIFACT_QUOTA_MIB = 2
    used, kept, old, new = (make(bytes([number]) * MIB) for number in range(4))
    ArtifactUse.objects.create(artifact=used, lab=lab, machine="winw1")
    Artifact.objects.filter(pk=kept.pk).update(is_kept=True)

    gone = enforce_quota(timezone.now() + timedelta(days=1))

    there = {artifact.pk for artifact in (used, kept, old, new) if path_of(artifact.sha256).exists()}
    assert gone == 2 and there >= {used.pk, kept.pk}


@pytest.mark.django_db(transaction=True)
def test_quota_deletes_the_file_and_says_so(settings) -> None:
    artifact = make(b"x" * 100)
    settings.ARTIFACT_QUOTA_MIB = 0

    enforce_quota(timezone.now())

    assert not path_of(artifact.sha256).exists()
    assert Artifact.objects.get().removed_at is not None


@pytest.mark.django_db(transaction=True)
def test_quota_leaves_content_that_a_build_has_just_stored_anew(settings) -> None:
    artifact = make(b"x" * 100)
    store_content([b"x" * 100], MIB)  # its row comes with the build's end
    settings.ARTIFACT_QUOTA_MIB = 0

    enforce_quota(timezone.now())

    assert path_of(artifact.sha256).exists()


@pytest.mark.django_db
def test_content_without_a_row_is_swept_when_it_is_old(store: Path) -> None:
    known = make(b"known")
    orphan, _ = store_content([b"orphan"], 100)
    (store / "new-left").write_bytes(b"half")

    assert sweep(timezone.now()) == 0
    assert sweep(timezone.now() + timedelta(hours=2)) == 2
    assert path_of(known.sha256).exists() and not path_of(orphan).exists()


def test_pe_facts_are_read(tmp_path: Path) -> None:
    (tmp_path / "k.exe").write_bytes(pe())

    facts = facts_of(tmp_path / "k.exe")

    assert facts == {"format": "PE32+", "machine": "amd64", "subsystem": "windows console"}
    with pytest.raises(ArtifactError, match="not for linux/amd64"):
        check_target(facts, "linux/amd64", "k.exe")


@given(st.binary(max_size=300))
def test_rubbish_is_refused_and_nothing_else_happens(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("pe") / "x"
    for content in (data, b"MZ" + data, pe()[:64] + data):
        path.write_bytes(content)
        try:
            facts_of(path)
        except ArtifactError:
            continue


def test_missing_stamp_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"...v1.2.3...")

    assert missing_texts(tmp_path / "x", ["v1.2.3", "v9"]) == ["v9"]
