"""What no page can make sense of is refused before any page is asked: endless addresses, NUL characters.

SQLite refuses a LIKE of more than 50 000 bytes, Python a number of more than 4300 digits, PostgreSQL
every NUL, SQLite crashes over a key beyond 64 bits: here once, instead of at each parameter.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

LONGEST_QUERY = 16 * 1024  # characters after the question mark, as they were sent
LARGEST_KEY = 2**63 - 1  # of a database's row
TOO_LONG = f"This address has more than {LONGEST_QUERY} characters of parameters; nothing was done."
NUL = "This request holds a NUL character, which no text here can have; nothing was done."


class Bounds:
    """Answers 400 with the reason, 404 for a number that no row has. Stands after CSRF, which reads forms."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[Any]]) -> None:
        self.get_response = get_response  # Any: the response, in the server's loop
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[Any]:  # Any: as above
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, named: dict[str, object]
    ) -> HttpResponse | None:
        if any(isinstance(one, int) and one > LARGEST_KEY for one in named.values()):
            raise Http404("No number here is that large.")
        problem = problem_of(request, named)
        return render(request, "400.html", {"problem": problem}, status=400) if problem else None


def problem_of(request: HttpRequest, named: dict[str, object]) -> str:
    """Return why the request is refused, "" if it is not. `named`: what the address itself holds."""
    if len(request.META.get("QUERY_STRING", "")) > LONGEST_QUERY:
        return TOO_LONG
    texts = [one for one in named.values() if isinstance(one, str)]
    return NUL if has_nul([*texts, *values(request.GET), *values(request.POST)]) else ""


def values(given: Any) -> Iterable[str]:  # Any: a QueryDict; a name can hold one as well
    return (text for name, texts in given.lists() for text in (name, *texts))


def has_nul(texts: Iterable[str]) -> bool:
    return any("\0" in text for text in texts)
