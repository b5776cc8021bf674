"""Presets, the kit's steps, its digest and its copies."""

import os
from pathlib import Path

import pytest

from webapp.catalog import library
from webapp.catalog.kit_steps import KitError, parse_steps
from webapp.catalog.variables import read

STEP = "- {name: a, on: windows, title: A, script: a.ps1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    kit = tmp_path / "kit"
    (kit / "linux").mkdir(parents=True)
    (kit / "steps.yaml").write_text(STEP + "}\n")
    (kit / "linux" / "prepare.sh").write_text("true\n")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "antrea",
        "calico",
        "from-source",
        "hostprocess",
        "machines-only",
        "swdt-head",
        "talk-2021",
        "two-windows",
    ],
)
def test_preset_parses_and_says_what_it_is(environments: Path, name: str) -> None:
    preset = library.preset(environments, name)

    assert preset is not None and preset.title and preset.description
    assert read(preset.text).spec.machines


def test_presets_are_exactly_the_files(environments: Path) -> None:
    assert len(library.presets(environments)) == len(list((environments / "presets").iterdir()))


def test_preset_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "presets" / "a.yaml"
    file.parent.mkdir()
    file.write_text("# One\ncni: none\n")
    before = library.preset(tmp_path, "a")
    file.write_text("# Another\ncni: none\n")

    after = library.preset(tmp_path, "a")

    assert before is not None and after is not None
    assert [before.title, after.title] == ["One", "Another"]


def test_kit_steps_of_the_real_kit_name_scripts(environments: Path) -> None:
    steps = library.kit_steps(environments)

    assert {"linux-prepare", "windows-join", "smoke"} <= {step.name for step in steps}


def test_kit_steps_fails_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"no steps\.yaml"):
        library.kit_steps(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("a: 1", "must be a list"),
        ("- 1", "step 1 must be a mapping"),
        ("- {name: a}", "lacks on, title, script"),
        (STEP + ", need: []}", "Did you mean needs"),
        (STEP + ", needs: b}", "needs must be a list"),
        (STEP + ", needs: [b]}", "needs 'b', which is no step"),
        (STEP + ", attempts: 0}", "attempts must be a whole number above 0"),
        (STEP + ", attempts: true}", "attempts must be a whole number above 0"),
        (STEP + ", may_reboot: 1}", "may_reboot must be true or false"),
        (STEP + ", scope: lab}", "scope is 'lab'"),
        (STEP + ", when: {moon: full}}", "when knows cni and os"),
        (STEP.replace("windows", "mac") + "}", "on is 'mac'"),
        (f"{STEP}}}\n{STEP}}}", "has a twice"),
    ],
)
def test_parse_steps_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(KitError, match=message):
        parse_steps(text)


def test_kit_digest_changes_when_content_or_name_changes(root: Path) -> None:
    script = root / "kit" / "linux" / "prepare.sh"
    digests = [library.kit_digest(root)]
    script.write_text("false\n")
    digests.append(library.kit_digest(root))
    script.rename(script.with_name("other.sh"))
    digests.append(library.kit_digest(root))

    assert len(set(digests)) == 3


def test_kit_digest_of_a_copy_is_the_kits_when_the_lab_adds_files(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lab"
    library.copy_kit(root, copy)
    (copy / "lab.json").write_text("{}")
    (copy / ".vagrant").mkdir()

    assert library.kit_digest(copy, kit="") == library.kit_digest(root)


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_text("exit 1\n")], ids=["gone", "changed"]
)
def test_kit_digest_of_a_copy_differs_when_it_is_damaged(root: Path, tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    library.copy_kit(root, tmp_path / "lab")
    damage(tmp_path / "lab" / "linux" / "prepare.sh")

    assert library.kit_digest(tmp_path / "lab", kit="") != library.kit_digest(root)


def test_copy_kit_keeps_the_right_to_run(root: Path, tmp_path: Path) -> None:
    (root / "kit" / "linux" / "prepare.sh").chmod(0o755)

    library.copy_kit(root, tmp_path / "lab")

    assert os.access(tmp_path / "lab" / "linux" / "prepare.sh", os.X_OK)
