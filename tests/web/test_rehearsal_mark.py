"""Every page about a lab says when the lab is a rehearsal."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import RunFactory
from webapp.accounts.models import User
from webapp.cluster.actions import cluster_of
from webapp.labs.models import Lab

SignIn = Callable[[User], Client]
CLUSTER = ("ladder", "services", "network", "logs", "workloads", "connectivity", "readiness", "bundle")
PAGES = ("lab", "lab-destroy", "binaries", "shells", "pairings", "pairing-new")
PAGES += tuple(f"cluster-{name}" for name in CLUSTER)


@pytest.mark.django_db
@pytest.mark.parametrize("is_rehearsal", [True, False], ids=["rehearsal", "real"])
@pytest.mark.parametrize("name", [*PAGES, "run"])
def test_page_says_whether_its_lab_is_a_rehearsal(
    lab: Lab, owner: User, sign_in: SignIn, name: str, is_rehearsal: bool
) -> None:
    lab.provider = "rehearsal" if is_rehearsal else "libvirt"
    lab.save()
    cluster_of(lab)
    RunFactory(lab=lab, number=1)

    page = sign_in(owner).get(reverse(name, args=[lab.slug, *([1] if name == "run" else [])]))

    assert page.status_code == 200
    assert ("rehearsal" in page.content.decode()) is is_rehearsal
