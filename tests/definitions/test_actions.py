"""Making, revising, archiving and comparing definitions."""

import pytest

from webapp.accounts.models import AuditEntry, User
from webapp.catalog.variables import DefinitionError, parse
from webapp.definitions.actions import (
    NameNotPossibleError,
    add_revision,
    archive_definition,
    compare,
    create_definition,
    restore_definition,
)
from webapp.definitions.models import Definition, Revision
from webapp.definitions.queries import find_definitions, listed

pytestmark = pytest.mark.django_db
TEXT = "cni: calico\n"


@pytest.fixture
def definition(owner: User) -> Definition:
    return create_definition(name="Calico", text=TEXT, by=owner)


def test_create_definition_stores_text_and_spec(definition: Definition) -> None:
    revision = definition.revisions.get()

    assert (definition.slug, revision.number, revision.text) == ("calico", 1, TEXT)
    assert revision.spec["cni"]["name"] == "calico"
    assert AuditEntry.objects.get().action == "created definition"


def test_create_definition_stores_nothing_when_the_text_is_wrong(owner: User) -> None:
    with pytest.raises(DefinitionError):
        create_definition(name="Bad", text="cni: flannel\n", by=owner)

    assert not Definition.objects.exists()


@pytest.mark.parametrize(
    ("names", "slug"),
    [(["Calico"], "calico-2"), (["New"], "new-2"), (["Ünïcode 1"], "unicode-1"), (["x" * 80], "x" * 70)],
    ids=["taken", "reserved", "accents", "long"],
)
def test_create_definition_finds_a_free_address(definition: Definition, names: list[str], slug: str) -> None:
    assert [create_definition(name=name, text=TEXT, by=definition.owner).slug for name in names] == [slug]


def test_create_definition_refuses_a_name_without_letters(owner: User) -> None:
    with pytest.raises(NameNotPossibleError, match="at least one letter"):
        create_definition(name="!!!", text=TEXT, by=owner)


def test_add_revision_counts_on(definition: Definition, owner: User) -> None:
    revision, is_new = add_revision(definition, text="cni: antrea\n", by=owner, comment=" other CNI ")

    assert (revision.number, is_new, revision.comment) == (2, True, "other CNI")


@pytest.mark.parametrize(
    "text", [TEXT, "cni: calico", "cni: calico\r\n\r\n"], ids=["same", "no end", "browser"]
)
def test_add_revision_stores_nothing_when_the_text_is_identical(
    definition: Definition, owner: User, text: str
) -> None:
    revision, is_new = add_revision(definition, text=text, by=owner)

    assert (revision.number, is_new) == (1, False)
    assert definition.revisions.count() == 1


def test_add_revision_stores_nothing_when_the_text_is_wrong(definition: Definition, owner: User) -> None:
    with pytest.raises(DefinitionError):
        add_revision(definition, text="cni: [\n", by=owner)

    assert definition.revisions.count() == 1


def test_archive_and_restore_change_once(definition: Definition, owner: User) -> None:
    assert [archive_definition(definition, owner), archive_definition(definition, owner)] == [True, False]
    assert not find_definitions().exists()
    assert [restore_definition(definition, owner), restore_definition(definition, owner)] == [True, False]
    assert find_definitions().get() == definition


def test_listed_takes_two_queries_whatever_the_number(
    owner: User,
    django_assert_num_queries,  # type: ignore[no-untyped-def]  # pytest-django's own
) -> None:
    for number in range(5):
        add_revision(create_definition(name=f"D{number}", text=TEXT, by=owner), text="cni: none\n", by=owner)

    with django_assert_num_queries(2):
        rows = listed(find_definitions())

    assert [(row.definition.name, row.revision.number) for row in rows] == [(f"D{n}", 2) for n in range(5)]


def revision_of(text: str) -> Revision:
    return Revision(text=text, spec=parse(text).to_json())


def test_compare_lists_settings_and_lines() -> None:
    comparison = compare(revision_of("cni: calico\n"), revision_of("# mine\ncni: antrea\n"))

    assert [(item.key, item.before, item.after) for item in comparison.settings] == [
        ("cni.name", "calico", "antrea"),
        ("cni.version", "3.32.1", "2.7.0"),
    ]
    assert [(line.kind, line.text) for line in comparison.lines][1:] == [
        ("del", "cni: calico"),
        ("add", "# mine"),
        ("add", "cni: antrea"),
    ]


def test_compare_finds_no_setting_when_only_a_comment_changed() -> None:
    comparison = compare(revision_of("cni: none\n"), revision_of("cni: none # why\n"))

    assert comparison.settings == () and comparison.lines


def test_compare_names_machines_and_binaries() -> None:
    before = revision_of("vm: {windows: {count: 1}}\n")
    after = revision_of("vm: {windows: {count: 2}}\noverrides: {windows: {kubelet: {source: build}}}\n")

    keys = {item.key for item in compare(before, after).settings}

    assert {"machines.winw2.cpus", "overrides.windows.kubelet.source"} <= keys
    assert not any(key.startswith("machines.winw1") for key in keys)


def test_compare_is_empty_for_a_revision_with_itself() -> None:
    revision = revision_of(TEXT)

    assert (compare(revision, revision).settings, compare(revision, revision).lines) == ((), ())
