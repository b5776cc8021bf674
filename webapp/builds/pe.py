"""What a Windows or Linux executable says of itself. Pure; reads only headers.

Source: Microsoft's PE Format (2024): DOS header, "PE\\0\\0", COFF header, optional header. ELF gABI 4.1.
"""

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from webapp.builds.errors import ArtifactError

MACHINES = {0x8664: "amd64", 0x14C: "386", 0xAA64: "arm64"}
SUBSYSTEMS = {1: "native", 2: "windows gui", 3: "windows console"}
ELF_MACHINES = {62: "amd64", 3: "386", 183: "arm64"}
DOS_BYTES, COFF_BYTES = 64, 24
SUBSYSTEM_AT = 68  # in the optional header, PE32 and PE32+ alike
PE32_PLUS = 0x20B


class Facts(TypedDict):
    """`subsystem` is "" in ELF."""

    format: str
    machine: str
    subsystem: str


def facts_of(path: Path) -> Facts:
    """Read an executable's headers; ArtifactError when it is none."""
    with path.open("rb") as file:
        head = file.read(DOS_BYTES)
        if head[:4] == b"\x7fELF" and len(head) == DOS_BYTES:
            return elf_facts(head)
        if head[:2] != b"MZ" or len(head) < DOS_BYTES:
            raise ArtifactError(f"{path.name} is no executable for Windows or Linux.")
        file.seek(struct.unpack_from("<I", head, 60)[0])
        return pe_facts(file.read(COFF_BYTES + SUBSYSTEM_AT + 2), path.name)


def elf_facts(head: bytes) -> Facts:
    little = "<" if head[5] == 1 else ">"
    machine = struct.unpack_from(f"{little}H", head, 18)[0]
    return {"format": "ELF", "machine": ELF_MACHINES.get(machine, hex(machine)), "subsystem": ""}


def pe_facts(header: bytes, name: str) -> Facts:
    """Read from "PE\\0\\0" on."""
    if header[:4] != b"PE\0\0" or len(header) < COFF_BYTES + SUBSYSTEM_AT + 2:
        raise ArtifactError(f"{name} begins like a program for DOS, but is no PE file.")
    machine = struct.unpack_from("<H", header, 4)[0]
    magic = struct.unpack_from("<H", header, COFF_BYTES)[0]
    subsystem = struct.unpack_from("<H", header, COFF_BYTES + SUBSYSTEM_AT)[0]
    return {
        "format": "PE32+" if magic == PE32_PLUS else "PE32",
        "machine": MACHINES.get(machine, hex(machine)),
        "subsystem": SUBSYSTEMS.get(subsystem, str(subsystem)),
    }


def check_target(facts: Facts, target: str, name: str) -> None:
    """Raise ArtifactError when a file is not for the target it is meant for."""
    system, _, machine = target.partition("/")
    is_windows = facts["format"].startswith("PE")
    if is_windows != (system == "windows") or facts["machine"] != machine:
        raise ArtifactError(f"{name} is {facts['format']} for {facts['machine']}, not for {target}.")


def missing_texts(path: Path, texts: Sequence[str]) -> list[str]:
    """Return those texts that stand nowhere in the file: stamps that did not reach it."""
    if not texts or path.stat().st_size == 0:
        return list(texts)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [text for text in texts if content.find(text.encode()) < 0]
