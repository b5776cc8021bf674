"""Every .ps1 of the kit: parsed by a real PowerShell grammar and held to rules of our own.

None was run on Windows here; docs/tested.md says how to try them there.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

KIT = Path(__file__).parents[3] / "environments" / "kit"
SCRIPTS = sorted((KIT / "windows").rglob("*.ps1"))
STEPS = [
    path
    for path in SCRIPTS
    if path.name not in ("lib.ps1", "inject-lib.ps1", "run-step.ps1") and path.parent.name == "windows"
]
HEADER = (
    "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'",
    "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; "
    "Set-StrictMode -Version 2",
)
NATIVE = re.compile(r"^\s*(?:\$\w+ = )?(?:if \(\()?&\s*[\"'$]")
each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
each_step = pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)


def code_lines(path: Path) -> list[str]:
    """Return the lines without comments of their own."""
    return [line for line in path.read_text("ascii").splitlines() if not line.lstrip().startswith("#")]


def parser() -> Any:  # Any: tree-sitter is not there everywhere
    try:
        import tree_sitter
        import tree_sitter_powershell
    except ImportError:
        if "powershell" in os.environ.get("LAB_TEST_REQUIRE", "").replace(",", " ").split():
            raise
        pytest.skip("install tree-sitter and tree-sitter-powershell to parse the PowerShell scripts")
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def wrong_nodes(node: Any) -> Iterator[Any]:  # Any: a tree-sitter node
    if node.type == "ERROR" or node.is_missing:
        yield node
    for child in node.children:
        yield from wrong_nodes(child)


@each_script
def test_script_parses_without_an_error(path: Path) -> None:
    tree = parser().parse(path.read_bytes())

    assert [(n.start_point.row + 1, n.text[:60]) for n in wrong_nodes(tree.root_node)] == []


def test_the_script_inside_the_kube_proxy_manifest_parses() -> None:
    manifest = next(yaml.safe_load_all((KIT / "manifests" / "kube-proxy-windows.yaml").read_text()))
    script = manifest["data"]["start.ps1"]

    assert not parser().parse(script.encode("ascii")).root_node.has_error


def test_the_grammar_does_find_an_error() -> None:
    tree = parser().parse(b"if ($true) { Write-Host 'x'\n")

    assert tree.root_node.has_error


@each_script
def test_script_is_plain_ascii_with_unix_lines(path: Path) -> None:
    content = path.read_bytes()

    assert content.isascii() and b"\r" not in content and content.endswith(b"\n")


@each_script
def test_script_begins_strict(path: Path) -> None:
    lines = code_lines(path)

    assert all(line in lines[:10] for line in HEADER)


FORBIDDEN = {
    "alias curl or wget": r"(?i)(?<![\w\\./-])(curl|wget|iwr|irm)(?!\.exe|[\w.-]*\.txt)\s",
    "Invoke-WebRequest": r"(?i)Invoke-(WebRequest|RestMethod)",
    "Invoke-Expression": r"(?i)Invoke-Expression|\biex\b",
    "UTF-16 or BOM writers": r"(?i)Out-File|Set-Content|Add-Content|-Encoding\s+utf8|[^2>]>\s*[\"'$A-Z]",
    "a password in plain text": r"(?i)ConvertTo-SecureString.*-AsPlainText|password\s*=\s*['\"]",
    "native errors redirected": r"2>&1|2>\s*\$null",
    "a native program by bare name": r"(?i)(?:^|&)\s*(tar|curl|sc|netsh|dism|kubeadm|kubelet|ctr)(\.exe)?\s",
    "the session's PATH": r"(?i)\$env:Path\b",
    "the firewall off": r"(?i)Set-NetFirewallProfile.*False|advfirewall.*off",
    "Restart-Computer": r"(?i)Restart-Computer|shutdown\s+/r",
}


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
@each_script
def test_script_does_without(path: Path, pattern: str) -> None:
    found = [line for line in code_lines(path) if re.search(pattern, line)]

    assert found == []


BAD_LINES = {
    "alias curl or wget": "curl -o x https://example.org",
    "Invoke-WebRequest": "Invoke-WebRequest $url",
    "Invoke-Expression": "iex $text",
    "UTF-16 or BOM writers": "Get-Date | Out-File x",
    "a password in plain text": "$password = 'vagrant'",
    "native errors redirected": "& $program 2>&1",
    "a native program by bare name": "tar.exe -xf $file",
    "the session's PATH": "$env:Path += ';C:\\k'",
    "the firewall off": "Set-NetFirewallProfile -Enabled False",
    "Restart-Computer": "Restart-Computer -Force",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_each_rule_finds_its_bad_line(name: str) -> None:
    assert re.search(FORBIDDEN[name], BAD_LINES[name])


@each_script
def test_exit_code_is_checked_after_each_native_program(path: Path) -> None:
    lines = code_lines(path)
    native = [i for i, line in enumerate(lines) if NATIVE.search(line) and "$Condition" not in line]

    unchecked = [lines[i] for i in native if "$LASTEXITCODE" not in "".join(lines[i : i + 4])]
    assert unchecked == []


@each_step
def test_step_takes_lab_json_and_a_name_and_leaves_its_state(path: Path) -> None:
    text = path.read_text()

    assert "[string]$LabJson" in text and "[string]$Machine" in text
    assert f"Save-State 'windows-{path.stem}'" in text
    assert text.rstrip().endswith("exit 0")


@each_step
def test_step_proves_its_own_effect(path: Path) -> None:
    assert re.search(r"(?m)throw |Wait-Until ", path.read_text())


def test_every_windows_step_has_its_script_and_every_script_its_step() -> None:
    named = set(re.findall(r"script: (windows/[\w-]+\.ps1)", (KIT / "steps.yaml").read_text()))

    assert named == {f"windows/{path.name}" for path in STEPS}


@each_script
def test_paths_are_absolute(path: Path) -> None:
    relative = [line for line in code_lines(path) if re.search(r"['\"]\.{1,2}[\\/]\w", line)]

    assert relative == []


def test_the_token_is_never_an_argument() -> None:
    text = (KIT / "windows" / "join.ps1").read_text()

    assert "--token" not in text and "--config" in text
    assert text.index("Remove-Item -Force -LiteralPath $tokenFile") < text.index("'join', '--config'")
    assert re.search(r"finally \{\s+if \(Test-Path -LiteralPath \$configFile\)", text)


def test_waits_say_something_at_least_every_half_minute() -> None:
    lib = (KIT / "windows" / "lib.ps1").read_text()

    assert int(re.search(r"TotalSeconds -ge (\d+)", lib)[1]) <= 30  # type: ignore[index]
    assert int(re.search(r"WaitForExit\((\d+)\)", lib)[1]) <= 30_000  # type: ignore[index]
