"""Know the lab hosts: a worker reports its own, an inspection looks closer."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from webapp import live
from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.background import enqueue
from webapp.catalog.placing import WindowsOver
from webapp.hosts.inspection import Facts, gather, has_winrm_gem, judge, plugins_of
from webapp.hosts.models import Host
from webapp.hosts.preflight import judge_host
from webapp.vagrant.driver import find_vagrant


def report_host(name: str, now: datetime) -> Host:
    """A worker of this host is alive; make the host known the first time."""
    host, created = Host.objects.get_or_create(name=name, defaults={"seen_at": now})
    Host.objects.filter(pk=host.pk).update(seen_at=now)
    if created or host.checked_at is None:
        inspect_host(host, now)
    return host


def inspect_host(host: Host, now: datetime) -> None:
    """Look at this computer; only a task on the host's own queue may call it."""
    facts = gather_facts()
    found = judge(facts)
    more = judge_host(facts, settings.LAB_SUBNET_POOL)
    findings, providers, seen = replace(found, findings=(*found.findings, *more)).to_json()
    Host.objects.filter(pk=host.pk).update(
        findings=findings, providers=providers, facts=seen, checked_at=now, seen_at=now
    )
    live.announce({"type": "host.changed", "host": host.pk})


def gather_facts() -> Facts:
    """Ask this computer, with the site's settings."""
    vagrant_home = Path(settings.LAB_VAGRANT_HOME)
    return gather(Path(settings.LAB_HOME), find_vagrant(settings.LAB_VAGRANT), vagrant_home)


def windows_over() -> WindowsOver:
    """Tell how this host's Vagrant reaches a Windows machine: winssh where its WinRM gems are missing."""
    plugins = plugins_of(find_vagrant(settings.LAB_VAGRANT), Path(settings.LAB_VAGRANT_HOME))
    return "winrm" if has_winrm_gem(plugins) else "winssh"


def request_inspection(host: Host, by: User) -> None:
    """Ask the host's worker for a fresh look."""
    with transaction.atomic():
        audit.record(by, "inspected host", host.name)
        enqueue("webapp.inspect_host", host.pk, queue=host.queue)
