"""One PTY, many viewers: the same screen for all, one who types, and machines that come and go."""

import pytest
from django.db import InterfaceError, OperationalError

from tests.factories import RunFactory, StepFactory
from webapp.planning.plan import Plan, PlannedStep, StepKind
from webapp.runs.models import Run
from webapp.shells import actions, baton, server
from webapp.shells.models import Terminal

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = "PS C:\\Users\\vagrant>"


async def test_what_the_holder_types_is_seen_by_all(look_at, terminal, owner, guest):
    first, second = await look_at(terminal, owner), await look_at(terminal, guest)
    await first.sees(PROMPT)

    first.type("echo together\r")

    await second.sees("together\r\n")


async def test_what_somebody_else_types_goes_nowhere_and_he_is_told(look_at, terminal, owner, guest):
    first, second = await look_at(terminal, owner), await look_at(terminal, guest)
    await first.sees(PROMPT)

    second.type("hostname\r")

    await second.until(lambda looker: looker.told("refused"))
    assert second.told("refused") == ["ana has the baton: ask for it."]
    assert b"hostname" not in first.shown


async def test_who_may_only_look_types_nothing_even_as_holder(look_at, terminal, owner):
    looker = await look_at(terminal, owner, may_type=False)
    await looker.sees(PROMPT)

    looker.type("hostname\r")

    await looker.until(lambda looker: looker.told("refused"))


async def test_a_late_joiner_is_shown_the_same(look_at, terminal, owner, guest):
    first = await look_at(terminal, owner)
    await first.sees(PROMPT)
    first.type("seq 50\r")
    await first.sees("50\r\n" + PROMPT)

    late = await look_at(terminal, guest)

    await late.sees("50\r\n" + PROMPT)
    assert late.shown == first.shown


async def test_the_baton_moves_what_is_typed(look_at, terminal, owner, guest, act):
    first, second = await look_at(terminal, owner), await look_at(terminal, guest)
    await first.sees(PROMPT)
    await act(baton.ask_baton, terminal, guest)
    await first.until(lambda looker: looker.state.get("asked_by") == "ben")

    await act(baton.offer_baton, terminal, owner, guest)
    await second.until(lambda looker: looker.state.get("holder") == "ben")
    second.type("hostname\r")

    await first.sees("winw1\r\n")


@pytest.mark.parametrize("case", [(29, "ana"), (31, "")], ids=["soon back", "vanished"])
async def test_a_holder_who_vanished_loses_the_baton(
    shells, look_at, terminal, owner, guest, case: tuple[int, str]
):
    gone_s, holder = case
    first, second = await look_at(terminal, owner), await look_at(terminal, guest)
    await first.sees(PROMPT)
    await first.leave()
    await second.until(lambda looker: looker.state.get("viewers") == ["ben"])
    room = shells.rooms[terminal.pk]

    await room.tick(idle_s=3600, now=room.holder_seen_at + gone_s)

    assert room.facts.holder == holder
    await second.until(lambda looker: looker.state.get("holder") == holder)


@pytest.mark.parametrize(
    "size", [(0, 0), (65535, 65535), (-1, 10**9), (True, 5), ("a", 3), (1,), None], ids=str
)
async def test_no_window_is_too_small_or_large(look_at, terminal, owner, size):
    looker = await look_at(terminal, owner, size=(80, 24))
    await looker.sees(PROMPT)

    looker.say({"size": list(size) if size else None})
    looker.type("stty size\r")

    await looker.until(lambda looker: b" " in looker.shown.split(b"stty size")[-1])
    columns, rows = looker.told("size")[-1]
    assert 20 <= columns <= 500 and 5 <= rows <= 200


async def test_the_smallest_window_decides(look_at, terminal, owner, guest):
    large = await look_at(terminal, owner, size=(120, 40))
    small = await look_at(terminal, guest, size=(90, 50))
    await large.sees(PROMPT)
    await large.until(lambda looker: looker.told("size")[-1] == [90, 40])

    large.type("stty size\r")

    await small.sees("40 90\r\n")


async def test_the_end_of_the_shell_closes_the_terminal(look_at, terminal, owner, act):
    looker = await look_at(terminal, owner)
    await looker.sees(PROMPT)

    looker.type("exit 3\r")

    await looker.until(lambda looker: looker.state.get("status") == "closed")
    assert looker.state.get("sentence") == "The shell ended with code 3."


async def test_a_machine_that_reboots_is_connected_again(look_at, terminal, owner):
    looker = await look_at(terminal, owner)
    await looker.sees(PROMPT)

    looker.type("Restart-Computer\r")

    await looker.sees("it is tried again.")
    await looker.until(lambda looker: looker.shown.count(PROMPT.encode()) >= 2)


async def test_a_machine_that_is_off_is_waited_for(look_at, terminal, owner, rehearsed, act):
    await act(lambda: terminal.lab.machines.update(state="poweroff"))
    looker = await look_at(terminal, owner)
    await looker.sees("winw1 is off")

    await act(lambda: terminal.lab.machines.update(state="running"))

    await looker.sees(PROMPT)


async def test_closing_it_ends_the_shell_and_says_who(look_at, terminal, owner, act):
    looker = await look_at(terminal, owner)
    await looker.sees(PROMPT)

    await act(actions.close_terminal, await act(lambda: Terminal.objects.get(pk=terminal.pk)), owner)

    await looker.until(lambda looker: looker.state.get("status") == "closed")
    assert looker.state.get("sentence") == "ana closed it."


async def test_a_step_that_may_reboot_logs_off_and_the_terminal_comes_back(look_at, terminal, owner, act):
    looker = await look_at(terminal, owner)
    await looker.sees(PROMPT)
    planned = PlannedStep("winw1 windows-features", StepKind.PROVISION, "winw1", "Features", may_reboot=True)

    def begin() -> Run:
        run = RunFactory(lab=terminal.lab, plan=Plan((planned,)).to_json(), status="running")
        StepFactory(run=run, key=planned.key, machine="winw1", title="Features", status="running")
        return run

    run = await act(begin)
    await looker.sees("may reboot now")
    looker.type("hostname\r")
    await looker.until(lambda looker: looker.told("refused"))
    await act(lambda: Run.objects.filter(pk=run.pk).update(status="succeeded"))

    await looker.until(lambda looker: looker.shown.count(PROMPT.encode()) >= 2)


async def test_a_room_outlives_a_database_that_is_away(shells, monkeypatch):
    monkeypatch.setattr(server, "ASK_AGAIN_S", 0.01)
    answers = iter([OperationalError("the server is starting"), InterfaceError("closed"), "here again"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await shells.ask_until_answered(ask) == "here again"
