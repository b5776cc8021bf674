"""Fixtures for every room.

people      owner, guest, stranger (viewer), member, administrator: signed-in-able users
lab         a lab of `owner` with controlplane and winw1, and `guest` as its guest
sign_in     sign_in(user) -> a Django test client
var         settings with every folder below tmp_path
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import get_hashers
from django.test import Client

from tests.factories import LabFactory, MachineFactory, MemberFactory, UserFactory
from webapp.accounts.models import Role, User
from webapp.labs.models import Lab


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in a file, as in the product: threads share it, and wait for each other."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash quickly: what is tested is who may do what, not how long a guess takes."""
    monkeypatch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
    get_hashers.cache_clear()


@pytest.fixture
def owner(db: None) -> User:
    return UserFactory(username="ana")


@pytest.fixture
def guest(db: None) -> User:
    return UserFactory(username="ben", role=Role.VIEWER)


@pytest.fixture
def stranger(db: None) -> User:
    """Signed in, may look, has no right to change anything."""
    return UserFactory(username="carl", role=Role.VIEWER)


@pytest.fixture
def member(db: None) -> User:
    return UserFactory(username="dora")


@pytest.fixture
def administrator(db: None) -> User:
    return UserFactory(username="root", role=Role.ADMINISTRATOR)


@pytest.fixture
def lab(owner: User, guest: User) -> Lab:
    lab = LabFactory(name="calico-1", owner=owner)
    MachineFactory(lab=lab, position=0, name="controlplane", role="control-plane")
    MachineFactory(lab=lab, position=1, name="winw1", role="windows")
    MemberFactory(lab=lab, user=guest)
    return lab


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def var(settings, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]  # pytest-django's own
    settings.VAR_DIR = tmp_path
    settings.LAB_HOME = tmp_path / "labs"
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.LAB_VAGRANT_HOME = tmp_path / "vagrant.d"
    return tmp_path
