"""Signing in, the first run, one's password, and the page of people."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory
from webapp.accounts.models import AuditEntry, Role, User

SignIn = Callable[[User], Client]
NEW = "a longer sentence 7"


# -- signing in -------------------------------------------------------------------
@pytest.mark.django_db
def test_signing_in_leads_to_the_labs_and_is_recorded(owner: User, client: Client) -> None:
    answer = client.post(reverse("sign-in"), {"username": "ana", "password": PASSWORD})

    assert answer["Location"] == reverse("labs")
    assert AuditEntry.objects.get().action == "signed in"


@pytest.mark.django_db
def test_wrong_password_is_refused(owner: User, client: Client) -> None:
    answer = client.post(reverse("sign-in"), {"username": "ana", "password": "wrong"})

    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()


@pytest.mark.django_db
def test_a_disabled_person_cannot_sign_in(client: Client) -> None:
    UserFactory(username="eva", is_active=False)

    assert client.post(reverse("sign-in"), {"username": "eva", "password": PASSWORD}).status_code == 422


@pytest.mark.django_db
def test_too_many_tries_lock_out_even_the_right_password(owner: User, client: Client, settings) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("sign-in"), {"username": "ana", "password": "wrong"})
    answer = client.post(reverse("sign-in"), {"username": "ana", "password": PASSWORD})

    assert answer.status_code == 429
    assert "Too many tries" in answer.content.decode()


@pytest.mark.django_db
def test_sign_in_goes_nowhere_else(owner: User, client: Client) -> None:
    sent = {"username": "ana", "password": PASSWORD, "next": "https://evil.example/"}

    assert client.post(reverse("sign-in"), sent)["Location"] == reverse("labs")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["abcdefghijk\\000lmn", "A" * 32, "a" * 41, "größe-größe", ""])
def test_a_cookie_that_is_no_session_is_nobodys_and_asks_nothing(
    client: Client, owner: User, django_assert_num_queries, key: str
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/people/", headers={"Cookie": f'sessionid="{key}"'})

    assert answer.status_code == 302


def test_signing_out_takes_a_post(owner: User, sign_in: SignIn) -> None:
    client = sign_in(owner)

    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert client.get(reverse("labs")).status_code == 302


# -- the first run ------------------------------------------------------------------
@pytest.fixture
def token(settings, tmp_path: Path) -> str:
    settings.VAR_DIR = tmp_path
    settings.SETUP_TOKEN = ""
    (tmp_path / "setup_token").write_text("the-token\n")
    return "the-token"


def first_run(client: Client, token: str, password: str = NEW):
    return client.post(reverse("first-run"), {"token": token, "username": "ana", "password": password})


@pytest.mark.django_db
def test_sign_in_leads_to_the_first_run_while_nobody_is_there(client: Client) -> None:
    assert client.get(reverse("sign-in"))["Location"] == reverse("first-run")


@pytest.mark.django_db
def test_first_run_makes_an_administrator_and_signs_them_in(client: Client, token: str) -> None:
    assert client.get(reverse("first-run")).status_code == 200
    assert first_run(client, token)["Location"] == reverse("labs")
    assert User.objects.get().role == Role.ADMINISTRATOR
    assert client.get(reverse("people")).status_code == 200


@pytest.mark.parametrize(("given", "password"), [("wrong", NEW), ("the-token", "short")])
@pytest.mark.django_db
def test_first_run_needs_the_token_and_a_good_password(
    client: Client, token: str, given: str, password: str
) -> None:
    assert first_run(client, given, password).status_code == 422
    assert not User.objects.exists()


@pytest.mark.django_db
def test_first_run_is_gone_once_there_is_somebody(owner: User, client: Client, token: str) -> None:
    assert first_run(client, token).status_code == 404
    assert User.objects.count() == 1


# -- one's own password ---------------------------------------------------------------
def change(client: Client, old: str, new: str):
    return client.post(reverse("password"), {"old_password": old, "new_password1": new, "new_password2": new})


@pytest.mark.django_db
def test_changing_ones_password_ends_other_sessions(owner: User, sign_in: SignIn) -> None:
    here, elsewhere = sign_in(owner), sign_in(owner)

    assert change(here, PASSWORD, NEW)["Location"] == reverse("labs")
    assert [c.get(reverse("labs")).status_code for c in (here, elsewhere)] == [200, 302]
    assert AuditEntry.objects.get().action == "changed password"


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (PASSWORD, "short"), (PASSWORD, "ana")])
@pytest.mark.django_db
def test_a_bad_password_change_is_refused(owner: User, sign_in: SignIn, old: str, new: str) -> None:
    assert change(sign_in(owner), old, new).status_code == 422


# -- people -----------------------------------------------------------------------------
@pytest.mark.django_db
def test_added_person_signs_in_with_the_password_shown_once(
    administrator: User, client: Client, sign_in: SignIn
) -> None:
    page = sign_in(administrator).post(reverse("person-add"), {"username": "new", "role": "viewer"})
    shown = re.search(r'data-copy="([^"]+)"', page.content.decode())
    assert shown

    answer = client.post(reverse("sign-in"), {"username": "new", "password": shown[1]})
    assert answer["Location"] == reverse("labs")
    assert shown[1] not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    "sent",
    [
        {"username": "ROOT", "role": "viewer"},
        {"username": "x y", "role": "viewer"},
        {"username": "new", "role": "king"},
        {},
    ],
    ids=["taken", "space", "no such role", "empty"],
)
@pytest.mark.django_db
def test_bad_person_is_refused(administrator: User, sign_in: SignIn, sent: dict[str, str]) -> None:
    assert sign_in(administrator).post(reverse("person-add"), sent).status_code == 422
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_role_is_changed_and_the_same_role_is_no_news(
    administrator: User, stranger: User, sign_in: SignIn
) -> None:
    client = sign_in(administrator)
    for _ in range(2):
        client.post(reverse("person-role", args=[stranger.pk]), {"role": "member"})

    assert User.objects.get(pk=stranger.pk).role == Role.MEMBER
    assert AuditEntry.objects.filter(action="changed role").count() == 1


@pytest.mark.django_db
def test_the_last_administrator_stays_one(administrator: User, sign_in: SignIn) -> None:
    answer = sign_in(administrator).post(
        reverse("person-role", args=[administrator.pk]), {"role": "viewer"}, follow=True
    )

    assert "last administrator" in answer.content.decode()
    assert User.objects.get().role == Role.ADMINISTRATOR


@pytest.mark.django_db
def test_disabling_ends_the_session(administrator: User, stranger: User, sign_in: SignIn) -> None:
    theirs = sign_in(stranger)
    sign_in(administrator).post(reverse("person-active", args=[stranger.pk]), {"active": "0"})

    assert theirs.get(reverse("labs")).status_code == 302


@pytest.mark.django_db
def test_reset_password_ends_the_session_and_is_shown(
    administrator: User, stranger: User, sign_in: SignIn
) -> None:
    theirs = sign_in(stranger)
    page = sign_in(administrator).post(reverse("person-password", args=[stranger.pk])).content.decode()

    assert "data-copy=" in page
    assert theirs.get(reverse("labs")).status_code == 302
