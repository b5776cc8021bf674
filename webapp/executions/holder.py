"""Who holds an execution: a name for this very process, different after each start."""

import os
import secrets

START_ID = secrets.token_hex(4)


def holder_name(host: str) -> str:
    """Return "<host>:<pid>:<start id>"."""
    return f"{host}:{os.getpid()}:{START_ID}"
