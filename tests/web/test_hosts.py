"""Hosts: what is missing has its remedy, an inspection is asked for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import HostFactory
from webapp.accounts.models import AuditEntry, User
from webapp.hosts.models import Host

SignIn = Callable[[User], Client]
REMEDY = "vagrant plugin install winrm"


@pytest.fixture
def host(db: None) -> Host:
    finding = {"key": "winrm", "level": "warning", "title": "No WinRM", "detail": "", "remedy": REMEDY}
    return HostFactory(name="big-1", findings=[finding], providers=["libvirt"], facts={"cpus": 8})


@pytest.mark.django_db
def test_what_is_missing_is_shown_with_a_remedy_to_copy(host: Host, member: User, sign_in: SignIn) -> None:
    page = sign_in(member).get(reverse("host", args=["big-1"])).content.decode()

    assert f'data-copy="{REMEDY}"' in page
    assert "badge-attention" in page


@pytest.mark.parametrize(("age_s", "words"), [(1, "worker seen"), (120, "worker not seen")])
@pytest.mark.django_db
def test_page_says_whether_a_worker_is_there(
    host: Host, member: User, sign_in: SignIn, age_s: int, words: str
) -> None:
    Host.objects.update(seen_at=timezone.now() - timedelta(seconds=age_s))

    assert words in sign_in(member).get(reverse("host", args=["big-1"])).content.decode()


@pytest.mark.django_db
def test_inspection_is_asked_for_and_recorded(host: Host, member: User, sign_in: SignIn) -> None:
    answer = sign_in(member).post(reverse("host-inspect", args=["big-1"]))

    assert answer["Location"] == reverse("host", args=["big-1"])
    assert AuditEntry.objects.get().action == "inspected host"


@pytest.mark.django_db
def test_unknown_host_is_not_found(member: User, sign_in: SignIn) -> None:
    assert sign_in(member).get(reverse("host", args=["nowhere"])).status_code == 404


@pytest.mark.django_db
def test_no_host_yet_is_explained(member: User, sign_in: SignIn) -> None:
    assert "No lab host yet" in sign_in(member).get(reverse("hosts")).content.decode()
