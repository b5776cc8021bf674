"""A lab's terminals: the page, opening and closing, the baton, recordings, files."""

import os
import secrets
from collections.abc import Callable
from typing import BinaryIO

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.models import User
from webapp.labs.access import can, require
from webapp.labs.models import Lab
from webapp.pairing.models import Message
from webapp.pairing.queries import chat_between
from webapp.shells import actions, baton
from webapp.shells.errors import ShellError
from webapp.shells.files import is_good_name, transfer_folder
from webapp.shells.fresh import is_fresh
from webapp.shells.models import Recording, Terminal
from webapp.shells.queries import recordings_of, terminal_of
from webapp.shells.recording import whole_bytes
from webapp.shells.recordings import recording_file
from webapp.web.bodies import MIB, takes_mib
from webapp.web.pages_labs import find_lab
from webapp.web.pages_shells import shells_context, sign_in_first
from webapp.web.requests import Request
from webapp.web.streams import read_file, streamed


@require_GET
def shells(request: Request, slug: str) -> HttpResponse:
    lab = find_lab(request, slug, "lab.see")
    context = shells_context(lab, request.user, request.GET.get("terminal", ""))
    return render(request, "shells/page.html", context)


@require_GET
def shell_tabs(request: Request, slug: str) -> HttpResponse:
    """The fragment of tabs, with the same one marked."""
    lab = find_lab(request, slug, "lab.see")
    return render(
        request, "shells/_tabs.html", shells_context(lab, request.user, request.GET.get("terminal", ""))
    )


@require_POST
def shell_open(request: Request, slug: str) -> HttpResponse:
    """Open a terminal on a machine of the lab; leads to it."""
    lab = find_lab(request, slug, "lab.shell")
    machine = get_object_or_404(lab.machines, name=request.POST.get("machine", ""))
    if (answer := sign_in_first(request, reverse("shells", args=[slug]))) is not None:
        return answer
    try:
        opened = actions.open_terminal(lab, machine, request.user)
    except ShellError as error:
        messages.error(request, str(error))
        return redirect("shells", slug)
    return redirect(f"{request.path.removesuffix('open')}?terminal={opened.number}")


@require_POST
def shell_close(request: Request, slug: str, number: int) -> HttpResponse:
    """Close one's own, or with lab.baton anybody's."""
    terminal = find_terminal(request, slug, number, "lab.see")
    if terminal.opened_by_id != request.user.pk:
        require(request.user, "lab.baton", terminal.lab)
    actions.close_terminal(terminal, request.user)
    return redirect("shells", slug)


@require_POST
def shell_baton(request: Request, slug: str, number: int, act: str) -> HttpResponse:
    """Ask for, offer, accept, let go of or take the baton; the socket tells everybody what came of it."""
    terminal = find_terminal(request, slug, number, "lab.baton" if act == "take" else "lab.shell")
    acts: dict[str, Callable[[Terminal, User], object]] = {
        "ask": baton.ask_baton,
        "accept": baton.accept_baton,
        "let-go": baton.let_go_of_baton,
        "take": baton.take_baton,
    }
    if act == "offer":
        baton.offer_baton(terminal, request.user, person_to_offer(request, terminal.lab))
    elif act in acts:
        acts[act](terminal, request.user)
    else:
        raise Http404("There is no such move of a baton.")
    return HttpResponse(status=204)


def person_to_offer(request: Request, lab: Lab) -> User:
    """Return whom to offer it to: somebody who may type on this lab."""
    person = get_object_or_404(User, username=request.POST.get("to", ""))
    require(person, "lab.shell", lab)
    return person


@require_POST
def shell_record(request: Request, slug: str, number: int) -> HttpResponse:
    """Start (`on` = 1) or end recording."""
    terminal = find_terminal(request, slug, number, "lab.baton")
    try:
        if request.POST.get("on") == "1":
            actions.start_recording(terminal, request.user)
        else:
            actions.end_recording(terminal, request.user)
    except ShellError as error:
        return HttpResponse(str(error), status=409, content_type="text/plain")
    return HttpResponse(status=204)


