"""The process that holds the PTYs: `manage.py shells`, one a lab host. It survives a restart of the web.

Web processes come over a unix socket (shells/client.py, shells/protocol.py): a connection is one viewer, or
one word. Their first frame says which. Whoever can open the socket is this very user, and is believed.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from webapp.shells import files, store
from webapp.shells.client import socket_address, socket_folder
from webapp.shells.protocol import INPUT, BadFrame, json_frame, parse_json, read_frame
from webapp.shells.room import Room
from webapp.shells.viewers import Viewer, clamp

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
GATHER_EVERY_S = 6.0
CLEAN_EVERY_S = 3600.0
ASK_AGAIN_S = 1.0
FIRST_FRAME_S = 10.0


class Server:
    """All terminals of this lab host, by the id of their row."""

    def __init__(self) -> None:
        self.rooms: dict[int, Room] = {}
        self._database = ThreadPoolExecutor(1, "database")  # one connection, one writer
        self._waits = ThreadPoolExecutor(8, "ways")  # Vagrant takes seconds
        self._gathering = asyncio.Lock()
        self._writers: set[asyncio.StreamWriter] = set()

    async def ask(self, function: Any, *arguments: Any) -> Any:  # Any: whatever the store's function takes
        run = asyncio.get_running_loop().run_in_executor
        if function is store.way:
            return await run(self._waits, store.with_own_connection, function, *arguments)
        return await run(self._database, store.with_connection, function, *arguments)

    async def ask_until_answered(self, function: Any, *arguments: Any) -> Any:  # Any: as above
        """Go on asking while the database is away: a room does not fail for it, its shell goes on."""
        while True:
            try:
                return await self.ask(function, *arguments)
            except (InterfaceError, OperationalError) as error:
                logger.warning("terminals: the database does not answer: %s", error)
                await asyncio.sleep(ASK_AGAIN_S)

    async def run(self) -> None:
        """Serve until TERM or INT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.start()
        logger.info("terminals: listening")
        await stop.wait()
        await self.stop()

    async def start(self) -> None:
        await self.ask(store.forget_connections)
        self._listening = await self._listen()
        self._clock = asyncio.create_task(self._look_by_the_clock())

    async def stop(self) -> None:
        """Hang up; the rows stay, so that the next start connects them again."""
        self._clock.cancel()
        self._listening.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.gather(*(room.drop() for room in self.rooms.values()))
        self._waits.shutdown(wait=False, cancel_futures=True)
        await self.ask(store.close_connection)
        await asyncio.to_thread(self._database.shutdown)

    async def _listen(self) -> asyncio.Server:
        (socket_folder() / "socket").unlink(missing_ok=True)
        before = os.umask(0o177)  # the socket is this user's only, from its first moment
        try:
            with socket_address() as address:
                return await asyncio.start_unix_server(self._accept, address)
        finally:
            os.umask(before)

    async def _look_by_the_clock(self) -> None:
        """Look at machines often, at all rows and recordings less often."""
        gathered = cleaned = float("-inf")
        while True:
            now = asyncio.get_running_loop().time()
            try:
                if now - gathered >= GATHER_EVERY_S:
                    gathered = now
                    await self.gather()
                for pk in await self.ask(store.to_be_looked_at) & self.rooms.keys():
                    await self.rooms[pk].look()
                for room in list(self.rooms.values()):
                    await room.tick(settings.SHELL_IDLE_S)
                if now - cleaned >= CLEAN_EVERY_S:
                    cleaned = now
                    await self.ask(store.delete_old_recordings, settings.RECORDING_DAYS)
                    await self.ask(files.sweep, time.time())
            except Exception:  # the database is away: the terminals go on
                logger.exception("terminals: the rows could not be looked at")
            await asyncio.sleep(LOOK_EVERY_S)

    async def gather(self) -> None:
        """Make the rooms those that the rows want; words may have been lost."""
        async with self._gathering:
            wanted = {facts.pk: facts for facts in await self.ask(store.live_facts)}
            for pk, room in list(self.rooms.items()):
                if pk not in wanted or room.is_over:
                    await room.reload()
                elif wanted[pk] != room.facts:
                    room.take(wanted[pk])
                if room.is_over and not room.viewers:
                    del self.rooms[pk]
            for pk, facts in wanted.items():
                if pk not in self.rooms:
                    self.rooms[pk] = Room(facts, self.ask_until_answered)

    # -- connections ---------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            async with asyncio.timeout(FIRST_FRAME_S):
                first = await read_frame(reader)
            if first is not None:
                await self._serve(parse_json(first[1]), reader, writer)
        except (BadFrame, TimeoutError, ConnectionError, KeyError, TypeError, ValueError) as error:
            logger.warning("terminals: a connection was closed: %s", error)
        except Exception:
            logger.exception("terminals: a connection failed")
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _serve(
        self, message: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if "changed" in message:
            await self._changed(int(message["changed"]))
        elif "attach" in message:
            await self._attach(message, reader, writer)
        elif "file" in message:
            answer = await asyncio.to_thread(store.with_own_connection, files.carry_out, message)
            writer.write(json_frame(answer))
            await writer.drain()

    async def _changed(self, pk: int) -> None:
        room = self.rooms.get(pk)
        if room is None:
            await self.gather()
            return
        await room.reload()
        room.poke()

    async def _attach(
        self, message: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one viewer to the end."""
        room = await self._room(int(message["attach"]))
        if room is None:
            writer.write(json_frame({"over": "This terminal is closed."}))
            await writer.drain()
            return
        viewer = Viewer(
            writer,
            user_id=int(message["user"]),
            name=str(message["name"])[:150],
            may_type=message.get("may_type") is True,
            size=clamp(message.get("size")),
        )
        room.enter(viewer)
        serving = asyncio.create_task(viewer.serve(room.screen, room.on_snapshot))
        hearing = asyncio.create_task(self._hear(room, viewer, reader))
        try:
            await asyncio.wait({serving, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.leave(viewer)
            for task in (serving, hearing):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(serving, hearing, return_exceptions=True)

    async def _room(self, pk: int) -> Room | None:
        if pk not in self.rooms:
            await self.gather()
        return self.rooms.get(pk)

    async def _hear(self, room: Room, viewer: Viewer, reader: asyncio.StreamReader) -> None:
        while (received := await read_frame(reader)) is not None:
            kind, payload = received
            if kind == INPUT:
                room.type_for(viewer, payload)
                continue
            message = parse_json(payload)
            if "size" in message:
                viewer.size = clamp(message["size"]) or viewer.size
                room.fit()
            if isinstance(message.get("seen"), int):
                viewer.acknowledge(message["seen"])
            if "may_type" in message:
                viewer.may_type = message["may_type"] is True


def main() -> None:
    """Run the server in this process."""
    asyncio.run(Server().run())
