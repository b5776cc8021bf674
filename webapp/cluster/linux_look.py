"""One command for a Linux machine, and what it said → `KubeFacts` and `MachineFacts`. Pure.

The control plane answers for the API too. Each part begins with a line `labkit-look NAME`; a part that
is empty or cannot be read leaves its facts unknown.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from webapp.cluster.facts import BinaryFacts, CniFile, MachineFacts, ServiceState, WindowsServiceFacts
from webapp.cluster.powershell import cni_file, redacted, skew
from webapp.kube.facts import KubeFacts
from webapp.kube.loose import load, when
from webapp.kube.parse import parse_objects

MARK = "labkit-look"
KUBECTL = "sudo kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s"
KINDS = "nodes,pods,csr,leases"
UNITS = ("containerd", "kubelet", "chrony", "ssh")
PROPERTIES = ("Id", "ActiveState", "UnitFileState", "ActiveEnterTimestamp", "MainPID", "User", "ExecStart")
START_TYPES = {"enabled": "Automatic", "disabled": "Manual", "masked": "Disabled"}
# Path and sha256 of the programs that matter and of what was injected. A hash is taken anew when the file's
# size, time or inode has changed; the kit's own folder keeps the others, so without a kit nothing is hashed.
PROGRAMS = (
    "/usr/bin/kubelet",
    "/usr/bin/kubeadm",
    "/usr/bin/kubectl",
    "/usr/bin/containerd",
    "/usr/local/bin/containerd",
)
HASHES = (
    "d=/var/lib/labkit; c=$d/look-cache; [ -d $d ] || exit 0; touch $c; "
    f'{{ printf "%s\\n" {" ".join(PROGRAMS)}; cat $d/state/inject/*.path 2>/dev/null; }} | sort -u | '
    'while read -r f; do [ -f "$f" ] || continue; k=$(stat -L -c %s.%Y.%i "$f"); '
    'h=$(grep -F -x -m 1 -A 1 "$k $f" $c | tail -n 1); '
    'if [ -z "$h" ]; then h=$(sha256sum "$f" | cut -c1-64); printf "%s %s\\n%s\\n" "$k" "$f" "$h" >>$c; fi; '
    'echo "$h $f"; done'
)
HASH = re.compile(r"(?m)^([0-9a-f]{64}) (/[^\r\n]{1,250}?)\r?$")
OF_MACHINE = (
    ("date", "date -u +%Y-%m-%dT%H:%M:%SZ"),
    (
        "restarts",
        "sudo journalctl --no-pager -o short-unix --since -1h -n 200 -t systemd -u containerd -u kubelet",
    ),
    ("units", f"LC_ALL=C TZ=UTC systemctl show -p {','.join(PROPERTIES)} {' '.join(UNITS)}"),
    ("cni", "sudo head -c 4096 /etc/cni/net.d/*.conf /etc/cni/net.d/*.conflist"),
    ("addresses", "ip -4 -o addr show"),
    ("files", "sudo ls -1 /etc/kubernetes /etc/cni/net.d /var/lib/labkit/state"),
    # Before the versions: an answer that was cut off tells neither.
    ("hashes", f"sudo sh -c '{HASHES}'"),
    ("versions", "kubelet --version; containerd --version"),
    ("healthz", "curl -fsS --max-time 3 http://127.0.0.1:10248/healthz"),
)
OF_API = (
    ("readyz", f"{KUBECTL} get --raw /readyz"),
    ("objects", f"{KUBECTL} get {KINDS} -A -o json"),
    ("events", f"{KUBECTL} get events -A -o json"),
    (
        "tokens",
        f"{KUBECTL} -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token -o json",
    ),
)
ACTIVE: Mapping[str, ServiceState] = {
    "active": "Running",
    "reloading": "Running",
    "inactive": "Stopped",
    "failed": "Stopped",
    "activating": "StartPending",
    "deactivating": "StopPending",
}
ADDRESS = re.compile(r"\binet (\d+\.\d+\.\d+\.\d+)/")
STARTED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC")
PID = re.compile(r"[0-9]{1,9}")
PROGRAM = re.compile(r"argv\[\]=(.*?) ;")
RESTART = re.compile(r"(?m)^(\d{9,11})(?:\.\d+)? \S+ systemd\[1\]: (\w+)\.service: Scheduled restart job")
CNI_FOLDER = "/etc/cni/net.d"
CNI_HEAD = re.compile(rf"(?m)^==> {CNI_FOLDER}/(\S+) <==$\n?")
CNI_ENDINGS = (".conf", ".conflist")
PART = re.compile(rf"(?m)^{MARK} ([a-z]+)\r?$\n?")


def look_command(*, asks_api: bool) -> str:
    """Return one line of shell; its exit code says nothing."""
    parts = (*OF_MACHINE, *OF_API) if asks_api else OF_MACHINE
    # The first echo ends an answer that has no newline of its own, as /readyz has none.
    return (
        "; ".join(f"echo; echo {MARK} {name}; {command}" for name, command in parts)
        + f"; echo; echo {MARK} end"
    )


def parts_of(said: str) -> dict[str, str]:
    """Return what stands under each mark; a part whose end was cut off is not there."""
    pieces = PART.split(said)
    found = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    if "end" not in found and found:
        found.pop(list(found)[-1])
    return found


def parse_machine(said: str, now: datetime) -> MachineFacts | None:
    """Return the machine's facts; None when there is no answer at all."""
    parts = parts_of(said)
    if not parts:
        return None
    files = parts.get("files")
    return MachineFacts(
        os="linux",
        clock_skew_s=skew(when(parts.get("date", "").strip()), now),
        addresses=tuple(a for a in ADDRESS.findall(parts.get("addresses", "")) if a != "127.0.0.1"),
        binaries=(binaries(parts) or None) if "versions" in parts else None,
        is_kubelet_healthy=parts["healthz"].strip() == "ok" if "healthz" in parts else None,
        services=tuple(units(parts["units"], restarts(parts.get("restarts", ""))))
        if parts.get("units")
        else None,
        answers_containerd=is_active(parts, "containerd"),
        files=names(files) if files else None,
        has_kubelet_conf="kubelet.conf" in names(files) if files else None,
        has_bootstrap_conf="bootstrap-kubelet.conf" in names(files) if files else None,
        cni_files=cni_files(files) if files else None,
        cni_contents=tuple(cni_contents(parts.get("cni", ""))),
        is_api_ready=parts["readyz"].strip().endswith("ok") if parts.get("readyz") else None,
    )


