"""The flag lint: real shapes of --help and of command lines, whatever stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.catalog.kit_versions import Span
from webapp.inject.answers import Answers, parse_answers, words
from webapp.inject.flaglint import FlagFinding, Table, flags_of, known_flags, lint

PFLAG = """The kubelet is the primary "node agent".

Flags:
      --address ip           The IP address to serve on (DEPRECATED: This parameter should be set via the
                             config file specified by the Kubelet's --config flag.)
      --config string        The Kubelet will load its initial configuration from this file.
  -h, --help                 help for kubelet
      --node-ip string       IP address of the node
  -v, --v Level              number for the log level verbosity
      --windows-service      Enable Windows Service Control Manager API integration
"""
GO_FLAG = (
    'Usage of greeter:\n  -addr string\n    \twhere to listen (default ":80")\n  -quiet\n    \tsay nothing\n'
)
URFAVE = "GLOBAL OPTIONS:\n   --config value, -c value   Path to the file\n   --log-level value, -l value\n"
RUNNER = (
    '"C:\\k\\kube-log-runner.exe" --log-file=C:\\var\\log\\kubelet.log --flush-interval=5s '
    'C:\\k\\kubelet.exe --windows-service --config=C:/var/lib/kubelet/config.yaml --resolv-conf="" --v 2'
)
TABLE = Table(
    {
        "pod-infra-container-image": Span(removed="1.35"),
        "windows-service": Span(introduced="1.19"),
        "hidden": Span(introduced="1.5"),
    },
    {"WinDSR": Span(introduced="1.14", locked="1.34"), "NodeLogQuery": Span(introduced="1.27")},
)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (PFLAG, {"address", "config", "help", "h", "node-ip", "v", "windows-service"}),
        (GO_FLAG, {"addr", "quiet"}),
        (URFAVE, {"config", "log-level"}),
        ("segmentation fault", set()),
    ],
    ids=["pflag", "go-flag", "urfave", "none"],
)
def test_help_is_read_in_each_of_its_shapes(text: str, flags: set[str]):
    assert set(known_flags(text)) == flags


def test_a_deprecation_is_read_with_its_reason():
    reasons = {name: why for name, why in known_flags(PFLAG).items() if why}

    assert list(reasons) == ["address"]
    assert reasons["address"].startswith("This parameter should be set via the config file")


@pytest.mark.parametrize(
    ("component", "flags"),
    [
        (
            "kubelet",
            {"windows-service": "", "config": "C:/var/lib/kubelet/config.yaml", "resolv-conf": "", "v": "2"},
        ),
        ("kube-log-runner", {"log-file": "C:\\var\\log\\kubelet.log", "flush-interval": "5s"}),
    ],
)
def test_each_program_of_a_command_line_gets_its_own_flags(component: str, flags: dict[str, str]):
    assert flags_of(component, words(RUNNER)) == flags


def findings(command: str, version: str = "v1.36.1", help_text: str = PFLAG) -> list[tuple[str, str]]:
    answers = Answers(arguments=words(f"/usr/bin/kubelet {command}"), code=0, help=help_text)
    return [(finding.level, finding.flag) for finding in lint("kubelet", version, answers, TABLE)]


@pytest.mark.parametrize(
    ("command", "version", "expected"),
    [
        ("--config=x --windows-service -v=2", "v1.36.1", []),
        ("--pod-infra-container-image=pause", "v1.35.0", [("error", "pod-infra-container-image")]),
        ("--windows-service", "v1.18.3", [("error", "windows-service")]),
        ("--network-plugin=cni", "v1.36.1", [("error", "network-plugin")]),
        ("--address=0.0.0.0", "v1.36.1", [("warning", "address")]),
        ("--hidden", "v1.36.1", [("warning", "hidden")]),
        (
            "--feature-gates=NodeLogQuery=true",
            "v1.26.0",
            [("error", "feature-gates"), ("error", "feature-gates")],
        ),
        ("--feature-gates=WinDSR=false", "v1.36.0", [("error", "feature-gates"), ("error", "feature-gates")]),
    ],
    ids=["fits", "removed", "too-new", "unknown", "deprecated", "hidden", "gate-too-new", "gate-locked"],
)
def test_a_flag_is_held_against_help_and_table(command: str, version: str, expected: list[tuple[str, str]]):
    assert findings(command, version) == expected


def test_an_error_says_what_to_do():
    answers = Answers(arguments=("kubelet", "--pod-infra-container-image=x"), code=0, help=PFLAG)

    found = lint("kubelet", "v1.36.1-3+abc", answers, TABLE)

    text = "--pod-infra-container-image was removed in 1.35; the new binary is 1.36."
    advice = "Take it out of the command line, or use one before 1.35."
    assert found == (FlagFinding("error", "pod-infra-container-image", text, advice),)


def test_a_binary_whose_help_names_no_flags_is_a_warning():
    assert findings("--config=x", help_text="Usage: greeter") == [("warning", "")]


@pytest.mark.parametrize(
    ("code", "said"), [(126, "cannot execute binary file"), (139, ""), (-1073741515, "")], ids=str
)
def test_a_binary_that_cannot_be_started_is_an_error(code: int, said: str):
    found = lint("kubelet", "", Answers(arguments=("kubelet", "--v=2"), code=code, help=said), TABLE)

    assert [finding.level for finding in found] == ["error"]
    assert "cannot be started on this machine" in found[0].text


def test_answers_of_both_systems_are_read():
    linux = parse_answers(
        "=== before\nabc\n=== arguments\n/usr/bin/x\n--a=b c\n\n=== code\n2\n=== help\nhi\n=== code\n"
    )
    windows = parse_answers(
        '=== before\r\nabc\r\n=== command\r\n"C:\\a b\\x.exe" --y\r\n=== code\r\n0\r\n=== help\r\nhi'
    )

    assert linux == Answers("abc", ("/usr/bin/x", "--a=b c"), 2, "hi\n=== code\n")
    assert windows == Answers("abc", ("C:\\a b\\x.exe", "--y"), 0, "hi")


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_answer_makes_the_lint_fail(text: str, help_text: str):
    answers = parse_answers(f"=== arguments\nkubelet\n{text}\n=== code\n0\n=== help\n{help_text}")

    assert all(finding.text for finding in lint("kubelet", text, answers, TABLE))
