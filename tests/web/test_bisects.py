"""The pages of bisects: who sees and asks, what is refused, cancel."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.builds.repository import Repository, make_repository
from webapp.accounts.models import User
from webapp.bisects.models import Bisect, Trial
from webapp.labs.models import Lab

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(settings, tmp_path: Path) -> Repository:
    settings.BUILD_HOME = tmp_path / "builds"
    made = make_repository(tmp_path / "kubernetes")
    settings.BUILD_LOCAL_REPOSITORIES = [str(made.path)]
    return made


@pytest.fixture
def wish(repository: Repository, lab: Lab) -> dict[str, str]:
    return {
        "lab": lab.slug, "machine": "winw1", "component": "kubelet", "url": str(repository.path),
        "good": "v1.36.1", "bad": "fix", "snapshot": "clean", "check_machine": "winw1", "script": "exit 0",
        "limit_s": "60",
    }  # fmt: skip


@pytest.fixture
def bisect(lab: Lab, owner: User) -> Bisect:
    commits = [{"commit": digit * 40, "subject": f"change {digit}"} for digit in "abcd"]
    row = Bisect.objects.create(
        lab=lab, machine="winw1", component="kubelet", target="windows/amd64", url="https://github.com/me/k",
        good_ref="v1", bad_ref="main", good_commit="a" * 40, bad_commit="d" * 40, commits=commits,
        trial_check={"machine": "winw1", "script": "exit 0", "expect": "", "limit_s": 60}, asked_by=owner,
    )  # fmt: skip
    Trial.objects.create(bisect=row, number=1, position=0, stage="ended", verdict="good", sentence="Passed.")
    Trial.objects.create(bisect=row, number=2, position=3, stage="injecting")
    return row


def test_member_asks_and_is_led_to_the_page(sign_in: SignIn, member: User, wish: dict[str, str]) -> None:
    answer = sign_in(member).post(reverse("bisect-new"), wish)

    row = Bisect.objects.get()
    assert answer.url == reverse("bisect", args=[row.pk])
    assert (row.state, row.target, row.tries_ends) == ("running", "windows/amd64", True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bad": "v1.36.1"}, "same commit"),
        ({"bad": "nowhere"}, "has no branch"),
        ({"url": "/etc"}, "not among the local repositories"),
        ({"snapshot": "a b;c"}, "name has 1 to 60 letters"),
        ({"expect": "("}, "no regular expression"),
        ({"machine": "other"}, "not one of the available choices"),
        ({"workload": "whoami", "script": ""}, "there is no linux and no windows node"),
        ({"workload": "whoami", "readiness": "Core.Network"}, "not both"),
    ],
)
def test_wrong_wish_is_explained_and_nothing_stored(
    sign_in: SignIn, member: User, wish: dict[str, str], change: dict[str, str], sentence: str
) -> None:
    answer = sign_in(member).post(reverse("bisect-new"), {**wish, **change})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Bisect.objects.exists()


def test_workload_that_is_the_check_is_told(sign_in: SignIn, owner: User, bisect: Bisect) -> None:
    check = {"machine": "winw1", "script": "whoami", "limit_s": 90, "kind": "workload"}
    Bisect.objects.update(trial_check=check)

    text = sign_in(owner).get(reverse("bisect", args=[bisect.pk])).content.decode()

    assert 'workload <span class="mono">whoami</span>, all its pods ready within 90 s' in text


def test_second_search_on_a_lab_is_refused(
    sign_in: SignIn, member: User, wish: dict[str, str], bisect: Bisect
) -> None:
    answer = sign_in(member).post(reverse("bisect-new"), wish)

    assert answer.status_code == 422
    assert "under way" in answer.content.decode()


def test_viewer_may_look_but_not_ask(sign_in: SignIn, stranger: User, bisect: Bisect) -> None:
    client = sign_in(stranger)

    assert client.get(reverse("bisects")).status_code == 200
    assert client.get(reverse("bisect", args=[bisect.pk])).status_code == 200
    assert client.get(reverse("bisect-new")).status_code == 403
    assert client.post(reverse("bisect-cancel", args=[bisect.pk])).status_code == 403
    assert client.get(reverse("bisect-cancel", args=[bisect.pk])).status_code == 405


def test_anonymous_is_sent_to_sign_in(client: Client, bisect: Bisect) -> None:
    for name, arguments in (("bisects", []), ("bisect", [bisect.pk]), ("bisect-trials", [bisect.pk])):
        assert "sign-in" in client.get(reverse(name, args=arguments)).url


def test_page_shows_trials_and_what_is_left(
    sign_in: SignIn, owner: User, bisect: Bisect, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    client = sign_in(owner)
    client.get(reverse("bisects"))
    with django_assert_max_num_queries(10):  # type: ignore[attr-defined]
        text = client.get(reverse("bisect-trials", args=[bisect.pk])).content.decode()

    assert "about 3 more trials" in text and "change a" in text and "injecting" in text
    assert 'class="mark-now"' in text and 'class="mark-good"' in text


def test_cancel_ends_it_once(sign_in: SignIn, owner: User, bisect: Bisect) -> None:
    client = sign_in(owner)
    for _ in range(2):
        client.post(reverse("bisect-cancel", args=[bisect.pk]))

    assert Bisect.objects.get().sentence.startswith("Canceled by ana")
