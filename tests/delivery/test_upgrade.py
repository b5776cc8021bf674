"""A database of the first version, with what people had in it, under the version that is here."""

import os
import subprocess
import sys
from pathlib import Path

from tests.stack import ROOT

FIRST = ("webapp", "0004_builds")
# Stored by the models as they were then: no factory of today knows those columns.
FILL = f"""
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
executor = MigrationExecutor(connection)
apps = executor.loader.project_state([{FIRST!r}]).apps
def make(model, **fields):
    return apps.get_model("webapp", model).objects.create(**fields)
from webapp.catalog.spec import LabSpec
from webapp.planning.plan import Plan
now, spec = timezone.now(), LabSpec().to_json()
ana = make("User", username="ana", role="administrator", password="!")
definition = make("Definition", name="Old", slug="old", owner=ana)
revision = make("Revision", definition=definition, number=1, text="cni: calico\\n", spec=spec, author=ana)
host = make("Host", name="local", seen_at=now, checked_at=now)
lab = make("Lab", name="old-lab", slug="old-lab", owner=ana, revision=revision, host=host, spec=spec,
    provider="rehearsal", kit_digest="0" * 64, name_prefix="old-lab-", subnet="10.1.2.0/24")
make("Machine", lab=lab, position=0, name="winw1", role="windows", cpus=2, memory_mib=4096, box="some/box")
make("Run", lab=lab, number=1, verb="launch", plan=Plan(()).to_json(), log=make("Log"), requested_by=ana,
    status="failed", finished_at=now)
make("Build", key="k" * 64, url="https://github.com/me/k", ref="fix", commit="a" * 40, log=make("Log"),
    requested_by=ana, recipe={{"components": [{{"name": "kubelet"}}], "targets": ["windows/amd64"],
    "go": ""}},
    status="succeeded", finished_at=now)
"""
LOOK = """
import django
django.setup()
from django.test import Client
from webapp.accounts.models import User
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
lab = "/labs/old-lab/"
pages = ["/", lab, lab + "runs/1/", lab + "cluster/", lab + "shells/", lab + "pairings/", lab + "binaries/",
    "/definitions/old/", "/builds/1/", "/hosts/local/", "/logs/1/raw", "/builds/bisects/", "/activity/"]
print({page: client.get(page).status_code for page in pages if client.get(page).status_code != 200})
"""


def run(var: Path, *command: str) -> str:
    env = {**os.environ, "VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "webapp.settings", "DATABASE_URL": ""}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_what_the_first_version_stored_is_shown_by_this_one(tmp_path: Path) -> None:
    run(tmp_path, "manage.py", "migrate", "--verbosity", "0", *FIRST)
    run(tmp_path, "-c", FILL)

    run(tmp_path, "manage.py", "migrate", "--verbosity", "0")

    assert run(tmp_path, "-c", LOOK) == "{}\n"
