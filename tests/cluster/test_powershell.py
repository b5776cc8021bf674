"""Windows PowerShell 5.1's ways of saying things, and that nothing it says makes the parser raise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube.test_parse import JSON
from webapp.cluster.facts import MachineFacts
from webapp.cluster.powershell import SCRIPT, look_command, parse_look, parse_services
from webapp.kube.stored import from_json, to_json

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
LOOK: dict[str, Any] = {
    "labkit": 1,
    "now": "2026-11-22T15:00:02Z",
    "build": "20348",
    "features": [{"Name": "Containers", "State": "Installed"}],
    "reboot": [],
    "licence": {"Status": 1, "Minutes": 201600},
    "pipe": True,
    "kubelet_conf": False,
    "cni_files": ["10-calico.conflist"],
    "networks": [{"Name": "Größe", "Type": "Overlay", "ManagementIP": "192.168.56.11"}],
    "endpoint_list": [{"Name": "whoami", "Address": "10.244.11.3", "Network": "Calico", "State": "2"}],
    "cni_texts": [{"Name": "10-calico.conflist", "Text": "{\r\n}\r\n"}],
    "services": [
        {
            "Name": "kubelet",
            "DisplayName": "kubelet",
            "Status": 4,
            "StartType": "Auto",
            "Path": "kubelet --token=abcdef.0123456789abcdef",
        }
    ],
    "events": [{"At": "/Date(1795358400000)/", "Id": 7031, "Service": "kubelet", "Text": "It ended."}],
    "errors": ["endpoints: not there"],
}
TEXT = json.dumps(LOOK, ensure_ascii=False)
CLIXML = '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">{"labkit"</S></Objs>\r\n'
SAID = {
    "plain": TEXT.encode(),
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 the other way": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "after CLIXML and a warning": (CLIXML + "WARNING: slow\r\n" + TEXT + "\r\n").encode(),
    "wrapped at the console's width": "\r\n".join(TEXT[i : i + 80] for i in range(0, len(TEXT), 80)).encode(),
    "one object for a list": json.dumps(
        {**LOOK, "services": LOOK["services"][0], "networks": LOOK["networks"][0]}
    ).encode(),
    "a wrapped list": json.dumps({**LOOK, "services": {"value": LOOK["services"], "Count": 1}}).encode(),
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_look_is_read_however_it_is_told(said: bytes) -> None:
    facts = parse_look(said, NOW)

    assert facts is not None
    (service,) = facts.services or ()
    assert (service.name, service.state, service.start_type) == ("kubelet", "Running", "Automatic")
    assert service.restarts == (datetime(2026, 11, 22, 14, 40, tzinfo=UTC),)
    assert "0123456789abcdef" not in service.command
    assert [network.name for network in facts.hns_networks or ()] == ["Größe"]
    assert [(end.address, end.state) for end in facts.endpoints] == [("10.244.11.3", "Attached")]
    assert [file.text for file in facts.cni_contents] == ["{\n}"]
    assert (facts.clock_skew_s, facts.missing_features, facts.is_reboot_pending) == (0.0, (), False)
    assert (facts.has_kubelet_conf, facts.has_bootstrap_conf, facts.hns_endpoints) == (False, None, None)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (1, "Stopped"),
        (4, "Running"),
        ("4", "Running"),
        ("Paused", "Paused"),
        (9, ""),
        ("new", ""),
        (None, ""),
    ],
)
def test_state_is_read_as_number_or_name(status: object, state: str) -> None:
    (service,) = parse_services(json.dumps({"Name": "kubelet", "Status": status}), NOW)

    assert service.state == state


@pytest.mark.parametrize("said", ["", "Access is denied.", TEXT[:200], '{"labkit"', "[" * 5000], ids=range(5))
def test_no_answer_is_none(said: str) -> None:
    assert parse_look(said, NOW) is None


@given(st.dictionaries(st.sampled_from(list(LOOK)), JSON))
def test_no_answer_makes_it_raise(changes: dict[str, Any]) -> None:
    facts = parse_look(json.dumps({**LOOK, **changes, "labkit": 1}), NOW)

    assert facts is not None
    assert from_json(MachineFacts, json.loads(json.dumps(to_json(facts)))) == facts


@given(st.sets(st.sampled_from(sorted(set(LOOK) - {"labkit"}))))
def test_what_is_not_told_stays_unknown(gone: set[str]) -> None:
    facts = parse_look(json.dumps({key: value for key, value in LOOK.items() if key not in gone}), NOW)

    assert facts is not None
    told = {
        "pipe": facts.answers_containerd,
        "reboot": facts.is_reboot_pending,
        "services": facts.services,
        "features": facts.missing_features,
        "licence": facts.is_licensed,
        "now": facts.clock_skew_s,
        "cni_files": facts.cni_files,
        "networks": facts.hns_networks,
    }
    assert {key for key, value in told.items() if value is None} == gone & set(told)


@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(said: bytes) -> None:
    assert parse_look(said, NOW) is None


def test_look_parses_without_an_error() -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")

    tree = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(SCRIPT.read_bytes())

    assert not tree.root_node.has_error
    assert SCRIPT.read_bytes().isascii()


def test_command_refuses_what_is_no_endpoint() -> None:
    with pytest.raises(ValueError, match="no address"):
        look_command("1.2.3.4:1'; Stop-Computer; '")


def test_command_fits_the_shell_of_windows() -> None:
    assert len(look_command("192.168.56.10:6443")) < 8000
    assert '"' not in look_command("192.168.56.10:6443")
