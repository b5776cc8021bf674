"""A machine over OpenSSH, without a machine: asyncssh's server on loopback, and a `vagrant` that names it.

The shell that the server plays answers `echo …` and says which command and which terminal it was asked for;
files lie in `home`. One loop in a thread of its own serves it.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

# Machine-readable: a comma in a value is %!(VAGRANT_COMMA), an end of line \n.
VAGRANT = """#!/bin/sh
[ "$1" = ssh-config ] || exit 1
printf '1,%s,ssh-config,%s\\n' "$2" '{config}'
"""
CONFIG = """\
Host {name}
  HostName 127.0.0.1
  User vagrant
  Port {port}
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile {key}
  IdentitiesOnly yes
"""


class Files(asyncssh.SFTPServer):
    """Ends as OpenSSH's does, with a code that scp waits for."""

    def exit(self) -> None:
        self.channel.exit(0)


@dataclass
class SshMachine:
    """Its `home` folder, and what was asked of it."""

    folder: Path
    port: int = 0
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)  # command, kind of terminal

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def vagrant(self) -> Path:
        return self.folder / "vagrant"

    async def play(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        self.asked.append((process.command, process.get_terminal_type()))
        prompt = "PS C:\\Users\\vagrant> " if (process.command or "").startswith("powershell") else "$ "
        process.stdout.write(prompt)
        async for line in process.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "exit":
                process.exit(int(rest or 0))
                return
            process.stdout.write(f"{rest}\r\n{prompt}")

    async def serve(self) -> None:
        user, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        key = self.folder / "key"
        user.write_private_key(key)
        key.chmod(0o600)
        (self.folder / "allowed").write_bytes(user.export_public_key())
        server = await asyncssh.create_server(
            asyncssh.SSHServer,
            "127.0.0.1",
            0,
            server_host_keys=[host],
            authorized_client_keys=str(self.folder / "allowed"),
            process_factory=self.play,
            sftp_factory=lambda chan: Files(chan, chroot=str(self.home).encode()),
        )
        self.port = server.get_port()

    def name_it(self, name: str) -> None:
        """Have `vagrant` say how the machine of this name is reached."""
        config = CONFIG.format(name=name, port=self.port, key=self.folder / "key").replace("\n", "\\n")
        self.vagrant.write_text(VAGRANT.format(config=config.replace(",", "%!(VAGRANT_COMMA)")))
        self.vagrant.chmod(0o755)


@contextmanager
def ssh_machine(folder: Path) -> Iterator[SshMachine]:
    machine, loop = SshMachine(folder), asyncio.new_event_loop()
    machine.home.mkdir(parents=True)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(machine.serve(), loop).result(30)
    try:
        yield machine
    finally:
        asyncio.run_coroutine_threadsafe(end_all(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


async def end_all() -> None:
    """End whatever the loop still does."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
