"""The setup token, and who may make the first administrator."""

import stat
from pathlib import Path

import pytest

from tests.at_once import at_once
from tests.factories import UserFactory
from webapp.accounts.actions import AccountError
from webapp.accounts.first_run import create_first_administrator, setup_token
from webapp.accounts.models import User

PASSWORD = "correct horse battery"


def test_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = (setup_token(tmp_path, "") for _ in range(2))

    assert first == second
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "setup_token").stat().st_mode) == 0o600


def test_processes_that_start_at_once_have_one_token(tmp_path: Path) -> None:
    tokens = set(at_once(*[lambda: setup_token(tmp_path, "")] * 8))

    assert len(tokens) == 1 and tokens != {""}
    assert [path.name for path in tmp_path.iterdir()] == ["setup_token"]


def test_configured_token_is_taken_and_nothing_is_written(tmp_path: Path) -> None:
    assert setup_token(tmp_path, "mine") == "mine"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("given", "token"), [("wrong", "right"), ("", ""), ("", "right"), ("ü", "right")])
@pytest.mark.django_db
def test_wrong_token_makes_nobody(given: str, token: str) -> None:
    with pytest.raises(AccountError):
        create_first_administrator(username="ana", password=PASSWORD, given=given, token=token)

    assert not User.objects.exists()


@pytest.mark.django_db
def test_right_token_is_worth_nothing_once_there_is_somebody() -> None:
    UserFactory()

    with pytest.raises(AccountError):
        create_first_administrator(username="ana", password=PASSWORD, given="t", token="t")


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_time_one_becomes_administrator() -> None:
    def try_it(name: str) -> User:
        return create_first_administrator(username=name, password=PASSWORD, given="t", token="t")

    came = at_once(lambda: try_it("ana"), lambda: try_it("ben"))

    made = sorted(isinstance(one, User) for one in came)
    assert (made, User.objects.count()) == ([False, True], 1)
