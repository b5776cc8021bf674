"""A request's body larger than its page takes is refused before it is kept: an ASGI layer around Django.

    more is announced, or comes ─► for Django the body ends here, `scope[TOO_LARGE]` says why
    ─► SiteMiddleware answers 413 with the sentence ─► what still comes is dropped, not for ever

Django itself puts a whole body on the disk before it asks any view, whoever sends it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar

from django.urls import Resolver404, resolve

MIB = 1024 * 1024
USUAL_MIB = 4  # forms (of fields alone Django takes 2.5 MiB), a variables.yaml, a kubeconfig
AROUND_FILE = MIB  # the form in which a file travels
LINGER_S = 30.0  # a browser reads no answer while it sends; after this the connection is closed
TOO_LARGE = "webapp.too_large"

Message = Mapping[str, Any]  # Any: ASGI's, here and below
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
View = TypeVar("View", bound=Callable[..., object])


def takes_mib(most: Callable[[], int]) -> Callable[[View], View]:
    """Say how large a file a view takes, where that is more than usual; asked at each request."""

    def mark(view: View) -> View:
        view.most_mib = most  # type: ignore[attr-defined]  # most_mib_at reads it
        return view

    return mark


def most_mib_at(path: str) -> int:
    try:
        view = resolve(path).func
    except Resolver404:
        return USUAL_MIB
    return max(USUAL_MIB, getattr(view, "most_mib", lambda: 0)())


class BodyBounds:
    """The layer; put it around Django's own application."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        await self.app(scope, exchange.receive, exchange.send)


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self._size = 0
        self._has_ended = False  # whatever the client sends has come
        self._is_told = False  # Django has the end of the body
        if self._is_too_large(announced(scope)):
            self._refuse()

    @cached_property
    def most_mib(self) -> int:
        return most_mib_at(self.scope["path"])

    def _is_too_large(self, size: int) -> bool:
        """Look the address up only for what is not small anyway."""
        return size > USUAL_MIB * MIB and size > self.most_mib * MIB + AROUND_FILE

    def _refuse(self) -> None:
        said = f"This is larger than {self.most_mib} MiB, the most that is taken here; none of it was kept."
        self.scope[TOO_LARGE] = said

    async def receive(self) -> Message:
        """Pass on what comes while it is not too much."""
        if TOO_LARGE in self.scope and self._is_told:
            await asyncio.Event().wait()  # Django looks out for the client's going; it cancels this
        if TOO_LARGE not in self.scope:
            message = await self._receive()
            self._note(message)
            if not self._is_too_large(self._size):
                return message
            self._refuse()
        self._is_told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    def _note(self, message: Message) -> None:
        self._size += len(message.get("body", b""))
        self._has_ended = not message.get("more_body", False)

    async def send(self, message: Message) -> None:
        if TOO_LARGE not in self.scope:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._drop_the_rest()
            await self._send({"type": "http.response.body"})

    async def _drop_the_rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self._has_ended:
                    self._note(await self._receive())


def announced(scope: dict[str, Any]) -> int:
    """Return Content-Length in bytes; 0 where none is given that is a number."""
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() and len(given) < 19 else 0
