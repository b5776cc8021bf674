"""`manage.py shells`: the process that holds the terminals of this lab host's machines."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.shells import client, server


class Command(BaseCommand):
    """Serve terminals until TERM."""

    help = "Hold the shared terminals of this lab host (docs/shells.md)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether one answers here")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["check"]:
            server.main()
        elif not client.tell({"ping": True}):
            raise CommandError("The terminals' process does not answer.")
