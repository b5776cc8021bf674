"""What people say, write and quote in a pairing. A script asks for plain answers, a form for pages."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.builds.models import Build
from webapp.labs.access import require
from webapp.pairing import chat, notes, quotes
from webapp.pairing.errors import PairingError
from webapp.pairing.limits import TooMuch
from webapp.pairing.models import Pairing, Paragraph, Quote
from webapp.runs.models import Run
from webapp.shells.models import Terminal
from webapp.shells.queries import terminal_of
from webapp.web.forms_pairing import QuoteForm
from webapp.web.pages_pairing import chat_context, notes_context, see_pairing
from webapp.web.requests import Request, whole_number


@require_http_methods(["GET", "POST"])
def pairing_chat(request: Request, slug: str, number: int) -> HttpResponse:
    """GET: the messages after `after`. POST: say `text`."""
    if request.method == "GET":
        pairing = see_pairing(request, slug, number)
        after = whole_number(request.GET.get("after"), 0)
        return render(request, "pairing/_messages.html", chat_context(request, pairing, after))
    pairing = see_pairing(request, slug, number, "lab.chat")
    try:
        chat.say(pairing, request.user, request.POST.get("text", ""))
    except (PairingError, TooMuch) as error:
        return refused(request, pairing, error)
    return done(request, pairing, "chat")


@require_http_methods(["GET", "POST"])
def pairing_notes(request: Request, slug: str, number: int) -> HttpResponse:
    """GET: the paragraphs. POST: add `text` at the end."""
    if request.method == "GET":
        pairing = see_pairing(request, slug, number)
        return render(request, "pairing/_notes.html", notes_context(request, pairing))
    pairing = see_pairing(request, slug, number, "lab.note")
    try:
        notes.add(pairing, request.user, request.POST.get("text", ""))
    except (PairingError, TooMuch) as error:
        return refused(request, pairing, error)
    return done(request, pairing, "notes")


@require_POST
def pairing_note(request: Request, slug: str, number: int, pk: int) -> HttpResponse:
    """Write one paragraph anew; the last writer wins, and is told whose words went to the history."""
    pairing = see_pairing(request, slug, number, "lab.note")
    version = whole_number(request.POST.get("version"), 0)
    try:
        was_unseen = notes.edit(pairing, request.user, pk, request.POST.get("text", ""), version)
    except Paragraph.DoesNotExist as error:
        raise Http404("There is no such paragraph.") from error
    except (PairingError, TooMuch) as error:
        return refused(request, pairing, error)
    said = "Somebody had changed this paragraph meanwhile; their words are in its history."
    return done(request, pairing, "notes", said if was_unseen else "")


@require_GET
def pairing_history(request: Request, slug: str, number: int, pk: int) -> HttpResponse:
    pairing = see_pairing(request, slug, number)
    paragraph = get_object_or_404(pairing.paragraphs.all(), pk=pk)
    edits = paragraph.edits.select_related("by").order_by("-version")
    context = {"pairing": pairing, "lab": pairing.lab, "paragraph": paragraph, "edits": edits}
    return render(request, "pairing/history.html", context)


@require_POST
def pairing_quote(request: Request, slug: str, number: int) -> HttpResponse:
    pairing = see_pairing(request, slug, number, "lab.note")
    form = QuoteForm(request.POST)
    if not form.is_valid():
        return refused(request, pairing, PairingError("That cannot be quoted."))
    try:
        quote = quoted(request, pairing, form.cleaned_data)
    except (PairingError, TooMuch) as error:
        return refused(request, pairing, error)
    return done(request, pairing, "chat", f"Quoted: {quote.title}.")


def quoted(request: Request, pairing: Pairing, given: dict[str, object]) -> Quote:
    """Quote what the form names. Raises PairingError, TooMuch, Http404."""
    slug, user = pairing.lab.slug, request.user
    match given["kind"]:
        case "log":
            run = get_object_or_404(
                Run.objects.select_related("log"), lab=pairing.lab, number=given["run"] or 0
            )
            first = number_in(given, "first", -1)
            last = number_in(given, "last", first)
            link = f"{reverse('run', args=[slug, run.number])}#L{first + 1}" + (
                f"-{last + 1}" if last > first else ""
            )
            return quotes.quote_log(pairing, user, run, first, last, link)
        case "rung":
            machine, rung = str(given["machine"]), str(given["rung"])
            link = f"{reverse('cluster-ladder', args=[slug])}?machine={machine}&rung={rung}"
            return quotes.quote_rung(pairing, user, machine, rung, link)
        case "build":
            require(user, "build.see")
            build = get_object_or_404(Build, pk=given["build"] or 0)
            return quotes.quote_build(pairing, user, build, reverse("build", args=[build.pk]))
        case _:
            return command_quoted(request, pairing, number_in(given, "terminal", 0), str(given["text"]))


def number_in(given: dict[str, object], name: str, default: int) -> int:
    value = given[name]
    return value if isinstance(value, int) else default


def command_quoted(request: Request, pairing: Pairing, number: int, text: str) -> Quote:
    try:
        terminal = terminal_of(pairing.lab, number)
    except Terminal.DoesNotExist as error:
        raise Http404("There is no such terminal.") from error
    page = reverse("pairing", args=[pairing.lab.slug, pairing.number])
    link = f"{page}?show=terminals&terminal={number}"
    return quotes.quote_command(pairing, request.user, terminal, text, link)


# -- answers ----------------------------------------------------------------------


def wants_text(request: Request) -> bool:
    return request.headers.get("Accept", "").startswith("text/plain")


def done(request: Request, pairing: Pairing, part: str, said: str = "") -> HttpResponse:
    if wants_text(request):
        return HttpResponse(said, content_type="text/plain; charset=utf-8", status=200)
    if said:
        messages.info(request, said)
    return redirect(f"{reverse('pairing', args=[pairing.lab.slug, pairing.number])}#{part}")


def refused(request: Request, pairing: Pairing, error: Exception) -> HttpResponse:
    status = 429 if isinstance(error, TooMuch) else 422
    if wants_text(request):
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=status)
    messages.error(request, str(error))
    return redirect("pairing", pairing.lab.slug, pairing.number)
