"""The ready frame through a real uvicorn, and the usual way where it must not be used."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.stack import free_port
from webapp.ws.protocol import LARGEST_MESSAGE, PUSH, FrameProtocol

READY = {"type": "websocket.send", "text": "by text", "frame": b"\x81\x08by frame"}


async def speak(scope, receive, send) -> None:
    if scope["path"] == "/hear":
        await hear(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send(READY)
        if not scope["extensions"][PUSH](b"\x81\x06pushed"):
            await send({"type": "websocket.send", "text": "refused"})
        await send({"type": "websocket.send", "text": "plain"})
        await send({"type": "websocket.close", "code": 1000})
        assert not scope["extensions"][PUSH](b"\x81\x04late")


async def hear(receive, send) -> None:
    """Say how long each message was."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = free_port()
    config = uvicorn.Config(speak, port=port, ws=FrameProtocol, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


@pytest.mark.parametrize(
    ("compression", "first"),
    [(None, ["by frame", "pushed"]), ("deflate", ["by text", "refused"])],
    ids=["plain", "deflate"],
)
async def test_a_ready_frame_goes_out_as_it_is_unless_something_was_negotiated(
    port: int, compression, first: list[str]
):
    async with connect(f"ws://127.0.0.1:{port}/", compression=compression) as socket:
        said = [message async for message in socket]

    assert said == [*first, "plain"]
    assert socket.close_code == 1000


async def test_a_message_that_no_page_sends_ends_the_socket_before_it_is_kept(port: int):
    async with connect(f"ws://127.0.0.1:{port}/hear", compression=None) as socket:
        await socket.send("x" * LARGEST_MESSAGE)
        heard = await socket.recv()
        with pytest.raises(ConnectionClosed):
            await socket.send("x" * (LARGEST_MESSAGE + 1))
            await socket.recv()

    assert (heard, socket.close_code) == (str(LARGEST_MESSAGE), 1009)
