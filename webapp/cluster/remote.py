"""Run a command on a machine that somebody named: over SSH with its pinned key, or over WinRM.

WinRM by pywinrm with NTLM, which encrypts the messages itself over plain HTTP.
"""

import base64

import certifi
import requests
from django.conf import settings
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMOperationTimeoutError
from winrm.protocol import Protocol

from webapp.cluster.guests import shell_line
from webapp.cluster.models import NamedMachine
from webapp.cluster.secrets import CannotDecrypt, decrypt
from webapp.cluster.ssh import SshError, Way, connections
from webapp.process import Completed

PURPOSE = "named machine"
LONGEST_LINE = 8_000  # cmd.exe takes 8191 characters


class RemoteError(Exception):
    """The machine could not be asked; a sentence."""


def run_at(machine: NamedMachine, command: str, *, timeout_s: float) -> Completed:
    """Run bash on Linux, PowerShell on Windows. Raises RemoteError."""
    try:
        secret = decrypt(bytes(machine.secret), settings.SECRET_KEY)
    except CannotDecrypt as error:
        raise RemoteError(
            "Its password or key was encrypted with another secret key; add it again."
        ) from error
    if machine.way == NamedMachine.Way.SSH:
        return run_over_ssh(machine, secret, command, timeout_s)
    return run_over_winrm(machine, secret, command, timeout_s)


def way_to(machine: NamedMachine, secret: str) -> Way:
    return Way(
        machine.address,
        machine.port,
        machine.user,
        key_text=secret if machine.is_key else "",
        password=None if machine.is_key else secret,
        host_key=machine.host_key,
    )


def run_over_ssh(machine: NamedMachine, secret: str, command: str, timeout_s: float) -> Completed:
    if not machine.host_key:
        raise RemoteError("Its host key is not known; remove it and add it again.")
    line = shell_line(command) if machine.is_windows else command
    # A machine that is only tried out has a connection of its own: it must not pass by another's login.
    key = object() if machine.pk is None else kept_as(machine)
    try:
        return connections().run(key, lambda: way_to(machine, secret), line, timeout_s=timeout_s)
    except SshError as error:
        raise RemoteError(str(error)) from error
    finally:
        if machine.pk is None:
            connections().forget(key)


def kept_as(machine: NamedMachine) -> object:
    """Return what its connection is kept under; one that is added anew gets a new one."""
    return "named", machine.pk, machine.host_key


def run_over_winrm(machine: NamedMachine, secret: str, command: str, timeout_s: float) -> Completed:
    """One shell for one command; a script that is too long for a line goes through standard input."""
    is_tls = machine.way == NamedMachine.Way.WINRM_TLS
    session = Protocol(
        endpoint=f"{'https' if is_tls else 'http'}://{bracketed(machine.address)}:{machine.port}/wsman",
        transport="ntlm",
        username=machine.user,
        password=secret,
        server_cert_validation="validate",
        ca_trust_path=settings.WINRM_CA_FILE or certifi.where(),
        proxy=None,
        operation_timeout_sec=max(int(timeout_s) - 5, 5),
        read_timeout_sec=max(int(timeout_s), 10),
    )
    try:
        return over(session, command)
    except InvalidCredentialsError as error:
        raise RemoteError("WinRM refused the user or the password.") from error
    except WinRMOperationTimeoutError as error:
        raise RemoteError(f"It did not answer over WinRM within {timeout_s:g} s.") from error
    except (WinRMError, requests.RequestException, OSError, ValueError) as error:
        raise RemoteError(f"WinRM: {' '.join(str(error).split())[:300]}") from error


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def over(session: Protocol, command: str) -> Completed:
    shell = session.open_shell(codepage=65001)
    try:
        running = session.run_command(shell, *line_of(command))
        try:
            if len(encoded(command)) > LONGEST_LINE:
                session.send_command_input(shell, running, f"{command}\r\n", end=True)
            output, errors, code = session.get_command_output(shell, running)
        finally:
            session.cleanup_command(shell, running)
    finally:
        session.close_shell(shell)
    return Completed(code, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


def line_of(command: str) -> tuple[str, tuple[str, ...]]:
    plain = ("-NoProfile", "-NonInteractive")
    if len(encoded(command)) > LONGEST_LINE:
        return "powershell", (*plain, "-Command", "-")
    return "powershell", (*plain, "-EncodedCommand", encoded(command))


def encoded(command: str) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()
