"""Make, share and forget labs. A lab's run is `runs.actions`' business."""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from webapp import live
from webapp.accounts import audit
from webapp.accounts.actions import tell_sockets
from webapp.accounts.models import User
from webapp.catalog import library
from webapp.catalog.placing import place
from webapp.catalog.spec import LabSpec
from webapp.definitions.models import Revision
from webapp.hosts.models import Host
from webapp.labs.launch_checks import pin_versions, refusals
from webapp.labs.models import REHEARSAL, Lab, Machine, Member
from webapp.vagrant.states import NOT_CREATED

LAB_PREFIX_LENGTH = 24
STATE_LENGTH = 40  # of the column; a provider that nobody knows may say more
BOX_LENGTH = 120  # of the column; a box and its version may have 202 characters, and this is only shown


class LaunchError(Exception):
    """A launch that cannot be: `problems` are sentences for the user, nothing was made."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


def hold_machines(lab: Lab, sentence: str, by: User | None) -> bool:
    """Have the machines stay as they are, for the reason given; "" lets go. Tells whether that is new."""
    changed = Lab.objects.filter(pk=lab.pk).exclude(held_for=sentence).update(held_for=sentence[:200])
    if changed:
        action = "held machines" if sentence else "let machines go"
        audit.record(by, action, lab.name, lab_id=lab.pk, detail={"for": sentence})
        transaction.on_commit(lambda: live.announce({"type": "lab.changed", "lab": lab.pk}))
    return bool(changed)


def lab_folder(lab: Lab) -> Path:
    """Return the lab's working folder on its lab host."""
    return Path(settings.LAB_HOME) / lab.slug


def make_lab(*, revision: Revision, host: Host, name: str, provider: str, by: User) -> Lab:
    """Store a lab and its machines with a subnet of their own; call inside a transaction.

    Raises LaunchError when the definition does not go together (a rehearsal plays it all the same),
    or the name, the provider or the addresses cannot be had.
    """
    spec = LabSpec.from_json(revision.spec)
    versions = library.versions(Path(settings.ENVIRONMENTS_DIR))
    provider = choose_provider(spec, host, provider)
    if provider == REHEARSAL:  # plays a lab that could not be; its log says so
        spec = pin_versions(spec, versions).spec
    elif problems := refusals(spec, versions):
        raise LaunchError(problems)
    subnet = choose_subnet(spec, taken_subnets(host))
    placed = place_in(spec, subnet)
    slug = free_slug(name)
    lab = Lab(
        name=name.strip(),
        slug=slug,
        owner=by,
        revision=revision,
        host=host,
        provider=provider,
        spec=placed.to_json(),
        kit_digest=library.kit_digest(Path(settings.ENVIRONMENTS_DIR)),
        name_prefix=name_prefix(slug),
        subnet=subnet,
    )
    store_lab(lab)
    Machine.objects.bulk_create(machine_rows(lab, placed))
    audit.record(
        by, "launched lab", lab.name, lab_id=lab.pk, detail={"definition": str(revision), "host": host.name}
    )
    return lab


def store_lab(lab: Lab) -> None:
    """Raises LaunchError where somebody else took its slug or its subnet meanwhile."""
    try:
        with transaction.atomic():
            lab.save(force_insert=True)
    except IntegrityError as error:
        raise LaunchError(["Another lab was launched at this very moment; press Launch again."]) from error


def place_in(spec: LabSpec, subnet: str) -> LabSpec:
    try:
        return place(spec, subnet)
    except ValueError as error:
        raise LaunchError([f"The addresses of the definition do not fit: {error}."]) from error


def machine_rows(lab: Lab, spec: LabSpec) -> list[Machine]:
    return [
        Machine(
            lab=lab,
            position=position,
            name=machine.name,
            role=machine.role,
            ip=machine.ip or None,
            cpus=machine.cpus,
            memory_mib=machine.memory_mib,
            box=f"{machine.box} {machine.box_version}".strip()[:BOX_LENGTH],
        )
        for position, machine in enumerate(spec.machines)
    ]


def free_slug(name: str) -> str:
    """Return a slug that no lab has; LaunchError for a name without a letter or digit."""
    base = slugify(name)[:40]
    if not base:
        raise LaunchError(["The lab needs a name with at least one letter or digit."])
    taken = set(Lab.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)


