"""Sign in and out, passwords, the first run, and the page of people."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts import actions
from webapp.accounts.first_run import create_first_administrator, is_first_run, setup_token
from webapp.accounts.models import Role, User
from webapp.accounts.queries import all_people
from webapp.labs.access import require
from webapp.shells.fresh import note_sign_in
from webapp.web.forms_accounts import FirstRunForm, PersonForm, RoleForm
from webapp.web.requests import Request

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(auth_views.LoginView):
    """Sign in; leads to the first run while nobody can."""

    http_method_names = ("get", "head", "post", "options")
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def setup(self, request: HttpRequest, *args: str, **kwargs: object) -> None:
        """With `?again` also somebody who is signed in signs in: terminals want a recent sign-in."""
        super().setup(request, *args, **kwargs)
        self.redirect_authenticated_user = "again" not in request.GET

    def get(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        return redirect("first-run") if is_first_run() else super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        note_sign_in(self.request.session)
        actions.record_sign_in(form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ChangePassword(auth_views.PasswordChangeView):
    """Change one's own password; the other sessions end with the old one."""

    http_method_names = ("get", "head", "post", "options")
    template_name = "accounts/password.html"
    success_url = reverse_lazy("labs")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        actions.record_password_change(form.user)
        messages.success(self.request, "Your password is changed; your other sessions are signed out.")
        return response

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@login_not_required
@never_cache
@sensitive_post_parameters("password", "token")
@require_http_methods(["GET", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """Make the first administrator; not found once there is somebody."""
    if not is_first_run():
        raise Http404("The first run is over.")
    token = setup_token(settings.VAR_DIR, settings.SETUP_TOKEN)
    form = FirstRunForm(request.POST or None)
    user = make_first(form, token) if form.is_valid() else None
    if user is None:
        return render(
            request, "accounts/first_run.html", {"form": form}, status=422 if form.is_bound else 200
        )
    login(request, user, backend=MODEL_BACKEND)
    note_sign_in(request.session)
    messages.success(request, f"Welcome, {user.username}. Begin with a definition.")
    return redirect("labs")


def make_first(form: FirstRunForm, token: str) -> User | None:
    """Call the action with what the form holds; its refusal becomes the form's error."""
    data = form.cleaned_data
    try:
        return create_first_administrator(
            username=data["username"], password=data["password"], given=data["token"], token=token
        )
    except actions.AccountError as error:
        form.add_error(None, str(error))
        return None


@require_GET
def people(request: Request) -> HttpResponse:
    require(request.user, "people.manage")
    return show_people(request, PersonForm())


def show_people(
    request: Request, form: PersonForm, *, status: int = 200, told: tuple[User, str] | None = None
) -> HttpResponse:
    """Render the page of people; `told` is a person with a password that is shown this once."""
    context = {"people": all_people(), "form": form, "roles": Role.choices, "told": told}
    return render(request, "accounts/people.html", context, status=status)


@never_cache
@require_POST
def person_add(request: Request) -> HttpResponse:
    require(request.user, "people.manage")
    form = PersonForm(request.POST)
    if not form.is_valid():
        return show_people(request, form, status=422)
    try:
        told = actions.create_user(**form.cleaned_data, by=request.user)
    except actions.AccountError as error:
        form.add_error("username", str(error))
        return show_people(request, form, status=422)
    return show_people(request, PersonForm(), told=told)


@require_POST
def person_role(request: Request, pk: int) -> HttpResponse:
    require(request.user, "people.manage")
    person = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return show_people(request, PersonForm(), status=422)
    try:
        if actions.change_role(person, form.cleaned_data["role"], request.user):
            messages.success(request, f"{person.username} is now {form.cleaned_data['role']}.")
    except actions.AccountError as error:
        messages.error(request, str(error))
    return redirect("people")


@require_POST
def person_active(request: Request, pk: int) -> HttpResponse:
    """Disable a person, or enable them again (`active` = 1)."""
    require(request.user, "people.manage")
    person = get_object_or_404(User, pk=pk)
    is_active = request.POST.get("active") == "1"
    try:
        if actions.set_active(person, is_active=is_active, by=request.user):
            messages.success(request, f"{person.username} is {'enabled' if is_active else 'disabled'}.")
    except actions.AccountError as error:
        messages.error(request, str(error))
    return redirect("people")


@never_cache
@require_POST
def person_password(request: Request, pk: int) -> HttpResponse:
    """Reset a password; the new one is shown once, here."""
    require(request.user, "people.manage")
    person = get_object_or_404(User, pk=pk)
    return show_people(request, PersonForm(), told=(person, actions.reset_password(person, request.user)))
