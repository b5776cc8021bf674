"""Launch once: a second click on Launch finds the first one's run."""

from django.db import transaction

from webapp.accounts.models import User
from webapp.definitions.models import Revision
from webapp.executions.models import OPEN
from webapp.hosts.models import Host
from webapp.planning.plan import Verb
from webapp.runs.actions import launch_lab
from webapp.runs.models import Run


def launch_once(*, revision: Revision, host: Host, name: str, provider: str, by: User) -> tuple[Run, bool]:
    """Launch, or return the person's own open launch of the same name and False.

    The person's row is locked meanwhile, so that two requests of one double
    click follow each other. Raises labs.actions.LaunchError.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        twin = Run.objects.filter(
            verb=Verb.LAUNCH,
            status__in=OPEN,
            lab__owner=by,
            lab__name=name.strip(),
            lab__revision=revision,
            lab__host=host,
        ).first()
        if twin is not None:
            return twin, False
        return launch_lab(revision=revision, host=host, name=name, provider=provider, by=by), True
