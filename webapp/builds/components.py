"""Components that users add: any Go program, shared with the team."""

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.builds.actions import check_source
from webapp.builds.errors import RequestError
from webapp.builds.models import UserComponent
from webapp.builds.queries import all_components
from webapp.catalog.components import Component, ComponentError, check_component


def add_component(component: Component, by: User) -> UserComponent:
    """Share a Go program with the team; RequestError says what is wrong with it."""
    try:
        check_component(component)
    except ComponentError as error:
        raise RequestError(str(error)) from error
    check_source(component.repository)
    taken = RequestError(f"There is a component {component.name} already.")
    if component.name in all_components():
        raise taken
    given = {"component": component.to_json(), "added_by": by}
    row, is_new = UserComponent.objects.get_or_create(name=component.name, defaults=given)
    if not is_new:  # by somebody else, at the same moment
        raise taken
    audit.record(by, "added component", component.name)
    return row


def remove_component(row: UserComponent, by: User) -> None:
    """Take a component off the list; its builds keep their own copy of the recipe."""
    audit.record(by, "removed component", row.name)
    row.delete()
