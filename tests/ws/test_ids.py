"""Ids in a socket's address that no row can have."""

import pytest

from tests.ws.conftest import Socket
from webapp.accounts.models import User
from webapp.ws.rights import NOT_THERE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["logs", "shells", "presence"])
async def test_an_id_beyond_the_databases_numbers_is_not_there(path: str, redis, owner: User) -> None:
    socket = Socket(f"/ws/{path}/{2**63}/", owner)

    await socket.connect()
    answer = await socket.receive_output(timeout=10)

    assert (answer["type"], answer["code"]) == ("websocket.close", NOT_THERE)
