"""A pairing of three on a real machine that is up: an owner, a member, an invited guest, each in a browser.

One story in acts, because a machine in QEMU's emulation is dear: they share a bash over OpenSSH while the
baton moves, files go in and out, the web is restarted, the guest is thrown out and the machine rebooted.
"""

import re

from playwright.sync_api import Browser

from tests.flow.acts import ask, log_text, wait_for_end
from tests.people import Person, people
from tests.stack import Stack, wait_until

WITHIN_MS = 300_000  # an emulated machine that reboots, and others at work
PROMPT = "vagrant@controlplane"
TITLE = "Look at the kubelet together"
DROP = """(text) => { const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([text], 'note.txt'));
const drop = new DragEvent('drop', {dataTransfer, cancelable: true});
document.querySelector('.shell-frame').dispatchEvent(drop) }"""


def pair_on(browser: Browser, stack: Stack, lab: str, guest: str = "Gus Guest") -> None:
    """Play it all; `guest` is a name that nobody has yet, ben a member. The pairing is ended at the end."""
    with people(browser, stack, WITHIN_MS) as person:
        ana, ben, gus = person("ana"), person("ben").visit(f"/labs/{lab}/"), person()
        share_a_bash(ana, gus, lab, guest)
        join_late_by_following(ben, ana, gus)
        pass_the_baton(ana, ben, gus, guest)
        send_a_file_there_and_back(gus, ben)
        restart_the_web(stack, ana, ben, gus)
        throw_the_guest_out(ana, ben, gus, guest)
        reboot_the_machine(ana, ben, lab)
        ana.ends_pairing()
        ben.told("state", "closed")
        # While the web was away they complained of that; of the page's policy never.
        assert not [word for word in ana.complaints + ben.complaints if "Policy" in word]


def share_a_bash(ana: Person, gus: Person, lab: str, guest: str) -> None:
    """A shell variable tells afterwards whether it is the same shell still."""
    path = ana.opens_pairing(lab, TITLE).path
    link = ana.invites("type")
    ana.visit(f"{path}?show=terminals").presses("Open controlplane")
    ana.shown(PROMPT).types("mark=$((40+2)); clear; seq 60; uname -s").shown("Linux")
    gus.comes_as_guest(link, guest, TITLE).shown("Linux")
    ana.is_seen(f"{guest} (guest)", "pairing #")


def join_late_by_following(ben: Person, ana: Person, gus: Person) -> None:
    ben.is_seen("ana", "terminal").follows("ana")
    ben.page.wait_for_url(re.compile(r"/pairings/\d+"))
    ben.shown("Linux")
    wait_until(lambda: ana.screen == ben.screen == gus.screen, 30, "the same screen for all")


def pass_the_baton(ana: Person, ben: Person, gus: Person, guest: str) -> None:
    gus.types("touch typed-in-vain").told("said", "ana has the baton").presses("Ask for the baton")
    ana.told("holder", f"{guest} asks").presses("Hand over")
    gus.told("holder", "You type").types("ls; echo $(hostname)-$mark-by-gus")
    ben.shown("controlplane-42-by-gus")
    ana.shown("controlplane-42-by-gus").types("hostname").told("said", f"{guest} has the baton")
    assert "typed-in-vain" not in ana.screen


def send_a_file_there_and_back(gus: Person, ben: Person) -> None:
    gus.page.evaluate(DROP, "grüße\n")
    gus.told("said", "note.txt is in the home folder")
    gus.types("tr a-z A-Z <note.txt >shout.txt; wc -c shout.txt").shown("8 shout.txt")

    gus.page.fill('[data-part="file-name"]', "shout.txt")
    with gus.page.expect_download() as fetched:
        gus.presses("Download")
    assert fetched.value.path().read_text() == "GRüßE\n"
    ben.page.fill('[data-part="file-name"]', "shout.txt")
    ben.presses("Download").told("said", "for the one who has the baton")


def restart_the_web(stack: Stack, ana: Person, ben: Person, gus: Person) -> None:
    stack.stop_part("web")
    for one in (ana, ben, gus):
        one.connected("waiting")
    stack.start_web()
    for one in (ana, ben):
        one.connected()
    gus.types("echo lives-on-$mark")
    ben.shown("lives-on-42")
    wait_until(lambda: ana.screen == ben.screen == gus.screen, 30, "the same screen again")


def throw_the_guest_out(ana: Person, ben: Person, gus: Person, guest: str) -> None:
    """While they have the baton."""
    ana.presses(f"Remove {guest}").sees("removed")
    gus.connected("refused").told("state", "no right")
    ana.presses("Take it").told("holder", "You type").types("echo mine-again-$mark")
    ben.shown("mine-again-42")
    assert "mine-again" not in gus.screen
    gus.visit(ana.path).sees("Not allowed")


def reboot_the_machine(ana: Person, ben: Person, lab: str) -> None:
    """By the lab's own verb: the terminal says so, takes no keys, and comes back by itself with a new shell.

    Not by `reboot` in the guest: QEMU's emulation takes hours over a kernel that it has started before.
    """
    tab = ana.context.new_page()
    ask(tab, ana.url, lab, "reload")
    for one in (ana, ben):
        one.told("state", "the terminal comes back when controlplane is up")
    ana.types("touch typed-in-vain").told("said", "the terminal comes back")
    for one in (ana, ben):
        one.told("state", "open").shown(re.compile(rf"comes back when.*{PROMPT}"))
    ana.types("ls; echo back-$((20+3))-${mark:-anew}")
    ben.shown("back-23-anew")
    assert "typed-in-vain" not in ben.screen
    assert wait_for_end(tab, WITHIN_MS / 1000) == "done", log_text(tab)[-3000:]
    tab.close()
