"""One shared terminal by terminado: `terminado_server PORT COMMAND …`, for bench.shells."""

import asyncio
import sys

import tornado.web
from terminado import SingleTermManager, TermSocket


async def serve(port: int, command: list[str]) -> None:
    manager = SingleTermManager(shell_command=command)
    application = tornado.web.Application([("/ws", TermSocket, {"term_manager": manager})])
    application.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))
