"""Steps that look at or use the lab host itself, before or beside the machines: preflight."""

from pathlib import Path

from django.conf import settings

from webapp.catalog.spec import LabSpec
from webapp.hosts.actions import gather_facts
from webapp.hosts.boxes import box_state
from webapp.hosts.preflight import Box, Need, judge_lab
from webapp.labs.models import Lab
from webapp.runs.outcome import Outcome, StepContext
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
    )


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
