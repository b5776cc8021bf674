"""Startup checks: what is wrong is said with its remedy."""

from pathlib import Path

import pytest
from django.core.checks import run_checks

from webapp.checks import (
    check_deployment,
    check_environments,
    check_folder,
    check_folders,
    check_redis_address,
    check_subnet_pool,
)


def test_checks_are_registered_and_find_nothing_here(var: Path):
    assert [found for found in run_checks() if str(found.id).startswith("webapp.")] == []


def test_check_folder_refuses_a_file_in_its_place(tmp_path: Path):
    (tmp_path / "file").touch()

    (found,) = check_folder("VAR_DIR", tmp_path / "file" / "var")

    assert (found.id, "cannot be written to" in found.msg) == ("webapp.E001", True)
    assert "set VAR_DIR to another folder" in str(found.hint)


def test_check_folders_looks_at_both(settings, tmp_path: Path):
    (tmp_path / "file").touch()
    settings.VAR_DIR = settings.LAB_HOME = tmp_path / "file"

    assert [found.msg.split()[0] for found in check_folders(None)] == ["VAR_DIR", "LAB_HOME"]


def test_check_environments_names_what_is_missing(settings, tmp_path: Path):
    settings.ENVIRONMENTS_DIR = tmp_path
    (tmp_path / "presets").mkdir()

    (found,) = check_environments(None)

    assert found.msg == f"{tmp_path} has no kit/Vagrantfile, kit/steps.yaml, kit/versions.yaml."


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("redis://localhost/0", True),
        ("rediss://h:1/0", True),
        ("unix:///run/r.sock?db=0", True),
        ("localhost", False),
        ("", False),
    ],
)
def test_check_redis_address_knows_the_spellings(settings, url: str, is_fine: bool):
    settings.REDIS_URL = url

    assert (check_redis_address(None) == []) is is_fine


def test_check_deployment_warns_of_plain_cookies_and_sqlite(settings):
    settings.SECURE_COOKIES = False

    assert [found.id for found in check_deployment(None)] == ["webapp.W001", "webapp.W002"]


@pytest.mark.parametrize(
    ("pool", "is_fine"),
    [
        ("192.168.56.0/21", True),
        ("10.9.8.0/24", True),
        ("10.9.8.0/25", False),
        ("192.168.56.5/21", False),
        ("fd00::/64", False),
        ("", False),
    ],
)
def test_check_subnet_pool_wants_room_for_a_lab(settings, pool: str, is_fine: bool):
    settings.LAB_SUBNET_POOL = pool

    assert (check_subnet_pool(None) == []) is is_fine