def names(files: str) -> tuple[str, ...]:
    """Return the file names of several listings; the folders' own lines end in a colon."""
    lines = (line.strip() for line in files.splitlines())
    return tuple(line for line in lines if line and not line.endswith(":"))


def cni_files(files: str) -> tuple[str, ...]:
    """Return what lies in the CNI's own folder; the other folders' files end in .conf as well."""
    _, _, rest = files.partition(f"{CNI_FOLDER}:")
    own = rest.partition("\n/")[0]
    return tuple(name for name in names(own) if name.endswith(CNI_ENDINGS))


def cni_contents(said: str) -> Iterator[CniFile]:
    """Yield the configurations; head names each file before its text, unless there is only one."""
    pieces = CNI_HEAD.split(said)
    for name, content in zip(pieces[1::2], pieces[2::2], strict=True):
        yield cni_file(name, content)


def units(said: str, times: Mapping[str, tuple[datetime, ...]] | None) -> Iterator[WindowsServiceFacts]:
    """Yield the units; systemctl prints a block of properties for each."""
    for block in re.split(r"\n\s*\n", said.strip()):
        told = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = told.get("Id", "").removesuffix(".service")
        if name in UNITS:
            yield unit(name, told, None if times is None else times.get(name, ()))


def unit(name: str, told: Mapping[str, str], times: tuple[datetime, ...] | None) -> WindowsServiceFacts:
    """Make one unit's facts; a unit that systemd does not know is not there, so nothing is said."""
    state = ACTIVE.get(told.get("ActiveState", ""), "")
    start = told.get("UnitFileState", "")
    program = PROGRAM.search(told.get("ExecStart", ""))
    began = STARTED.search(told.get("ActiveEnterTimestamp", "")) if state == "Running" else None
    pid = told.get("MainPID", "")
    return WindowsServiceFacts(
        name,
        state,
        START_TYPES.get(start, start),
        account=told.get("User", "") or ("root" if start else ""),
        command=" ".join(redacted((program[1],))) if program else "",
        pid=int(pid) or None if PID.fullmatch(pid) else None,
        since=when(f"{began[1]}T{began[2]}Z") if began else None,
        restarts=times,
    )


def restarts(said: str) -> dict[str, tuple[datetime, ...]] | None:
    """Return when systemd restarted each unit within the hour; None when the journal said nothing at all."""
    if not said.strip():
        return None
    found: dict[str, tuple[datetime, ...]] = {}
    for seconds, name in RESTART.findall(said):
        found[name] = (*found.get(name, ()), datetime.fromtimestamp(int(seconds), UTC))
    return found


def is_active(parts: Mapping[str, str], name: str) -> bool | None:
    state = next((unit.state for unit in units(parts.get("units", ""), None) if unit.name == name), "")
    return None if state == "" else state == "Running"


def binaries(parts: Mapping[str, str]) -> tuple[BinaryFacts, ...]:
    """Return kubelet and containerd with their versions, and each program whose hash was told."""
    versions = dict(told_versions(parts.get("versions", "")))
    hashed = [
        BinaryFacts(name, path, versions.pop(name, ""), sha256)
        for sha256, path in HASH.findall(parts.get("hashes", ""))
        for name in (path.rpartition("/")[2],)
    ]
    return (*(BinaryFacts(name, version=version) for name, version in versions.items()), *hashed)


def told_versions(said: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of what told it."""
    for name, pattern in (("kubelet", r"Kubernetes (v\S+)"), ("containerd", r"containerd \S+ (v?\S+)")):
        if found := re.search(pattern, said):
            yield name, found[1]


def parse_api(said: str) -> KubeFacts | None:
    """Return the cluster's facts; None when the API gave no list of objects."""
    parts = parts_of(said)
    listed = {name: load(parts.get(name, "")) for name in ("objects", "events", "tokens")}
    if listed["objects"] is None:
        return None
    missing = tuple(name for name, value in listed.items() if value is None)
    return parse_objects(listed.values(), missing)
