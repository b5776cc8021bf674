"""A rehearsed lab that counts as launched, and three binaries; `manage.py shell` runs this text.

A real launch would take a minute; what it leaves behind is what an injection meets.
"""

import json
import time
from pathlib import Path

from django.conf import settings

from tests.factories import RevisionFactory
from webapp.accounts.models import User
from webapp.builds.artifacts import store_content
from webapp.builds.models import Artifact
from webapp.catalog.variables import parse
from webapp.hosts.models import Host
from webapp.labs.actions import lab_folder, make_lab
from webapp.labs.folder import prepare_folder

TEXT = "cni: calico\nrehearsal: {mishaps: ['once:winw1 windows-inject-replace:hang']}\n"
ana = User.objects.get(username="ana")
revision = RevisionFactory(text=TEXT, spec=parse(TEXT).to_json(), definition__owner=ana)
lab = make_lab(
    revision=revision, host=Host.objects.get(name="local"), name="inject", provider="rehearsal", by=ana
)
lab.machines.update(state="running")
prepare_folder(lab, lab_folder(lab), Path(settings.ENVIRONMENTS_DIR))
for machine in json.loads((lab_folder(lab) / "lab.json").read_text())["machines"]:
    home = lab_folder(lab) / ".vagrant/rehearsal" / machine["name"]
    home.mkdir(parents=True)
    done = {step["name"]: time.time() for step in machine["steps"] if "inject" not in step["name"]}
    (home / "state.json").write_text(
        json.dumps({"state": "running", "id": "1", "booted_at": time.time(), "done": done})
    )
for number, version in enumerate(("v1.36.1-3+aaaaaaaaaaaaaa", "v1.36.1-4+bbbbbbbbbbbbbb"), 1):
    sha256, size = store_content([b"MZ" + bytes(2000 + number)], 10**6)
    Artifact.objects.create(
        origin="upload", component="kubelet", target="windows/amd64", file_name="kubelet.exe",
        sha256=sha256, size_bytes=size, version=version, added_by=ana,
    )  # fmt: skip
