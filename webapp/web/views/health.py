"""Alive, ready, measured: for load balancers, compose's health checks and Prometheus."""

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from webapp.labs.access import can
from webapp.web.metrics import render_metrics
from webapp.web.readiness import OK, check_readiness


@login_not_required
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer while the process is alive; asks nothing of anybody."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when all parts are there, else 503; says which only to people it knows."""
    checks = check_readiness(timezone.now())
    is_ready = set(checks.values()) == {OK}
    # Without the database nobody can be known; the metrics token still is.
    may_see = knows_token(request) or (checks["database"] == OK and request.user.is_authenticated)
    body: dict[str, object] = {"ready": is_ready, **({"checks": checks} if may_see else {})}
    return JsonResponse(body, status=200 if is_ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give Prometheus its figures; needs METRICS_TOKEN as a bearer, or a signed-in administrator."""
    if not (knows_token(request) or can(request.user, "audit.see")):
        refusal = HttpResponse(
            "Send METRICS_TOKEN as a bearer token, or sign in as an administrator.\n", status=401
        )
        refusal["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refusal
    return HttpResponse(render_metrics(timezone.now()), content_type=CONTENT_TYPE_LATEST)


def knows_token(request: HttpRequest) -> bool:
    """Compare in constant time; without a METRICS_TOKEN no token is right."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted: str = settings.METRICS_TOKEN
    return (
        bool(wanted)
        and scheme.lower() == "bearer"
        and secrets.compare_digest(given.encode(), wanted.encode())
    )
