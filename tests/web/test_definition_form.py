"""The form's fields ↔ LabSpec ↔ YAML, and which side of the editor counts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.catalog import library
from webapp.catalog.problems import DefinitionError
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import parse
from webapp.web.definition_draft import (
    BOTH_CHANGED,
    changed_rows,
    draft_of_form,
    draft_of_post,
    draft_of_text,
)
from webapp.web.definition_fields import (
    data_from,
    data_of,
    field_names,
    settled,
    text_of,
    with_machine,
    without_machine,
)
from webapp.web.definition_form import form_view

ROOT = Path(__file__).resolve().parents[2] / "environments"


@pytest.mark.parametrize("preset", library.presets(ROOT), ids=lambda preset: preset.name)
def test_form_means_the_same_as_the_text(preset: library.Preset) -> None:
    spec = parse(preset.text)

    assert parse(text_of(data_of(spec))) == spec


def test_form_keeps_a_providers_options() -> None:
    spec = parse(
        "provider: {name: libvirt, driver: qemu, nested: true}\nrehearsal: {speed: 5, mishaps: [hang]}\n"
    )

    assert parse(text_of(data_of(spec))) == spec


def test_form_shows_each_problem_at_its_field() -> None:
    data = {**data_of(LabSpec()), "machines[1].cpus": "many", "network.pod_cidr": "10.96.0.0/16"}

    view = form_view(data, draft_of_form(data).problems)

    wrong = {field.name for field in view.everything if field.problems}
    assert wrong == {"machines[1].cpus", "network.service_cidr"}


def test_form_shows_a_wrong_choice_instead_of_losing_it() -> None:
    view = form_view({**data_of(LabSpec()), "cni.name": "flannel"})

    field = next(field for field in view.everything if field.name == "cni.name")
    assert ("flannel", "flannel (not allowed)") in field.choices


@given(
    st.dictionaries(
        st.sampled_from(sorted({*field_names("libvirt"), "machines[0].name"})), st.text(max_size=20)
    )
)
def test_form_text_is_refused_or_read_whatever_is_typed(data: dict[str, str]) -> None:
    try:
        assert isinstance(parse(text_of(data)), LabSpec)
    except DefinitionError as error:
        assert error.problems


def test_settled_follows_the_cni_with_its_version() -> None:
    data = settled({**data_of(LabSpec()), "cni.name": "antrea"})

    assert data["cni.version"] == "2.7.0"


def test_with_machine_takes_the_next_free_name() -> None:
    data = with_machine(with_machine(data_of(LabSpec()), "windows"), "linux")

    assert [data[f"machines[{n}].name"] for n in range(4)] == ["controlplane", "winw1", "winw2", "linw1"]


def test_without_machine_moves_the_others_up() -> None:
    data = without_machine(with_machine(data_of(LabSpec()), "windows"), 1)

    assert data["machines[1].name"] == "winw2" and "machines[2].name" not in data


def test_data_from_takes_only_the_forms_own_fields() -> None:
    posted = {
        "csrfmiddlewaretoken": "x",
        "cni.name": "calico",
        "machines[0].evil": "1",
        "machines[0].cpus": "2",
    }

    assert data_from(posted) == {"cni.name": "calico", "machines[0].cpus": "2"}


SHOWN = "# mine\ncni: calico # why\n"


def post(**changes: str) -> dict[str, str]:
    return {**draft_of_text(SHOWN).data, "text": SHOWN, "shown": SHOWN, **changes}


def test_draft_keeps_comments_when_nothing_was_changed() -> None:
    assert draft_of_post(post()).text == SHOWN


def test_draft_follows_the_form_when_a_field_was_changed() -> None:
    draft = draft_of_post(post(**{"kubernetes.version": "1.35"}))

    assert draft.is_valid and 'version: "1.35"' in draft.text


def test_draft_follows_the_text_when_that_was_changed() -> None:
    draft = draft_of_post(post(text="cni: none # other\r\n"))

    assert (draft.text, draft.data["cni.name"]) == ("cni: none # other\n", "none")


def test_draft_keeps_the_form_while_the_text_is_wrong() -> None:
    draft = draft_of_post(post(text="cni: [\n", **{"kubernetes.version": "1.35"}))

    assert not draft.is_valid
    assert (draft.text, draft.data["kubernetes.version"]) == ("cni: [\n", "1.35")


def test_draft_refuses_to_lose_one_side_when_both_were_changed() -> None:
    draft = draft_of_post(post(text="cni: none\n", **{"kubernetes.version": "1.35"}))

    assert [problem.what for problem in draft.problems] == [BOTH_CHANGED]


def test_draft_keeps_what_was_typed_wrong() -> None:
    draft = draft_of_post(post(**{"kubernetes.version": "new"}))

    assert draft.problems[0].key == "kubernetes.version"
    assert draft.data["kubernetes.version"] == "new" and '"new"' in draft.text


@pytest.mark.parametrize(
    ("button", "count"),
    [
        ({"add": "windows"}, 3),
        ({"add": "linux"}, 3),
        ({"remove": "1"}, 1),
        ({"remove": "7"}, 2),
        ({"remove": "0001" + "9" * 5000}, 2),
        ({"add": "mac"}, 2),
    ],
)
def test_changed_rows_does_what_the_button_says(button: dict[str, str], count: int) -> None:
    draft = changed_rows(draft_of_post(post()), button)

    assert draft.parsed is not None and len(draft.parsed.spec.machines) == count
