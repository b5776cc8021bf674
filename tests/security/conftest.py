"""One of everything (tests/world.py) with every folder below tmp_path, and no Redis to ask.

world       one lab, one attached cluster, people by role
client_of   client_of(role) -> a Django test client of that person of `world`
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tests.world import ANONYMOUS, World, make_world
from webapp.accounts.models import User
from webapp.pairing import limits


@pytest.fixture
def world(db: None, var: Path, settings) -> World:
    settings.ARTIFACT_DIR = var / "artifacts"
    settings.BUILD_HOME = var / "builds"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limits.own_counts.clear()
    return make_world()


@pytest.fixture
def client_of(world: World, sign_in: Callable[[User], Client]) -> Callable[[str], Client]:
    clients = {role: sign_in(user) for role, user in world.people.items()}
    return lambda role: Client() if role == ANONYMOUS else clients[role]
