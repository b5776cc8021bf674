"""Several people at the very same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all in threads that begin together; return what came of each, the exception if one was raised."""
    together = threading.Barrier(len(acts), timeout=60)

    def do(act: Callable[[], object]) -> object:
        together.wait()
        try:
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(do, acts))
