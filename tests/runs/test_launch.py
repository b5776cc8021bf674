"""A double click launches once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.factories import HostFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.executions.models import Status
from webapp.labs.models import Lab
from webapp.runs.launch import launch_once
from webapp.runs.models import Run


@pytest.fixture
def wish(transactional_db: None, owner: User) -> dict[str, object]:
    host = HostFactory(name="local")
    return {"revision": RevisionFactory(), "host": host, "name": "mine", "provider": "rehearsal", "by": owner}


def test_two_clicks_at_the_same_time_make_one_lab(wish: dict[str, object]) -> None:
    def click(_: int) -> tuple[int, bool]:
        try:
            run, is_new = launch_once(**wish)
            return run.pk, is_new
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        (first, one_is_new), (second, other_is_new) = pool.map(click, range(2))

    assert (first == second, {one_is_new, other_is_new}) == (True, {True, False})
    assert Lab.objects.count() == 1


def test_same_name_launches_again_when_the_first_launch_has_ended(wish: dict[str, object]) -> None:
    first, _ = launch_once(**wish)
    Run.objects.update(status=Status.FAILED)
    second, is_new = launch_once(**wish)

    assert (is_new, first.lab.slug, second.lab.slug) == (True, "mine", "mine-2")