def name_prefix(slug: str) -> str:
    """Pure: begin the hypervisor's names of a lab's machines; no two labs (slugs differ) share it.

    They hold a-z, 0-9 and hyphens only, as host names do; a slug may have underscores.
    """
    if len(slug) <= LAB_PREFIX_LENGTH and "_" not in slug:
        return f"{slug}-"
    told_apart = hashlib.sha256(slug.encode()).hexdigest()[:8]
    return f"{slug[: LAB_PREFIX_LENGTH - 9].replace('_', '-').strip('-')}-{told_apart}-"


def choose_provider(spec: LabSpec, host: Host, asked: str) -> str:
    """The asked one, else the definition's, else the host's first, else the rehearsal."""
    wanted = asked or ("" if spec.provider.name == "auto" else spec.provider.name)
    found = [*host.providers, REHEARSAL]
    if not wanted:
        return str(found[0])
    if wanted not in found:
        raise LaunchError(
            [
                f"The lab host {host.name} has no provider {wanted!r}; it has {', '.join(found)}. "
                "Choose another host, or see its page for what to install."
            ]
        )
    return wanted


def taken_subnets(host: Host) -> list[str]:
    return list(Lab.objects.filter(host=host, destroyed_at=None).values_list("subnet", flat=True))


def choose_subnet(spec: LabSpec, taken: Iterable[str]) -> str:
    """Pure: the definition's own subnet when it is free, else the first free /24 of the pool."""
    used = [ipaddress.ip_network(subnet) for subnet in taken]
    if fixed := spec.network.subnet or subnet_of_machines(spec):
        wanted = ipaddress.ip_network(fixed)
        if any(wanted.overlaps(other) for other in used):
            raise LaunchError(
                [
                    f"The definition asks for the subnet {wanted}, which a lab on this host uses. "
                    "Destroy that lab, or leave the addresses out and the lab gets its own."
                ]
            )
        return str(wanted)
    pool = ipaddress.ip_network(settings.LAB_SUBNET_POOL)
    free = (n for n in pool.subnets(new_prefix=24) if not any(n.overlaps(other) for other in used))
    try:
        return str(next(free))
    except StopIteration:
        raise LaunchError(
            [f"All subnets of {pool} are used by labs on this host; destroy one, or widen LAB_SUBNET_POOL."]
        ) from None


def subnet_of_machines(spec: LabSpec) -> str:
    """Return the /24 of the first address that the definition fixes, "" when it fixes none."""
    fixed = next((machine.ip for machine in spec.machines if machine.ip), "")
    return str(ipaddress.ip_network(f"{fixed}/24", strict=False)) if fixed else ""


def add_guest(lab: Lab, user: User, by: User) -> Member:
    """Let a person operate this lab."""
    member, created = Member.objects.get_or_create(lab=lab, user=user)
    if not created and member.role in (Member.Role.READER, Member.Role.TYPIST):  # invited to a pairing before
        created = bool(Member.objects.filter(pk=member.pk).update(role=Member.Role.GUEST))
    if created:
        audit.record(by, "added guest", user.username, lab_id=lab.pk)
        transaction.on_commit(lambda: live.announce({"type": "lab.changed", "lab": lab.pk}))
    return member


def remove_member(lab: Lab, user: User, by: User) -> None:
    """Take the lab's own right away; the site-wide role stays."""
    gone, _ = Member.objects.filter(lab=lab, user=user).delete()
    if gone:
        audit.record(by, "removed member", user.username, lab_id=lab.pk)
        tell_sockets(user)
        transaction.on_commit(lambda: live.announce({"type": "lab.changed", "lab": lab.pk}))


def record_states(lab: Lab, states: Mapping[str, str], now: datetime) -> None:
    """Store what Vagrant says of the machines (its own state ids) and the time of the look."""
    changed = False
    for machine in lab.machines.all():
        state = states.get(machine.name)
        if state is None:
            continue
        fields: dict[str, Any] = {"seen_at": now}  # Any: update()'s own values
        if state[:STATE_LENGTH] != machine.state:
            fields |= {"state": state[:STATE_LENGTH], "state_since": now}
            changed = True
        Machine.objects.filter(pk=machine.pk).update(**fields)
    if changed:
        live.announce({"type": "machines.changed", "lab": lab.pk})


def forget_lab(lab: Lab, now: datetime) -> bool:
    """Mark the lab destroyed if no machine of it is left; its runs and logs stay."""
    if lab.machines.exclude(state=NOT_CREATED).exists():
        return False
    Lab.objects.filter(pk=lab.pk, destroyed_at=None).update(destroyed_at=now)
    live.announce({"type": "lab.changed", "lab": lab.pk})
    return True
