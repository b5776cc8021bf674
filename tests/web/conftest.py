"""What several tests of pages do."""

import time

from django.test import Client

from webapp.shells.fresh import SIGNED_IN_AT


def grow_old(client: Client) -> None:
    """Make the client's sign-in too old for terminals."""
    session = client.session
    session[SIGNED_IN_AT] = time.time() - 13 * 3600
    session.save()
