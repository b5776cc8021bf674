"""Steps on the lab host itself, before or beside the machines: preflight, downloads."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from webapp.catalog.spec import LabSpec
from webapp.downloads.cache import Cache, Cached, DownloadError, Stopped, Wanted
from webapp.downloads.local import LocalError, collect, missing_sentence
from webapp.hosts.actions import gather_facts
from webapp.hosts.boxes import box_state
from webapp.hosts.preflight import Box, Need, judge_lab
from webapp.labs.actions import lab_folder
from webapp.labs.models import Lab
from webapp.runs import serving
from webapp.runs.outcome import Outcome, StepContext, canceled, wait_or_stop
from webapp.vagrant.states import NOT_CREATED


def preflight(context: StepContext) -> Outcome:
    """Hold this host against what the lab needs, before its first machine; every error is told at once."""
    if context.lab.is_rehearsal:
        context.note("This lab is a rehearsal: no machine is started, nothing is installed.")
        return Outcome.succeeded()
    findings = judge_lab(gather_facts(), need_of(context.lab))
    for finding in findings:
        context.note(f"{finding.level}: {finding.title}. {finding.detail} {finding.remedy}".strip())
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return Outcome.succeeded()
    sentence = " ".join(f"{error.title}. {error.remedy}".strip() for error in errors)
    return Outcome.failed(sentence, " ".join(error.key for error in errors))


def need_of(lab: Lab) -> Need:
    """Return what the lab asks of its host."""
    machines = LabSpec.from_json(lab.spec).machines
    options = LabSpec.from_json(lab.spec).provider.options
    return Need(
        provider=lab.provider,
        subnet=lab.subnet,
        memory_mib=sum(machine.memory_mib for machine in machines),
        cpus=sum(machine.cpus for machine in machines),
        most_cpus=max(machine.cpus for machine in machines),
        windows_count=sum(machine.os == "windows" for machine in machines),
        linux_count=sum(machine.os == "linux" for machine in machines),
        boxes=boxes_of(lab),
        is_made=lab.machines.exclude(state__in=("", NOT_CREATED)).exists(),
        is_emulated=options.get("driver") == "qemu",
        windows_over=windows_over_of(lab),
        missing_files=missing_files(lab),
    )


def windows_over_of(lab: Lab) -> str:
    """Return how the lab's own folder says that its Windows machines are reached."""
    machines = json.loads((lab_folder(lab) / "lab.json").read_text(encoding="utf-8"))["machines"]
    return next((machine["communicator"] for machine in machines if machine["os"] == "windows"), "winrm")


def missing_files(lab: Lab) -> tuple[str, ...]:
    """Return a sentence for each file of this host that the definition names and that is not there."""
    root = Path(settings.LAB_FILES)
    wanted = [one for one in serving.locals_in(lab_folder(lab)) if one.source == "file"]
    return tuple(missing_sentence(one, root) for one in wanted if not os.access(root / one.path, os.R_OK))


def boxes_of(lab: Lab) -> tuple[Box, ...]:
    """Return each box of the lab once; those of machines that exist are not needed any more."""
    missing = set(lab.machines.filter(state__in=("", NOT_CREATED)).values_list("name", flat=True))
    machines = [machine for machine in LabSpec.from_json(lab.spec).machines if machine.name in missing]
    wanted = {(machine.box, machine.box_version, machine.box_url) for machine in machines}
    home = Path(settings.LAB_VAGRANT_HOME)
    return tuple(
        Box(name, version, box_state(name, version, url, provider=lab.provider, vagrant_home=home))
        for name, version, url in sorted(wanted)
    )


# -- downloads ---------------------------------------------------------------------

GIB = 1024**3
AT_ONCE = 3


def download(context: StepContext) -> Outcome:
    """Fetch the lab's downloads into this host's cache and serve them on the lab's network.

    What cannot be had here is no failure: the machines then try for themselves, and say why not.
    Binaries of this host, which the definition puts in place of others, are on no other way.
    """
    if context.lab.is_rehearsal:
        return rehearse(context)
    folder = lab_folder(context.lab)
    cache = Cache(Path(settings.LAB_CACHE_DIR), limit_bytes=settings.LAB_CACHE_GIB * GIB)
    wanted, here = serving.wanted_of(folder), serving.locals_in(folder)
    found = fetch_all(context, cache, wanted)
    if context.is_stopping():
        return canceled()
    cache.prune()
    try:
        own = collect(iter(here), cache=cache, files=Path(settings.LAB_FILES), folder=folder)
        url = serving.start(context.run.pk, folder, cache, found)
        serving.offer_overrides(context.run.pk, folder, cache, own)
    except LocalError as error:
        return Outcome.failed(str(error), "local-file")
    except OSError as error:
        return unserved(context, error, is_needed=bool(here))
    for (system, binary), file in own.items():
        context.note(f"{binary} for {system} is this host's file with sha256 {file.sha256}.")
    return Outcome.succeeded(
        f"{len(found) + len(own)} of {len(wanted) + len(here)} files are served at {url}."
    )


def unserved(context: StepContext, error: OSError, *, is_needed: bool) -> Outcome:
    """Say that nothing is served; a failure where a machine has no other way."""
    if is_needed:
        return Outcome.failed(f"The overridden binaries cannot be served: {error}.", "unserved")
    context.note(f"The downloads cannot be served: {error}. The machines fetch them themselves.")
    return Outcome.succeeded("Nothing is served.")


def fetch_all(context: StepContext, cache: Cache, wanted: Sequence[Wanted]) -> dict[str, Cached]:
    """Return address → file of what could be had; what could not is told by this thread alone."""

    def fetch(one: Wanted) -> Cached | str:
        try:
            return cache.get(one, context.is_stopping)
        except (DownloadError, Stopped, OSError) as error:
            return str(error)

    found: dict[str, Cached] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one, result in zip(wanted, pool.map(fetch, wanted), strict=True):
            if isinstance(result, Cached):
                found[one.url] = result
            else:
                context.note(f"{result} The machines fetch it themselves.")
    return found


def rehearse(context: StepContext) -> Outcome:
    """Take as long as the lab's speed says; nothing is downloaded."""
    speed = LabSpec.from_json(context.lab.spec).rehearsal.speed
    speed = settings.LAB_REHEARSAL_SPEED if speed is None else speed
    context.note("This lab is a rehearsal: nothing is downloaded.")
    is_stopped = wait_or_stop(context, (context.step.usual_s or 0) / speed if speed else 0)
    return canceled() if is_stopped else Outcome.succeeded()
