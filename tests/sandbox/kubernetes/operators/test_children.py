"""What operators do with objects that are not theirs, and with labels."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sandbox.kubernetes.api import Api, Manifest
from sandbox.kubernetes.children import Children, owner_reference, within
from sandbox.kubernetes.selectors import matches
from sandbox.protocol import HostError
from tests.sandbox.kubernetes.operators import MemoryApi


def _object(kind: str, name: str, **more: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}} | more


def test_children_are_made_changed_and_removed() -> None:
    """What is there as wanted is not written again; what is not wanted any more goes, if it was made for this owner."""
    api = MemoryApi([_object("Secret", "mine"), _object("Service", "foreign")])
    owner = api.see("Secret", "shop", "mine")
    children = Children(cast(Api, api), "operator")
    wanted = [_object("Service", name, spec={"a": 1}) for name in ("one", "two")]
    children.bring(owner, wanted, [("v1", "Service")])
    assert api.see("Service", "shop", "one")["metadata"]["ownerReferences"] == [owner_reference(owner)]
    writes = api.writes
    children.bring(owner, wanted, [("v1", "Service")])
    assert api.writes == writes
    children.bring(owner, [_object("Service", "one", spec={"a": 2})], [("v1", "Service")])
    assert api.see("Service", "shop", "one")["spec"] == {"a": 2}
    assert api.see("Service", "shop", "two") == {}
    assert api.see("Service", "shop", "foreign")


def test_a_child_of_another_controller_is_not_taken() -> None:
    """Two controllers that want one name would fight for it."""
    api = MemoryApi([_object("Secret", "mine"), _object("Secret", "theirs")])
    children = Children(cast(Api, api), "operator")
    children.bring(api.see("Secret", "shop", "theirs"), [_object("Service", "one")], ())
    with pytest.raises(HostError, match="Service one belongs to another controller"):
        children.bring(api.see("Secret", "shop", "mine"), [_object("Service", "one", spec={"a": 1})], ())


def test_an_event_is_told_once() -> None:
    """The same again is the same event; another message is another."""
    api = MemoryApi([_object("Secret", "mine")])
    children, about = Children(cast(Api, api), "operator"), api.see("Secret", "shop", "mine")
    for message in ("a", "a", "b"):
        children.tell(about, "Warning", "Failed", message)
    assert sorted(api.events("Failed")) == ["a", "b"]


@pytest.mark.parametrize(
    ("wanted", "live", "said"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": [1]}}, {"a": {"b": [1], "c": 3}}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": 1}, {}, False),
    ],
    ids=["more", "deep", "other", "longer list", "missing"],
)
def test_what_is_wanted_is_there_when_all_of_it_is(wanted: Any, live: Any, said: bool) -> None:
    """The server adds fields to maps, and items to lists only where somebody else wants them."""
    assert within(wanted, live) == said


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ({}, True),
        ({"matchLabels": {"tier": "api"}}, True),
        ({"matchLabels": {"tier": "web"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["api", "web"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["api"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
    ],
    ids=["empty", "label", "other label", "in", "not in", "not in without", "exists", "does not exist"],
)
def test_selectors(selector: dict[str, Any], said: bool) -> None:
    """As Kubernetes reads them."""
    assert matches(selector, {"tier": "api"}) == said
