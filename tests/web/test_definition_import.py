"""Importing a variables.yaml on the page: stored, opened in the editor, or refused in words."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Definition

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of_owner(owner: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(owner)


def upload(client: Client, content: bytes, name: str = ""):  # type: ignore[no-untyped-def]  # the client's response
    return client.post(
        reverse("definition-import"), {"name": name, "file": SimpleUploadedFile("variables.yaml", content)}
    )


@pytest.mark.parametrize(
    ("preset", "version", "cni"),
    [("swdt-head", "1.26", "calico"), ("talk-2021", "1.21.2", "antrea")],
    ids=["of 2022 to 2024", "of 2021"],
)
def test_import_stores_upstreams_file_when_it_has_a_name(  # type: ignore[no-untyped-def]
    client_of_owner: Client, settings, preset: str, version: str, cni: str
) -> None:
    text = (settings.ENVIRONMENTS_DIR / "presets" / f"{preset}.yaml").read_bytes()

    response = upload(client_of_owner, text, "Upstream")

    assert response["Location"] == reverse("definition", args=["upstream"])
    spec = LabSpec.from_json(Definition.objects.get().revisions.get().spec)
    assert (spec.kubernetes.version, spec.cni.name) == (version, cni)
    assert "Upstream" in client_of_owner.get(response["Location"]).content.decode()


def test_import_opens_the_editor_when_it_has_no_name(client_of_owner: Client) -> None:
    response = client_of_owner.post(reverse("definition-import"), {"text": "cni: antrea\n"})

    assert response.status_code == 200 and response.context["draft"].data["cni.name"] == "antrea"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: 1\n", "not known"),
        (b"\x00\x01", "control characters"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a" * 1_000_000, "too long"),
        (b"", "no setting"),
    ],
    ids=["unknown key", "binary", "UTF-16", "1 MB", "empty"],
)
def test_import_tells_what_is_wrong(client_of_owner: Client, content: bytes, told: str) -> None:
    response = upload(client_of_owner, content, "Bad")

    assert response.status_code == 422 and told in response.content.decode()
    assert not Definition.objects.exists()


def test_import_escapes_what_a_file_says(client_of_owner: Client) -> None:
    response = upload(client_of_owner, b"cni: <script>alert(1)</script>\n")

    assert b"<script>alert" not in response.content
