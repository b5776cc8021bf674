"""What the operating system tells of this computer beyond its sizes; answers are cheap and never raise."""

import ctypes
import ipaddress
import os
import re
import socket
from pathlib import Path

import psutil

VBOX_NETWORKS = Path("/etc/vbox/networks.conf")
CPU_FLAGS = re.compile(r"^flags\s*:.*\b(vmx|svm)\b", re.MULTILINE)


def has_virtualisation() -> bool | None:
    """Tell whether the processor's virtualisation can be used; None where the system does not say."""
    if Path("/dev/kvm").exists():
        return True
    try:
        return (
            CPU_FLAGS.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")) is not None
        )
    except OSError:
        return None


def is_elevated() -> bool | None:
    """Tell whether this process has administrative rights on Windows; None elsewhere."""
    windll = getattr(ctypes, "windll", None)
    return bool(windll.shell32.IsUserAnAdmin()) if os.name == "nt" and windll else None


def virtualbox_ranges() -> tuple[str, ...]:
    """Return the IPv4 ranges that an administrator allowed (source: VirtualBox manual, 6.1.28 and later)."""
    try:
        lines = VBOX_NETWORKS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = [word for line in lines if line.strip().startswith("*") for word in line.split()[1:]]
    return tuple(word for word in words if is_network(word))


def is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True


def addresses() -> tuple[tuple[str, str], ...]:
    """Return each card's IPv4 addresses with their prefix length."""
    return tuple(
        (card, f"{one.address}/{ipaddress.IPv4Network(f'0.0.0.0/{one.netmask}').prefixlen}")
        for card, found in sorted(psutil.net_if_addrs().items())
        for one in found
        if one.family == socket.AF_INET and one.netmask
    )


def listening_ports() -> tuple[int, ...]:
    """Return the TCP ports in use; () where the system wants more rights for the answer."""
    try:
        found = psutil.net_connections("tcp")
    except (psutil.AccessDenied, PermissionError):
        return ()
    return tuple(sorted({one.laddr.port for one in found if one.status == psutil.CONN_LISTEN and one.laddr}))
