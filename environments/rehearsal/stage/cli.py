"""Vagrant's command line: which command, which machines, which options."""

# ruff: noqa: ARG001 (each entry of a table has the table's signature)
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stage import actions, answers
from stage.clock import Clock
from stage.lab import Lab, Machine, find_lab
from stage.play import Player
from stage.ui import Failure, Ui

VERSION = "2.4.9"
SPEED = 20.0
GLOBAL_FLAGS = {"--machine-readable", "--no-color", "--color", "--no-tty", "--debug", "--timestamp"}
# Options that take a value, in all commands; everything else that begins with a dash is a switch.
VALUED = {"--provider", "--provision-with", "-c", "--command", "--host", "-s", "--shell", "--output"}
USAGE = "Usage: vagrant [options] <command> [<args>]\n\nCommands: "


@dataclass
class Words:
    """A parsed command line. `extra` is what stands behind `--`."""

    names: list[str] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)


def parse(argv: Sequence[str]) -> Words:
    words = Words()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if word == "--":
            words.extra, rest = rest, []
        elif name in VALUED:
            words.values[name] = value if has_value else (rest.pop(0) if rest else "")
        elif word.startswith("-"):
            words.switches.add(word)
        else:
            words.names.append(word)
    return words


def main(argv: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))  # before an action begins, Vagrant just ends
    ui = Ui(is_machine_readable="--machine-readable" in split_off(argv))
    words = [word for at, word in enumerate(argv) if word not in GLOBAL_FLAGS or "--" in argv[:at]]
    try:
        return dispatch(ui, words)
    except Failure as failure:
        return ui.give_up(failure)
    except BrokenPipeError:
        return 1


def split_off(argv: Sequence[str]) -> Sequence[str]:
    """Return what stands before `--`."""
    return argv[: argv.index("--")] if "--" in argv else argv