@takes_mib(lambda: settings.SHELL_FILE_MIB)
@require_http_methods(["GET", "POST"])
def shell_files(request: Request, slug: str, number: int) -> HttpResponseBase:
    """POST `file`: into the machine's home folder; GET `name`: out of it. For who has the baton."""
    terminal = find_terminal(request, slug, number, "lab.shell")
    if terminal.holder_id != request.user.pk or terminal.status != Terminal.Status.OPEN:
        return told("Files go in and out for the one who has the baton of an open terminal.", 409)
    if not is_fresh(request.session, request.user):
        return told("Your sign-in is too old for this; sign in again.", 409)
    given = request.FILES.get("file") if request.method == "POST" else None
    if request.method == "GET":
        return bring_out(request, terminal, request.GET.get("name", ""))
    return bring_in(request, terminal, given)


def bring_in(request: Request, terminal: Terminal, given: "UploadedFile[bytes] | None") -> HttpResponse:
    if given is None or not is_good_name(given.name or ""):
        return told("Give one file whose name holds letters, digits, dots, dashes, underscores only.", 422)
    if (given.size or 0) > settings.SHELL_FILE_MIB * MIB:
        return told(f"The file is larger than {settings.SHELL_FILE_MIB} MiB.", 422)
    local = transfer_folder() / secrets.token_hex(16)
    try:
        with local.open("wb") as file:
            file.writelines(given.chunks())
        error = actions.copy_file(terminal, request.user, "up", given.name or "", local.name)
    finally:
        local.unlink(missing_ok=True)
    return told(
        error or f"{given.name} is in the home folder of {terminal.machine.name}.", 409 if error else 200
    )


def bring_out(request: Request, terminal: Terminal, name: str) -> HttpResponseBase:
    local = transfer_folder() / secrets.token_hex(16)
    error = actions.copy_file(terminal, request.user, "down", name, local.name)
    if error:
        return told(error, 409)
    file = local.open("rb")
    local.unlink()  # the open file is sent, nothing is left
    size = os.fstat(file.fileno()).st_size
    return file_answer(file, size, "application/octet-stream", f'attachment; filename="{name}"')


def file_answer(file: BinaryIO, size: int, content_type: str, disposition: str) -> StreamingHttpResponse:
    """Send the first `size` bytes of a file whose name needs no quoting."""
    headers = {"Content-Length": str(size), "Content-Disposition": disposition}
    return StreamingHttpResponse(streamed(read_file(file, size)), content_type=content_type, headers=headers)


def told(sentence: str, status: int) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")


# -- recordings ------------------------------------------------------------------------


# The player is WebAssembly; only this page lets it run.
@csp_update({"script-src": ["'self'", "'wasm-unsafe-eval'"]})  # type: ignore[arg-type]  # typed for plain HttpRequest views
@require_GET
def recording(request: Request, slug: str, pk: int) -> HttpResponse:
    found = find_recording(request, slug, pk)
    context = {
        "recording": found,
        "lab": found.terminal.lab,
        "may_delete": can(request.user, "lab.baton", found.terminal.lab),
        "days": settings.RECORDING_DAYS,
        "chat": chat_beside(found),
    }
    return render(request, "shells/recording.html", context)


def chat_beside(found: Recording) -> list[tuple[float, Message]]:
    """Return what was said meanwhile, each with its second in the recording."""
    terminal, start = found.terminal, found.started_at
    said = chat_between(terminal.lab, start, found.ended_at or timezone.now(), terminal.pairing_id)
    return [((message.at - start).total_seconds(), message) for message in said]


@require_GET
def recording_cast(request: Request, slug: str, pk: int) -> HttpResponseBase:
    """The asciicast itself; for the player, and to keep."""
    path = recording_file(find_recording(request, slug, pk))
    if not path.exists():
        raise Http404("Nothing was recorded yet.")
    file = path.open("rb")
    disposition = f'inline; filename="{slug}-{pk}.cast"'
    return file_answer(file, whole_bytes(file), "application/x-asciicast", disposition)


@require_POST
def recording_delete(request: Request, slug: str, pk: int) -> HttpResponse:
    found = find_recording(request, slug, pk)
    require(request.user, "lab.baton", found.terminal.lab)
    actions.delete_recording(found, request.user)
    messages.success(request, "The recording is deleted.")
    return redirect("shells", slug)


def find_terminal(request: Request, slug: str, number: int, action: str) -> Terminal:
    """Raises Http404, PermissionDenied."""
    lab = find_lab(request, slug, action)
    try:
        return terminal_of(lab, number)
    except Terminal.DoesNotExist as error:
        raise Http404("There is no such terminal.") from error


def find_recording(request: Request, slug: str, pk: int) -> Recording:
    lab = find_lab(request, slug, "lab.see")
    return get_object_or_404(recordings_of(lab), pk=pk)
