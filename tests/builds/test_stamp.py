"""Version stamps after the rules of hack/lib/version.sh, and what identifies a build."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from webapp.builds.errors import RequestError
from webapp.builds.recipe import Recipe, build_key, make_recipe
from webapp.builds.stamp import ldflags, stamp_values, version_of, wanted_in_binary
from webapp.catalog import library
from webapp.catalog.components import Component, ComponentError, check_component

SHA = "1234567890abcdef1234567890abcdef12345678"
KIT = library.components(Path(settings.ENVIRONMENTS_DIR))
KUBELET, PROXY = KIT.components[0], KIT.components[1]
OTHER = Component("shim", "", "https://github.com/a/b", ("./cmd/shim",), (("main.version", "{version}"),))


@pytest.mark.parametrize(
    ("described", "text", "minor"),
    [
        ("v1.36.1", "v1.36.1", "36"),
        ("v1.21.2-rc.0", "v1.21.2-rc.0", "21+"),
        ("v1.37.0-alpha.1-15-g1234567890abcd", "v1.37.0-alpha.1.15+1234567890abcd", "37+"),
        ("v1.20.2-3-g1234567890abcd", "v1.20.2-3+1234567890abcd", "20+"),
        ("", f"v0.0.0-master+{SHA}", "0+"),
        (f"v1.36.1-{'x' * 180}", f"v0.0.0-master+{SHA}", "0+"),
    ],
)
def test_version_follows_upstreams_rules(described: str, text: str, minor: str) -> None:
    version = version_of(described, SHA, 1_700_000_000)

    assert (version.text, version.minor, version.date) == (text, minor, "2023-11-14T22:13:20Z")


def test_ldflags_stamp_both_packages_below_the_prefix() -> None:
    flags = ldflags(stamp_values(KUBELET, version_of("v1.2.3", SHA, 0)), "k8s.io/kubernetes/vendor/")

    assert "-X=k8s.io/kubernetes/vendor/k8s.io/component-base/version.gitVersion=v1.2.3" in flags
    assert flags.count(SHA) == 2 and flags.startswith("-s -w ")


def test_own_stamp_fills_marks_and_is_looked_for() -> None:
    version = version_of("v1.2.3", SHA, 0)

    assert stamp_values(OTHER, version) == (("main.version", "v1.2.3"),)
    assert wanted_in_binary(OTHER, version) == ("v1.2.3",)
    assert "-X=main.version=v1.2.3" in ldflags(stamp_values(OTHER, version), "k8s.io/x/vendor/")


def test_key_is_the_same_whatever_the_order() -> None:
    one = make_recipe([KUBELET, PROXY], ["windows/amd64", "linux/amd64"])
    two = make_recipe([PROXY, KUBELET], ["linux/amd64", "windows/amd64"])

    assert build_key("u", SHA, one) == build_key("u", SHA, two)
    assert Recipe.from_json(one.to_json()) == one


def test_key_differs_by_each_part() -> None:
    recipe = make_recipe([KUBELET], ["windows/amd64"])
    keys = {
        build_key("u", SHA, recipe),
        build_key("v", SHA, recipe),
        build_key("u", "f" * 40, recipe),
        build_key("u", SHA, replace(recipe, go="1.25.0")),
        build_key("u", SHA, make_recipe([PROXY], ["windows/amd64"])),
    }

    assert len(keys) == 5


@pytest.mark.parametrize(
    ("components", "targets"), [([], ["linux/amd64"]), ([KUBELET], []), ([KUBELET], ["plan9/arm"])]
)
def test_recipe_is_refused_without_parts(components: list[Component], targets: list[str]) -> None:
    with pytest.raises(RequestError):
        make_recipe(components, targets)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "-x"},
        {"packages": ()},
        {"packages": ("../etc",)},
        {"packages": ("./a/../b",)},
        {"packages": ("-toolexec=sh",)},
        {"packages": ("./cmd/x y",)},
        {"stamp": (("main.version -extld=sh", "x"),)},
        {"stamp": (("main.version", "a b"),)},
        {"stamp": (("main.version", "{evil}"),)},
        {"targets": ("windows/386",)},
    ],
    ids=str,
)
def test_component_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ComponentError):
        check_component(replace(OTHER, **change))


def test_kits_components_have_a_place_on_every_target() -> None:
    for component in KIT.components:
        assert {target.partition("/")[0] for target in component.targets} == set(component.places)
        assert Component.from_json(component.to_json()) == component
