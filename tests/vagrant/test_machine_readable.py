"""Vagrant's records: what people see of them, and what the dashboard reads from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.vagrant.machine_readable import (
    Action,
    ErrorExit,
    Event,
    Other,
    State,
    Ui,
    find_error,
    parse_line,
    says_not_created,
    says_not_running,
    to_lines,
)

LOCKED = (
    "1795363299,,error-exit,Vagrant::Errors::MachineActionLockedError,"
    "An action 'up' was%!(VAGRANT_COMMA)\\nbusy"
)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        pytest.param(
            "17,winw1,ui,info,==> winw1: Booting", Ui("winw1", "info", "==> winw1: Booting"), id="ui"
        ),
        pytest.param("17,winw1,action,up,start", Action("winw1", "up", "start"), id="action"),
        pytest.param("17,cp,state,not_created", State("cp", "state", "not_created"), id="state"),
        pytest.param(
            "17,cp,state-human-long,Run `up`%!(VAGRANT_COMMA) now",
            State("cp", "state-human-long", "Run `up`, now"),
            id="comma",
        ),
        pytest.param(
            LOCKED,
            ErrorExit("", "Vagrant::Errors::MachineActionLockedError", "An action 'up' was,\nbusy"),
            id="error-exit",
        ),
        pytest.param("17,,version-installed,2.4.9", Other("", "version-installed", ("2.4.9",)), id="other"),
        pytest.param("17,,metadata", Other("", "metadata", ()), id="no-data"),
        pytest.param("from /usr/bin/vagrant:25:in `load'", None, id="backtrace"),
        pytest.param("17,", None, id="cut"),
        pytest.param("", None, id="empty"),
        pytest.param("seventeen,cp,state,running", None, id="no-time"),
    ],
)
def test_parse_line(text: str, event: Event | None) -> None:
    assert parse_line(text) == event


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        pytest.param("17,cp,ui,info,==> cp: Booting", [("cp", "output", "Booting")], id="info"),
        pytest.param("17,cp,ui,detail,    cp: [init]", [("cp", "output", "[init]")], id="detail"),
        pytest.param("17,cp,ui,warn,==> cp: careful", [("cp", "error", "careful")], id="warn"),
        pytest.param("17,,ui,error,Not%!(VAGRANT_COMMA) now", [("", "error", "Not, now")], id="error"),
        pytest.param(
            "17,cp,ui,detail,    cp: one\\n    cp: two",
            [("cp", "output", "one"), ("cp", "output", "two")],
            id="two",
        ),
        pytest.param(
            "17,cp,ui,detail,    cp: end\\r\\n    cp: next",
            [("cp", "output", "end"), ("cp", "output", "next")],
            id="crlf",
        ),
        pytest.param("17,cp,ui,detail,    cp: \\r 10%\\r 90%", [("cp", "output", " 90%")], id="progress"),
        pytest.param(
            "17,cp,ui,detail,    cp: C:\\nssm\\runtime", [("cp", "output", "C:\\nssm\\runtime")], id="path"
        ),
        pytest.param("17,cp,ui,detail,    cp: C:\\k\\etc", [("cp", "output", "C:\\k\\etc")], id="no-escape"),
        pytest.param("17,cp,ui,info,a,comma", [("cp", "output", "a,comma")], id="raw-comma"),
        pytest.param("17,cp,ui,info,==> other: x", [("cp", "output", "==> other: x")], id="foreign-prefix"),
        pytest.param("17,cp,ui,info,", [("cp", "output", "")], id="empty"),
        pytest.param("17,cp,action,up,start", [], id="action"),
        pytest.param(LOCKED, [], id="error-exit-was-said-before"),
        pytest.param(
            "/usr/bin/vagrant:25:in `load'", [("", "output", "/usr/bin/vagrant:25:in `load'")], id="raw"
        ),
    ],
)
def test_to_lines(record: str, lines: list[tuple[str, str, str]]) -> None:
    assert to_lines([record]) == lines


@given(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"])))
def test_no_line_without_a_newline_gives_one_with_it(text: str) -> None:
    lines = to_lines([text, f"17,cp,ui,detail,{text}"])

    assert all("\n" not in said for _, _, said in lines)


@given(st.text(alphabet=st.characters(exclude_characters="\n\\,%", exclude_categories=["Cs", "Cc"])))
def test_plain_text_comes_through_unchanged(text: str) -> None:
    assert to_lines([f"17,cp,ui,detail,    cp: {text}"]) == [("cp", "output", text)]


def test_find_error_returns_the_last_reason() -> None:
    found = find_error(["17,cp,ui,info,x", LOCKED, "17,,error-exit,Vagrant::Errors::VMNotCreatedError,no"])

    assert found == ErrorExit("", "Vagrant::Errors::VMNotCreatedError", "no")


@pytest.mark.parametrize(
    "text",
    [
        "VM not created. Moving on...",
        "Domain is not created. Please run `vagrant up` first.",
        "Machine 'winw1' has not been created yet, and therefore cannot save snapshots. Skipping...",
    ],
)
def test_what_says_that_there_is_no_machine(text: str) -> None:
    assert says_not_created(text)
    assert not says_not_running(text)


@pytest.mark.parametrize(
    "text",
    [
        "Domain is not running. Please run `vagrant up` or `vagrant resume` first.",
        "VM is not currently running. Please, first bring it up with `vagrant up` then run this command.",
    ],
)
def test_what_says_that_the_machine_is_off(text: str) -> None:
    assert says_not_running(text)
    assert not says_not_created(text)
