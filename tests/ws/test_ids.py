"""Addresses of sockets that lead nowhere."""

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


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/logs/x/", "/ws/live", "/ws/shells/-1/"])
async def test_an_address_that_is_no_sockets_is_not_there(path: str, owner: User) -> None:
    socket = Socket(path, owner)

    await socket.connect()
    answer = await socket.receive_output(timeout=10)

    assert (answer["type"], answer["code"]) == ("websocket.close", NOT_THERE)
