"""The definitions pages: what they show, store, refuse, and to whom."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import parse
from webapp.definitions.actions import add_revision, archive_definition, create_definition
from webapp.definitions.models import Definition
from webapp.web.definition_draft import draft_of_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
TEXT = "# mine\ncni: calico\n"


@pytest.fixture
def definition(owner: User) -> Definition:
    return create_definition(name="Calico", text=TEXT, by=owner)


@pytest.fixture
def client_of_owner(owner: User, sign_in: SignIn) -> Client:
    return sign_in(owner)


def editor(text: str = TEXT, **changes: str) -> dict[str, str]:
    """What the editor sends when it showed TEXT."""
    return {"name": "Calico", **draft_of_text(TEXT).data, "text": text, "shown": TEXT, **changes}


PAGES = [
    ("definitions", []),
    ("definition-new", []),
    ("definition", ["calico"]),
    ("definition-edit", ["calico"]),
    ("definition-compare", ["calico"]),
    ("definition-export", ["calico", "ours"]),
]
POSTS = [("definition-import", []), ("definition-check", []), ("definition-archive", ["calico"])]


@pytest.mark.parametrize(("name", "args"), PAGES, ids=[name for name, _ in PAGES])
def test_page_answers_its_owner(
    definition: Definition, client_of_owner: Client, name: str, args: list[str]
) -> None:
    assert client_of_owner.get(reverse(name, args=args)).status_code == 200


@pytest.mark.parametrize(("name", "args"), PAGES, ids=[name for name, _ in PAGES])
def test_page_asks_the_anonymous_to_sign_in(
    definition: Definition, client: Client, name: str, args: list[str]
) -> None:
    response = client.get(reverse(name, args=args))

    assert response.status_code == 302 and reverse("sign-in") in response["Location"]


@pytest.mark.parametrize(("name", "args"), POSTS, ids=[name for name, _ in POSTS])
def test_action_refuses_get(
    definition: Definition, client_of_owner: Client, name: str, args: list[str]
) -> None:
    assert client_of_owner.get(reverse(name, args=args)).status_code == 405


@pytest.mark.parametrize(
    ("name", "args", "method"),
    [
        ("definition-new", [], "get"),
        ("definition-new", [], "post"),
        ("definition-import", [], "post"),
        ("definition-edit", ["calico"], "post"),
        ("definition-archive", ["calico"], "post"),
    ],
)
def test_change_is_refused_to_a_viewer(  # type: ignore[no-untyped-def]
    definition: Definition, stranger: User, sign_in: SignIn, name, args, method
) -> None:
    response = getattr(sign_in(stranger), method)(reverse(name, args=args), editor())

    assert response.status_code == 403
    assert Definition.objects.get().revisions.count() == 1


def test_edit_is_refused_to_another_member_and_open_to_an_administrator(
    definition: Definition, member: User, administrator: User, sign_in: SignIn
) -> None:
    address = reverse("definition-edit", args=["calico"])

    assert [sign_in(person).get(address).status_code for person in (member, administrator)] == [403, 200]


def test_list_teaches_the_first_step_when_it_is_empty(client_of_owner: Client) -> None:
    assert b"Make the first one" in client_of_owner.get(reverse("definitions")).content


def test_list_hides_what_is_archived(definition: Definition, owner: User, client_of_owner: Client) -> None:
    archive_definition(definition, owner)

    assert b"Calico" not in client_of_owner.get(reverse("definitions")).content
    assert b"Calico" in client_of_owner.get(reverse("definitions"), {"archived": "1"}).content


@pytest.mark.parametrize("preset", ["calico", "talk-2021", ""])
def test_new_opens_the_editor_on_a_preset(client_of_owner: Client, preset: str) -> None:
    response = client_of_owner.get(reverse("definition-new"), {"preset": preset})

    assert response.status_code == 200 and response.context["draft"].is_valid


def test_new_knows_no_other_preset(client_of_owner: Client) -> None:
    assert client_of_owner.get(reverse("definition-new"), {"preset": "../kit/steps"}).status_code == 404


def test_new_stores_the_text_with_its_comments(client_of_owner: Client, owner: User) -> None:
    response = client_of_owner.post(reverse("definition-new"), editor(name="My lab"))

    stored = Definition.objects.get()
    assert response["Location"] == reverse("definition", args=["my-lab"])
    assert (stored.owner, stored.revisions.get().text) == (owner, TEXT)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"text": "cni: flannel\n"}, "Allowed: calico, antrea, none."),
        ({"kubernetes.version": "newest"}, "&quot;newest&quot; is not allowed."),
        ({"name": ""}, "This field is required."),
        ({"name": "???"}, "at least one letter or digit"),
    ],
    ids=["text", "field", "no name", "odd name"],
)
def test_new_keeps_everything_typed_when_something_is_wrong(
    client_of_owner: Client, changes: dict[str, str], told: str
) -> None:
    response = client_of_owner.post(reverse("definition-new"), editor(description="my words", **changes))

    page = response.content.decode()
    assert response.status_code == 422 and not Definition.objects.exists()
    assert told in page and "my words" in page
    assert all(value in page for key, value in changes.items() if key != "name")


def test_new_adds_a_machine_without_javascript(client_of_owner: Client) -> None:
    response = client_of_owner.post(reverse("definition-new"), editor(add="windows"))

    assert response.status_code == 200 and not Definition.objects.exists()
    assert 'value="winw2"' in response.content.decode()


def test_edit_adds_a_revision(definition: Definition, client_of_owner: Client) -> None:
    client_of_owner.post(reverse("definition-edit", args=["calico"]), editor("cni: none\n", comment="less"))

    newest = definition.revisions.order_by("-number")[0]
    assert (newest.number, newest.text, newest.comment) == (2, "cni: none\n", "less")


@pytest.mark.parametrize(("seen", "is_told"), [("1", True), ("2", False)])
def test_edit_tells_who_was_overtaken_by_somebody_else(
    seen: str, is_told: bool, definition: Definition, owner: User, client_of_owner: Client
) -> None:
    add_revision(definition, text="cni: antrea\n", by=owner)

    sent = editor(text=TEXT + "scope: machines\n", seen=seen)
    answer = client_of_owner.post(reverse("definition-edit", args=[definition.slug]), sent, follow=True)

    assert ("while you edited" in answer.content.decode()) is is_told
    assert definition.revisions.count() == 3


def test_edit_adds_no_revision_when_nothing_was_changed(
    definition: Definition, client_of_owner: Client
) -> None:
    response = client_of_owner.post(reverse("definition-edit", args=["calico"]), editor(), follow=True)

    assert "Nothing was changed" in response.content.decode()
    assert definition.revisions.count() == 1


def test_edit_writes_the_forms_change_into_the_text(definition: Definition, client_of_owner: Client) -> None:
    client_of_owner.post(reverse("definition-edit", args=["calico"]), editor(**{"machines[1].cpus": "8"}))

    assert parse(definition.revisions.order_by("-number")[0].text).machines[1].cpus == 8


def check(client: Client, **changes: str):  # type: ignore[no-untyped-def]  # the client's response
    return client.post(reverse("definition-check"), editor(**changes), headers={"HX-Request": "true"})


def test_check_sends_the_text_when_the_form_was_changed(client_of_owner: Client) -> None:
    response = check(client_of_owner, edited="form", **{"kubernetes.version": "1.35.2"})

    page = response.content.decode()
    assert response.status_code == 200
    assert 'id="definition-yaml" hx-swap-oob' in page and "1.35.2" in page
    assert 'id="definition-form"' not in page


def test_check_sends_the_form_when_the_text_was_changed(client_of_owner: Client) -> None:
    page = check(client_of_owner, edited="yaml", text="cni: antrea\n").content.decode()

    assert 'id="definition-form" hx-swap-oob' in page and 'id="definition-yaml"' not in page
    assert '<option value="antrea" selected>' in page


def test_check_brings_the_new_cnis_version_into_the_form(client_of_owner: Client) -> None:
    page = check(client_of_owner, edited="rows", **{"cni.name": "antrea"}).content.decode()

    assert 'name="cni.version" value="2.7.0"' in page


def test_check_takes_the_forms_change_while_the_text_is_wrong(client_of_owner: Client) -> None:
    response = check(client_of_owner, edited="form", text="cni: [\n", **{"kubernetes.version": "1.35.2"})

    assert response.status_code == 200 and "1.35.2" in response.context["draft"].text


def test_check_tells_the_page_which_text_the_form_shows_now(client_of_owner: Client) -> None:
    page = check(client_of_owner, edited="yaml", text="cni: none\n").content.decode()

    assert 'name="shown" hidden hx-swap-oob="true">\ncni: none' in page


def test_check_tells_a_field_what_is_wrong(client_of_owner: Client) -> None:
    response = check(client_of_owner, edited="form", **{"machines[0].cpus": "1"})

    page = response.content.decode()
    assert response.status_code == 422
    assert '<div id="f-machines-0-cpus-told" hx-swap-oob="true"><p class="field-error">1 is too few' in page


def test_check_leaves_the_form_alone_while_the_text_is_wrong(client_of_owner: Client) -> None:
    page = check(client_of_owner, edited="yaml", text="cni: [\n").content.decode()

    assert 'id="definition-form"' not in page and "This is not YAML" in page


def test_check_stores_nothing(definition: Definition, client_of_owner: Client) -> None:
    check(client_of_owner, edited="yaml", text="cni: none\n")

    assert definition.revisions.count() == 1


def test_definition_shows_an_older_revision(
    definition: Definition, owner: User, client_of_owner: Client
) -> None:
    add_revision(definition, text="cni: none\n", by=owner)

    page = client_of_owner.get(reverse("definition", args=["calico"]), {"revision": "1"}).content.decode()

    assert "The newest is 2." in page and "# mine" in page


@pytest.mark.parametrize("number", ["9", "x", "-1"])
def test_definition_knows_no_other_revision(
    definition: Definition, client_of_owner: Client, number: str
) -> None:
    assert (
        client_of_owner.get(reverse("definition", args=["calico"]), {"revision": number}).status_code == 404
    )


@pytest.mark.parametrize("generation", ["ours", "2022", "2021"])
def test_export_reads_back(definition: Definition, client_of_owner: Client, generation: str) -> None:
    response = client_of_owner.get(reverse("definition-export", args=["calico", generation]))

    assert parse(response.content) == LabSpec()
    assert response["Content-Disposition"] == f'attachment; filename="calico-r1-{generation}.yaml"'


def test_export_gives_the_authors_own_text(definition: Definition, client_of_owner: Client) -> None:
    assert client_of_owner.get(reverse("definition-export", args=["calico", "text"])).content.decode() == TEXT


def test_compare_shows_settings_and_text(
    definition: Definition, owner: User, client_of_owner: Client
) -> None:
    add_revision(definition, text="cni: none\n", by=owner)

    page = client_of_owner.get(reverse("definition-compare", args=["calico"])).content.decode()

    assert "cni.name" in page and 'class="diff-del">cni: calico' in page


def test_archive_twice_and_restore(definition: Definition, client_of_owner: Client) -> None:
    address = reverse("definition-archive", args=["calico"])
    for _ in range(2):
        client_of_owner.post(address)
    definition.refresh_from_db()
    archived = definition.archived_at

    client_of_owner.post(address, {"restore": "1"})

    definition.refresh_from_db()
    assert archived is not None and definition.archived_at is None


@pytest.mark.parametrize("address", ["/definitions/", "/definitions/calico/"])
def test_page_takes_a_fixed_number_of_queries(  # type: ignore[no-untyped-def]
    definition: Definition, owner: User, client_of_owner: Client, django_assert_num_queries, address: str
) -> None:
    for number in range(4):
        add_revision(definition, text=f"# {number}\n{TEXT}", by=owner)
        create_definition(name=f"D{number}", text=TEXT, by=owner)

    with django_assert_num_queries(4):
        client_of_owner.get(address)
