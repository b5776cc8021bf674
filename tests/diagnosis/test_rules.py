"""The kit's known failures against their own samples, and the loader against wrong files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.diagnosis.bench import bench_rules
from webapp.diagnosis.kit_file import RulesError
from webapp.diagnosis.rules import Rule, load_rules

FILE = Path(__file__).parents[2] / "environments" / "kit" / "failures.yaml"
RULES = load_rules(FILE.read_text())
RULE = """\
- id: full
  pattern: 'disk full'
  title: Full
  explanation: It is full.
  advice: Free some.
  retry: no
  samples: [disk full]
  near_misses: [disk fine]
"""


def ids_of(lines: list[str], **where: str) -> list[str]:
    return [finding.rule_id for finding in RULES.match_lines(0, lines, **where)]


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_rule_matches_each_of_its_samples(rule: Rule) -> None:
    missed = [sample for sample in rule.samples if rule.id not in ids_of([sample])]

    assert not missed


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_rule_leaves_its_near_misses_alone(rule: Rule) -> None:
    wrong = [line for line in rule.near_misses if rule.id in ids_of([line])]

    assert not wrong


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_rule_speaks_only_of_steps_and_roles_that_exist(rule: Rule) -> None:
    steps = (FILE.parent / "steps.yaml").read_text()
    known = {"up", "halt", "suspend", "resume", "reload", "destroy"}

    assert all(step in known or f"- name: {step}\n" in steps for step in rule.steps)
    assert set(rule.roles) <= {"control-plane", "windows", "linux"}


MISHAPS = {
    "token-expired": 'token id "abcdef" is invalid for this cluster or it has expired. Use "kubeadm"',
    "cni-not-ready": "NetworkReady=false reason:NetworkPluginNotReady message: cni plugin not initialized",
    "kubelet-unknown-flag": "Error: failed to parse kubelet flag: unknown flag: --pod-infra-container-image",
    "licence-expired": "The license period for this installation of Windows has expired.",
    "reboot-refused": "cannot be initiated because there are other users logged on to the computer.",
    "wrong-card": "winw1   Ready   <none>   5m   v1.36.1   10.0.2.15   <none>   Windows Server 2022",
    "host-disk-full": "write C:\\layer.tar: There is not enough space on the disk.",
    "checksum-wrong": "checksum wrong: https://dl.k8s.io/kubelet.exe has sha256 00, announced is 11.",
    "winrm-lost": "WinRM::WinRMHTTPTransportError: Bad HTTP response returned from server (500).",
    "clock-skew": "x509: certificate has expired or is not yet valid: current time 2026-11-22 is before",
}


@pytest.mark.parametrize(("rule_id", "line"), MISHAPS.items(), ids=MISHAPS)
def test_each_mishap_is_recognised(rule_id: str, line: str) -> None:
    assert rule_id in ids_of([line])


def test_a_finding_names_line_and_place_when_the_block_begins_late() -> None:
    found = RULES.match_lines(500, ["", "é no space left on device", "fine"])

    assert [(f.rule_id, f.line, f.start, f.end) for f in found] == [("host-disk-full", 501, 3, 26)]


def test_several_rules_come_in_the_lines_order() -> None:
    lines = ["unknown flag: --x", "fine", "toomanyrequests", "unknown flag: --y"]

    found = RULES.match_lines(0, lines)

    assert [f.line for f in found] == [0, 2, 3]


def test_no_rule_spans_two_lines() -> None:
    assert ids_of(["VM must be", "created before"]) == []
    assert ids_of(["x509: certificate is valid for 10.0.0.1,", " not 192.168.56.10"]) == []


def test_a_rule_counts_only_where_it_applies() -> None:
    line = "could not find a JWS signature in the cluster-info ConfigMap for token ID"

    assert ids_of([line], step="windows-join") == ["token-expired"]
    assert ids_of([line], step="linux-prepare") == []


def test_a_windows_rule_is_silent_on_linux() -> None:
    line = "HNS failed with error : Element not found."

    assert ids_of([line], role="windows") == ["hns-broken"]
    assert ids_of([line], role="control-plane") == []


BROKEN = {
    "bad pattern": (RULE.replace("disk full'", "disk (full'"), 1, "pattern"),
    "back reference": (RULE.replace("'disk full'", r"'(disk)\1'"), 1, "pattern"),
    "empty match": (RULE.replace("'disk full'", "'x*'"), 1, "empty line"),
    "unknown key": (RULE + "  advise: none\n", 9, "advise"),
    "too long for a finding": (RULE + f"  link: https://x/{'y' * 300}\n", 9, "more than 300 characters"),
    "wrong type": (RULE.replace("retry: no", "retry: maybe"), 6, "retry"),
    "no samples": (RULE.replace("[disk full]", "[]"), 1, "samples"),
    "no advice": (RULE.replace("  advice: Free some.\n", ""), 1, "advice"),
    "same id": (RULE + RULE, 9, "line 1"),
    "key twice": (RULE + "  retry: yes\n", 9, "twice"),
    "kind": (RULE + "  kind: maybe\n", 9, "kind"),
    "no list": ("id: x\n", 1, "list"),
    "no mapping": ("- x\n", 1, "mapping"),
    "no YAML": ("- id: [\n", 2, "YAML"),
}


@pytest.mark.parametrize(("text", "line", "word"), BROKEN.values(), ids=BROKEN)
def test_a_wrong_file_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(text, "failures.yaml")

    assert f"failures.yaml, line {line}: " in str(caught.value)
    assert word in str(caught.value)


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=200), max_size=20))
def test_any_lines_are_matched_as_they_are_one_by_one(lines: list[str]) -> None:
    together = RULES.match_lines(7, lines)

    alone = [finding for at, line in enumerate(lines, 7) for finding in RULES.match_lines(at, [line])]
    assert together == alone


def test_half_a_million_lines_a_second_are_matched() -> None:
    # The best of three, since other tests share the machine.
    best = max(bench_rules(RULES, line_count=100_000).lines_per_s for _ in range(3))

    assert best >= 500_000
