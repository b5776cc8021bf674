"""uvicorn's WebSocket protocol, with one shortcut: a frame that is ready goes out as it is.

A log's frame is the same for every viewer. Through the usual way each viewer's copy is encoded, framed and
joined anew (four copies of 85 KB); here all share the bytes that `logs.frames` made once. Started with
`uvicorn --ws webapp.ws.protocol:FrameProtocol --ws-per-message-deflate false`; under any other server, or
with an extension in force, the same messages take the usual way by their "text".

Source: uvicorn 0.54, protocols/websockets/websockets_sansio_impl.py; RFC 6455, 5.2.
"""

from asyncio import BaseTransport
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# What a socket may have before it is waited for: shared frames, so that it costs little.
WAITING_BYTES = 256 * 1024
LARGEST_MESSAGE = 256 * 1024  # bytes; the longest that a page sends has 64 Ki characters (ws/shell.py)
PUSH = "webapp.push"  # the ASGI extension: scope["extensions"][PUSH](frame) -> bool


class FrameProtocol(WebSocketsSansIOProtocol):
    """Sends `message["frame"]`, whole WebSocket frames of the server's side, without touching them.

    And takes no message beyond LARGEST_MESSAGE (uvicorn: 16 MiB each): the socket ends with 1009.
    """

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:  # Any: uvicorn's own
        config.ws_max_size = min(config.ws_max_size, LARGEST_MESSAGE)
        super().__init__(config, *args, **kwargs)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WAITING_BYTES)

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope["extensions"])  # Any: ASGI leaves it open
        extensions[PUSH] = self.push
        await super().run_asgi()

    def push(self, frame: bytes) -> bool:
        """Write a frame now; False, and nothing is written, where `send` would have to wait or to fail."""
        if self.disconnected or not self.writable.is_set() or not self.is_plainly_open:
            return False
        self.transport.write(frame)
        return True

    async def send(self, message: Any) -> None:  # Any: an ASGI message and our own key
        frame = message.get("frame")
        if frame is None or not self.is_plainly_open:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or not self.is_plainly_open:
            raise ClientDisconnected
        self.transport.write(cast(bytes, frame))

    @property
    def is_plainly_open(self) -> bool:
        """Tell whether frames may be written: after the handshake, before a close, nothing negotiated."""
        is_open = self.handshake_complete and not self.close_sent and self.initial_response is None
        return is_open and not self.conn.extensions and self.conn.state.name == "OPEN"