def dispatch(ui: Ui, words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        ui.say("info", USAGE + ", ".join(sorted({*LAB_COMMANDS, *PLAIN_COMMANDS})))
        return 0 if words else 1
    command, *rest = words
    if command in PLAIN_COMMANDS:
        return PLAIN_COMMANDS[command](ui, parse(rest))
    if command not in LAB_COMMANDS:
        ui.say("info", USAGE + ", ".join(sorted({*LAB_COMMANDS, *PLAIN_COMMANDS})))
        return 1
    return LAB_COMMANDS[command](ui, find_lab(Path.cwd()), parse(rest))


# -- commands without a lab ---------------------------------------------------------


def say_version(ui: Ui, words: Words) -> int:
    print(f"Vagrant {VERSION} (rehearsal)", flush=True)
    return 0


def version(ui: Ui, words: Words) -> int:
    ui.say("output", f"Installed Version: {VERSION} (rehearsal)")
    ui.record("version-installed", VERSION)
    return 0


def plugin(ui: Ui, words: Words) -> int:
    ui.say("info", "No plugins installed: a rehearsal needs none.")
    return 0


def box(ui: Ui, words: Words) -> int:
    ui.say("warn", "There are no installed boxes! Use `vagrant box add` to add some.")
    return 0


def global_status(ui: Ui, words: Words) -> int:
    ui.record("metadata", "machine-count", "0")
    ui.say(
        "info",
        "There are no active Vagrant environments on this computer! Or,\nyou haven't destroyed and recreated "
        "Vagrant environments that were\nstarted with an older version of Vagrant.",
    )
    return 0


# -- commands on machines -------------------------------------------------------------


def targets(lab: Lab, words: Words) -> list[Machine]:
    """Return the named machines, all of them when none is named."""
    return [lab.machine(name) for name in words.names] or list(lab.machines.values())


def one_target(lab: Lab, words: Words) -> Machine:
    if len(targets(lab, words)) > 1 and not words.names:
        raise Failure(
            "MultiVMTargetRequired",
            "This command requires a specific VM name to target in a multi-VM environment.",
        )
    return targets(lab, words)[0]


def on_each(act: Callable[[Player, Words], None]) -> Callable[[Ui, Lab, Words], int]:
    """Turn what happens to one machine into a command on the named ones, one after the other."""

    def command(ui: Ui, lab: Lab, words: Words) -> int:
        clock = Clock(ui, speed_of(lab))
        for machine in targets(lab, words):
            act(Player(ui, clock, lab, machine), words)
        return 0

    return command


def speed_of(lab: Lab) -> float:
    """Return how many times faster than a real lab (0 = no waiting): REHEARSAL_SPEED, lab.json, 20."""
    wanted = os.environ.get("REHEARSAL_SPEED") or lab.facts.get("rehearsal", {}).get("speed")
    try:
        speed = float(wanted) if wanted is not None else SPEED
    except (TypeError, ValueError):
        raise Failure("VagrantfileLoadError", f"The rehearsal's speed {wanted!r} is not a number.") from None
    return speed if speed >= 0 else SPEED


def up(player: Player, words: Words) -> None:
    provider = words.values.get("--provider", "rehearsal")
    if provider != "rehearsal":
        raise Failure(
            "ProviderNotFound",
            f"The provider '{provider}' could not be found, but was requested to\nback the machine "
            f"'{player.machine.name}'. Please use a provider that exists.\n\n"
            "Vagrant knows about the following providers: rehearsal",
        )
    keep = "--no-destroy-on-error" in words.switches
    player.ui.say("info", f"Bringing machine '{player.machine.name}' up with 'rehearsal' provider...")
    actions.up(player, is_kept_on_error=keep)


def provision(player: Player, words: Words) -> None:
    named = words.values.get("--provision-with", "")
    actions.provision(player, [name for name in named.split(",") if name])


def snapshot(ui: Ui, lab: Lab, words: Words) -> int:
    """Save, restore, delete or list; the snapshot's name comes last."""
    verb, *names = words.names or ["list"]
    if verb not in ("save", "restore", "delete", "list"):
        raise Failure("CLIInvalidUsage", f"There is no `vagrant snapshot {verb}`.")
    if verb == "list":
        return answers.list_snapshots(ui, targets(lab, Words(names=names)))(lab)
    if not names:
        raise Failure("CLIInvalidUsage", f"`vagrant snapshot {verb}` needs the name of a snapshot.")
    clock = Clock(ui, speed_of(lab))
    for machine in targets(lab, Words(names=names[:-1])):
        actions.SNAPSHOT_VERBS[verb](Player(ui, clock, lab, machine), names[-1])
    return 0


def run_in_guest(ui: Ui, lab: Lab, words: Words) -> int:
    command = words.values.get("-c", words.values.get("--command"))
    return answers.ssh(ui, lab, one_target(lab, words), command)


def run_over_winrm(ui: Ui, lab: Lab, words: Words) -> int:
    command = words.values.get("-c", words.values.get("--command", ""))
    return answers.winrm(ui, lab, one_target(lab, words), command)


def upload(ui: Ui, lab: Lab, words: Words) -> int:
    source, *rest = words.names or [""]
    if not Path(source).exists():
        raise Failure("UploadSourceMissing", f"The source file to upload does not exist: {source}")
    destination = rest[0] if rest else Path(source).name
    return answers.upload(ui, lab, one_target(lab, Words(names=rest[1:])), source, destination)


PLAIN_COMMANDS: dict[str, Callable[[Ui, Words], int]] = {
    "--version": say_version,
    "-v": say_version,
    "version": version,
    "plugin": plugin,
    "box": box,
    "global-status": global_status,
}
LAB_COMMANDS: dict[str, Callable[[Ui, Lab, Words], int]] = {
    "status": lambda ui, lab, words: answers.status(ui, lab, targets(lab, words)),
    "validate": lambda ui, lab, words: answers.validate(ui),
    "up": on_each(up),
    "provision": on_each(provision),
    "reload": on_each(lambda player, words: actions.reload(player)),
    "halt": on_each(lambda player, words: actions.halt(player)),
    "suspend": on_each(lambda player, words: actions.suspend(player)),
    "resume": on_each(lambda player, words: actions.resume(player)),
    "destroy": on_each(
        lambda player, words: actions.destroy(player, is_forced=bool({"-f", "--force"} & words.switches))
    ),
    "snapshot": snapshot,
    "ssh": run_in_guest,
    "winrm": run_over_winrm,
    "ssh-config": lambda ui, lab, words: answers.ssh_config(ui, lab, targets(lab, words)),
    "winrm-config": lambda ui, lab, words: answers.winrm_config(ui, lab, targets(lab, words)),
    "upload": upload,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
