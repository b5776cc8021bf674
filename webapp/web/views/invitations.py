"""The page behind an invitation's link: for strangers and for those with an account."""

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp.accounts.actions import AccountError
from webapp.accounts.models import Role, User
from webapp.pairing import guests
from webapp.pairing.errors import InvitationError
from webapp.pairing.limits import allow
from webapp.pairing.models import Invitation
from webapp.shells.fresh import note_sign_in
from webapp.web.forms_pairing import GuestNameForm
from webapp.web.views.accounts import MODEL_BACKEND

LOOKS, LOOKS_WINDOW_S = 30, 60  # from one address
SIGN_UPS, SIGN_UPS_WINDOW_S = 10, 600


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Say who invites to what; POST goes in, as a guest with a name or as who one is."""
    if not allow(f"invitation:{address(request)}", LOOKS, LOOKS_WINDOW_S):
        return show(request, status=429, problem="Too many tries from your address; wait a minute.")
    try:
        found = guests.find_invitation(token)
    except InvitationError as error:
        return show(request, status=404, problem=str(error))
    form = GuestNameForm(request.POST or None)
    if request.method == "POST":
        return enter(request, found, form)
    problem = guests.refusal_of(found)
    if problem and may_pass(request, found):
        problem = ""
    return show(request, found, GuestNameForm(), problem, status=410 if problem else 200)


def may_pass(request: HttpRequest, found: Invitation) -> bool:
    """Tell whether a used or expired link still leads this person to the pairing they are part of."""
    if not request.user.is_authenticated or found.pairing.is_ended:
        return False
    return found.pairing.participants.filter(user=request.user.pk, removed_at=None).exists()


def enter(request: HttpRequest, found: Invitation, form: GuestNameForm) -> HttpResponse:
    """Let them in. A guest has only the link to show: using it again is their sign-in for terminals."""
    try:
        if isinstance(request.user, User):
            guests.accept(found, request.user)
        else:
            user = signed_up(request, found, form)
            if user is None:
                return show(request, found, form, status=422)
            login(request, user, backend=MODEL_BACKEND)
        if isinstance(request.user, User) and request.user.role == Role.GUEST:
            note_sign_in(request.session)
    except InvitationError as error:
        return show(request, found, problem=str(error), status=410)
    return redirect("pairing", found.pairing.lab.slug, found.pairing.number)


def signed_up(request: HttpRequest, found: Invitation, form: GuestNameForm) -> User | None:
    """Make the guest's account; None with the reason on the form. Raises InvitationError."""
    if not form.is_valid():
        return None
    if not allow(f"sign-up:{address(request)}", SIGN_UPS, SIGN_UPS_WINDOW_S):
        form.add_error("name", "Too many guests have come from your address; wait ten minutes.")
        return None
    try:
        return guests.sign_up(found, form.cleaned_data["name"])
    except AccountError as error:
        form.add_error("name", str(error))
        return None


def address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def show(
    request: HttpRequest,
    found: Invitation | None = None,
    form: GuestNameForm | None = None,
    problem: str = "",
    *,
    status: int = 200,
) -> HttpResponse:
    context = {"invitation": found, "form": form, "problem": problem}
    return render(request, "pairing/invitation.html", context, status=status)
