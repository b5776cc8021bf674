"""The rooms whose SQL or locks are their own, once more on a real PostgreSQL server."""

import os
import subprocess
import sys
from pathlib import Path

from tests.delivery.postgres import postgres
from tests.requirements import require

ROOMS = ("tests/logs", "tests/accounts", "tests/definitions")


def test_rooms_pass_on_postgres(tmp_path: Path):
    with postgres(require("postgres"), "a-password") as address:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ROOMS],
            env={**os.environ, "DATABASE_URL": address, "VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1]
