"""python -m bench.shells [--quick]: what shared terminals cost, beside terminado's in the same run.

Keystroke to echo is taken from the sending of a key on one socket to its echo on another viewer's, with 20
viewers over loopback; drawing it is the browser's. terminado runs the same played shell.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import quantiles

import psutil
import websockets

from tests.stack import ROOT, Stack, Visitor, free_port, wait_until

VIEWERS = 20
FLOOD_S = 10.0
IDLE = 50
SETTLE_S = 5.0
DEFINITION = "scope: machines\nmachines:\n- {role: control-plane, name: controlplane}\n"
PROMPT = "controlplane"
Type = Callable[[str], Awaitable[None]]


class Ours:
    """One viewer of our own socket."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket, self.seen, self.told = socket, 0, 0

    async def type(self, text: str) -> None:
        await self.socket.send(json.dumps({"in": text}))

    async def output(self) -> str:
        while True:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                self.seen += len(message)
                if self.seen - self.told > 65536:
                    self.told = self.seen
                    await self.socket.send(json.dumps({"seen": self.seen}))
                return message.decode()


class Terminado:
    """One viewer of terminado's."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket

    async def type(self, text: str) -> None:
        await self.socket.send(json.dumps(["stdin", text]))

    async def output(self) -> str:
        while True:
            kind, *rest = json.loads(await self.socket.recv())
            if kind == "stdout":
                return str(rest[0])


Viewer = Ours | Terminado


async def echoes_ms(viewers: Sequence[Viewer], keys: int) -> list[float]:
    """Type one key at a time at the first viewer's; return how long each took to the last viewer's screen."""
    draining = [asyncio.create_task(drain(viewer)) for viewer in viewers[:-1]]
    taken = []
    for number in range(keys):
        letter = "abcdefghijklmnopqrstuvw"[number % 23]
        began = time.perf_counter()
        await viewers[0].type(letter)
        while letter not in await viewers[-1].output():
            pass
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.03)
        if number % 60 == 59 or number == keys - 1:
            await viewers[0].type("\x03")
            await settle(viewers[-1])
    for task in draining:
        task.cancel()
    return taken


async def settle(viewer: Viewer, quiet_s: float = 0.3) -> None:
    """Read until it has been quiet."""
    try:
        while True:
            async with asyncio.timeout(quiet_s):
                await viewer.output()
    except TimeoutError:
        return


async def drain(viewer: Viewer) -> None:
    while True:
        await viewer.output()


def p50_p99(values: list[float]) -> str:
    cuts = quantiles(values, n=100)
    return f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


async def measure_ours(stack: Stack, number: int, keys: int) -> dict[str, str]:
    cookie = {"Cookie": stack.visitor().cookies, "Origin": stack.url}
    address = f"ws://127.0.0.1:{stack.port}/ws/shells/{number}/?columns=80&rows=24"
    sockets = [
        await websockets.connect(address, additional_headers=cookie, max_size=None) for _ in range(VIEWERS)
    ]
    viewers = [Ours(socket) for socket in sockets]
    await asyncio.gather(*(settle(viewer, 1.0) for viewer in viewers))
    found = {"keystroke to echo, 20 viewers": p50_p99(await echoes_ms(viewers, keys))}
    found |= await flood(stack, viewers)
    for socket in sockets:
        await socket.close()
    return found


async def flood(stack: Stack, viewers: list[Ours]) -> dict[str, str]:
    """Run `yes`: how much is shown, what it adds to memory, how long Ctrl-C takes."""
    processes = {name: psutil.Process(stack.parts[name].pid) for name in ("web", "shells")}
    before = {name: process.memory_info().rss for name, process in processes.items()}
    seen = [viewer.seen for viewer in viewers[1:]]
    await viewers[0].type("yes\r")
    tasks = [asyncio.create_task(drain(viewer)) for viewer in viewers[1:]]
    await asyncio.sleep(FLOOD_S)
    slowest = min(viewer.seen - first for viewer, first in zip(viewers[1:], seen, strict=True))
    grown = {name: (process.memory_info().rss - before[name]) / 2**20 for name, process in processes.items()}
    began = time.perf_counter()
    await viewers[0].type("\x03")
    while "^C" not in await viewers[0].output():
        pass
    for task in tasks:
        task.cancel()
    return {
        "yes for 10 s": f"{slowest / FLOOD_S / 1e6:.2f} MB/s at the slowest viewer; memory web "
        f"{grown['web']:+.0f} MiB, shells {grown['shells']:+.0f} MiB; "
        f"Ctrl-C seen after {(time.perf_counter() - began) * 1000:.0f} ms"
    }


def idle(stack: Stack, seconds: float) -> str:
    """Open 50 terminals that nobody watches; return the share of a core that their process takes."""
    visitor = stack.visitor()
    visitor.open("/labs/bench/shells/")
    for _ in range(IDLE):
        visitor.open("/labs/bench/shells/open", {"machine": "controlplane"})
    count = "SELECT count(*) FROM webapp_terminal WHERE status = 'open'"
    wait_until(lambda: stack.query(count)[0][0] > IDLE, 120, "50 are open")
    # Neither connecting fifty nor taking, once, the baton from who has not stayed is idling.
    held = "SELECT count(*) FROM webapp_terminal WHERE holder_id IS NOT NULL"
    wait_until(lambda: stack.query(held)[0][0] == 0, 120, "the batons are free")
    time.sleep(SETTLE_S)
    process = psutil.Process(stack.parts["shells"].pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return f"{100 * used / seconds:.2f} % of a core"


async def measure_terminado(argv: list[str], folder: Path, keys: int) -> str:
    """Serve the same shell by terminado in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "bench.terminado_server", str(port), *argv]
    server = subprocess.Popen(command, cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    try:
        await asyncio.to_thread(wait_until, lambda: Stack.answers(port), 20, "terminado answers")
        sockets = [await websockets.connect(f"ws://127.0.0.1:{port}/ws") for _ in range(VIEWERS)]
        viewers = [Terminado(socket) for socket in sockets]
        await asyncio.gather(*(settle(viewer, 1.0) for viewer in viewers))
        return p50_p99(await echoes_ms(viewers, keys))
    finally:
        server.terminate()
        server.wait()


def launch(visitor: Visitor) -> None:
    visitor.open("/definitions/import")
    url = visitor.open("/definitions/import", {"name": "bench", "text": DEFINITION})[1]
    visitor.open(f"/labs/new?definition={url.rstrip('/').rsplit('/', 1)[-1]}")
    visitor.open("/labs/new", {"revision": "1", "host": "1", "name": "bench", "provider": "rehearsal"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    keys = 120 if parser.parse_args().quick else 500
    env = {"LAB_VAGRANT": "/nowhere", "LAB_REHEARSAL_SPEED": "5000", "SHELLS_PER_LAB": "99"}
    with tempfile.TemporaryDirectory(prefix="bench-shells") as folder:
        stack = Stack(Path(folder), {**env, "SHELLS_PER_PERSON": "99"})
        try:
            stack.start()
            for name, value in measure(stack, keys).items():
                print(f"{name:34} {value}", flush=True)
        finally:
            stack.stop()


def measure(stack: Stack, keys: int) -> dict[str, str]:
    visitor = stack.visitor()
    launch(visitor)
    wait_until(lambda: stack.query("SELECT 1 FROM webapp_run WHERE status = 'succeeded'"), 180, "launched")
    stack.stop_part("worker")  # the figures are the terminals' own
    stack.stop_part("beat")
    visitor.open("/labs/bench/shells/")
    visitor.open("/labs/bench/shells/open", {"machine": "controlplane"})
    wait_until(lambda: stack.query("SELECT 1 FROM webapp_terminal WHERE status = 'open'"), 30, "open")
    number = stack.query("SELECT id FROM webapp_terminal")[0][0]
    found = asyncio.run(measure_ours(stack, number, keys))
    player = str(ROOT / "environments" / "rehearsal" / "shell")
    found["the same by terminado"] = asyncio.run(
        measure_terminado([player, "controlplane"], stack.var / "labs" / "bench", keys)
    )
    found["50 idle terminals"] = idle(stack, 20)
    return found


if __name__ == "__main__":
    main()
