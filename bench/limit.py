"""The limit, bare asyncio: one process reads the child, sends to all, stores nothing, 5 ms batches.

python -m bench.limit PORT LINES RATE      a line on stdin starts the child
"""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

WINDOW_S = 0.005
READ_BYTES = 262_144


async def watch(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def main() -> None:
    port, lines, rate = sys.argv[1:4]
    async with serve(watch, "127.0.0.1", int(port), compression=None, ping_interval=None) as server:
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.producer",
            lines,
            rate,
            stdout=asyncio.subprocess.PIPE,
            limit=READ_BYTES,
        )
        assert child.stdout is not None
        rest = b""
        while data := await child.stdout.read(READ_BYTES):
            whole, newline, rest = (rest + data).rpartition(b"\n")
            if newline:
                broadcast(server.connections, (whole + newline).decode())
            if len(data) < READ_BYTES:
                await asyncio.sleep(WINDOW_S)
        await child.wait()
        print("sent", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    uvloop.run(main())
