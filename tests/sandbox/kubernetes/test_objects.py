"""What the host decides about objects without a server: names, refusals, differences."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes import objects
from sandbox.kubernetes.objects import Mutable
from sandbox.protocol import HostError, Properties

_MAP = "kubernetes:core/v1:ConfigMap"
_APP = "kubernetes:argoproj.io/v1alpha1:Application"


def _check(token: str, inputs: Properties, namespace: str = "") -> Properties:
    return objects.check(token, f"urn:pulumi:s::p::{token}::Thing", inputs, b"seed", namespace)


def test_a_name_is_made_up_from_the_seed() -> None:
    """Without a name the resource's own is used, with an ending that the same seed gives again."""
    first, second = _check(_MAP, {}), _check(_MAP, {})
    assert first == second
    assert first["metadata"]["name"].startswith("thing-")
    assert first | {"metadata": None} == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}


def test_the_providers_namespace_is_the_default() -> None:
    """Objects go to the provider's namespace unless they name their own."""
    assert _check(_MAP, {}, "team")["metadata"]["namespace"] == "team"
    assert _check(_MAP, {"metadata": {"namespace": "own"}}, "team")["metadata"]["namespace"] == "own"
    assert "namespace" not in _check("kubernetes:core/v1:Namespace", {}, "team")["metadata"]


@pytest.mark.parametrize(
    ("token", "inputs", "message"),
    [
        ("kubernetes:core/v1:ConfigMapPatch", {}, "not emulated"),
        ("kubernetes:helm.sh/v4:Chart", {}, "not emulated"),
        ("kubernetes:apps/v1:Deployment", {}, r"waiting for a Deployment is not emulated.*objects\.py"),
        (_MAP, {"metadata": {"annotations": {"pulumi.com/waitFor": "condition=Ready"}}}, "waiting"),
        (_MAP, {"metadata": {"generateName": "x-"}}, "generateName"),
        (_APP, {"apiVersion": "argoproj.io/v1", "kind": "Application"}, "do not belong"),
    ],
)
def test_what_is_not_emulated_is_refused(token: str, inputs: Properties, message: str) -> None:
    """A type or feature that the host does not have is an error that names where to add it."""
    with pytest.raises(HostError, match=message):
        _check(token, inputs)


def _diff(token: str, old: Properties, new: Properties, **mutable: Any) -> tuple[tuple[str, ...], bool]:
    result = objects.diff(token, old, new, Mutable(**mutable))
    return result.replace, result.delete_first


def test_spec_changes_update_in_place() -> None:
    """A change in spec, labels or annotations is an update."""
    old = {"metadata": {"name": "a"}, "spec": {"x": 1}}
    new = {"metadata": {"name": "a", "labels": {"l": "1"}}, "spec": {"x": 2}}
    assert objects.diff(_APP, old, new, Mutable()).changed == ("metadata", "spec")
    assert _diff(_APP, old, new) == ((), False)


def test_another_name_is_another_object() -> None:
    """A change of name or namespace replaces, and the new one may come first."""
    assert _diff(_APP, {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}) == (("metadata",), False)
    moved = {"metadata": {"name": "a", "namespace": "n"}}
    assert _diff(_APP, {"metadata": {"name": "a"}}, moved) == (("metadata",), False)


def test_data_of_config_maps_and_secrets_replaces_unless_mutable() -> None:
    """Changed data replaces, old one first as the name is the same; the provider's switches allow an update."""
    old, new = {"metadata": {"name": "a"}, "data": {"k": "1"}}, {"metadata": {"name": "a"}, "data": {"k": "2"}}
    assert _diff(_MAP, old, new) == (("data",), True)
    assert _diff(_MAP, old, new, config_map=True) == ((), False)
    assert _diff("kubernetes:core/v1:Secret", old, new, config_map=True) == (("data",), True)
    assert _diff("kubernetes:core/v1:Secret", old, new, secret=True) == ((), False)
