"""The modelled course of `up` and of destroy: the table's seconds on a stack's graph, and the reasons on the way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from sandbox.durations.model import Model
from sandbox.durations.stack import Stack
from sandbox.durations.table import DurationsError, Table
from sandbox.durations.telling import Durations

STACK = "pulumi:pulumi:Stack"
RELEASE = "kubernetes:helm.sh/v3:Release"
TABLE = Table(
    {
        "rows": [
            {
                "types": ["aws:kms/key:Key"],
                "create": {"model": 20, "min": 10, "max": 30},
                "delete": 1,
                "evidence": "V(9)",
            },
            {"types": ["aws:eks/cluster:Cluster"], "create": 500, "delete": 100, "evidence": "V(12)"},
            {"types": ["aws:eks/nodeGroup:NodeGroup"], "create": 115, "delete": 380, "evidence": "V(14)"},
            {"types": ["aws:sqs/queue:Queue"], "create": 25, "delete": 60, "evidence": "V(4)"},
            {"types": [RELEASE], "create": 72, "delete": 15, "evidence": "S"},
            {"types": ["pulumi:*"], "create": 0, "delete": 0, "evidence": "I", "note": "the engine's"},
        ],
        "ready": [
            {
                "needs": "aws:eks/nodeGroup:NodeGroup",
                "after": {"model": 98, "min": 80, "max": 180},
                "until": "a node is Ready",
                "evidence": "I",
                "note": "from an empty group",
                "waits": [RELEASE],
                "reason": "its pods need a node",
            }
        ],
    }
)


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:dev::demo::{type_}::{name}"


KEY, QUEUE = urn("aws:kms/key:Key", "key"), urn("aws:sqs/queue:Queue", "queue")
CLUSTER, NODES = urn("aws:eks/cluster:Cluster", "cluster"), urn("aws:eks/nodeGroup:NodeGroup", "nodes")
ROOT = urn(STACK, "demo-dev")


def state(urn: str, **fields: Any) -> dict[str, Any]:
    """Return a resource as the engine exports it; inputs' sources are dependencies as well."""
    sources = [source for urns in fields.get("propertyDependencies", {}).values() for source in urns]
    dependencies = [*fields.pop("dependencies", []), *sources]
    type_ = urn.split("::")[2]
    custom = type_ != STACK and not type_.startswith("demo:")
    return {"urn": urn, "type": type_, "custom": custom, "dependencies": dependencies, **fields}


def platform(**release: Any) -> list[dict[str, Any]]:
    """Return a key, a cluster, nodes, and a release that comes beside the nodes."""
    return [
        state(ROOT),
        state(KEY, parent=ROOT),
        state(QUEUE, parent=ROOT),
        state(CLUSTER, parent=ROOT, propertyDependencies={"encryptionConfig": [KEY], "name": []}),
        state(NODES, parent=ROOT, propertyDependencies={"clusterName": [CLUSTER]}),
        state(urn(RELEASE, "argocd"), parent=ROOT, dependencies=[CLUSTER], **release),
    ]


def model(states: list[dict[str, Any]], reasons: Mapping[str, str] | None = None) -> Model:
    return Model(Stack(states), TABLE, reasons or {})


def lines(
    states: list[dict[str, Any]], reasons: Mapping[str, str] | None = None
) -> list[tuple[str, float, float, str]]:
    parts = model(states, reasons).up().parts
    return [(part.resource.name, part.seconds, part.sum, part.reason) for part in parts]


def test_a_release_beside_the_nodes_waits_for_the_first_of_them() -> None:
    """Not for the whole group; which input is awaited, and what nobody wrote down, is told."""
    assert lines(platform()) == [
        ("key", 20, 20, ""),
        ("cluster", 500, 520, "key: `encryptionConfig`"),
        ("nodes", 98, 618, "cluster: `clusterName`"),
        ("argocd", 72, 690, "nodes: its pods need a node"),
    ]


def test_of_several_node_groups_the_first_ready_is_enough() -> None:
    """A second one that comes later changes nothing, one that comes earlier shortens the wait."""
    later = state(urn("aws:eks/nodeGroup:NodeGroup", "more"), propertyDependencies={"clusterName": [CLUSTER, QUEUE]})
    earlier = state(urn("aws:eks/nodeGroup:NodeGroup", "early"))
    assert model([*platform(), later]).up().seconds == 690
    assert model([*platform(), earlier], {"* -> kubernetes:*": "its API"}).up_seconds(urn(RELEASE, "argocd")) == 592


def test_a_release_that_does_not_wait_waits_for_no_node() -> None:
    """Nor does one that the nodes themselves wait for, such as a CNI from a chart."""
    assert model(platform(inputs={"skipAwait": True})).up_seconds(urn(RELEASE, "argocd")) == 592
    cni = urn(RELEASE, "cni")
    states = platform()
    states.insert(4, state(cni, parent=ROOT, propertyDependencies={"values": [CLUSTER]}))
    states[5] = state(NODES, parent=ROOT, propertyDependencies={"clusterName": [CLUSTER]}, dependencies=[cni])
    assert model(states).up_seconds(cni) == 592


def test_an_order_without_a_value_needs_a_reason() -> None:
    """On the path; beside it nobody asks. The reason comes by types, and a pattern may name them."""
    states = [state(CLUSTER), state(QUEUE, dependencies=[CLUSTER])]
    with pytest.raises(
        DurationsError, match=r'\[tool.sandbox.reasons\]: "aws:eks/cluster:Cluster -> aws:sqs/queue:Queue"'
    ):
        lines(states)
    assert lines(states, {"aws:eks/* -> aws:sqs/queue:Queue": "says who"})[1][3] == "cluster: says who"
    assert lines([*states, state(NODES, propertyDependencies={"clusterName": [CLUSTER]})])[-1][0] == "nodes"


def test_who_needs_a_component_needs_what_it_held_by_then() -> None:
    """As the engine has it; what the component holds later does not count."""
    component = urn("demo:index:Group", "group")
    states = [
        state(component),
        state(CLUSTER, parent=component),
        state(QUEUE, propertyDependencies={"name": [component]}),
        state(NODES, parent=component, propertyDependencies={"clusterName": [CLUSTER]}),
    ]
    assert model(states).up_seconds(QUEUE) == 525
    assert lines(states[:3])[-1] == ("queue", 25, 525, "cluster: `name`")


def test_a_provider_and_a_parent_come_first() -> None:
    """Neither is an input; both are told by what they are."""
    provider = urn("pulumi:providers:aws", "aws")
    states = [
        state(CLUSTER),
        state(provider, propertyDependencies={"region": [CLUSTER]}),
        state(KEY, provider=f"{provider}::some-id"),
        state(QUEUE, parent=KEY),
    ]
    assert lines(states) == [
        ("cluster", 500, 500, ""),
        ("key", 20, 520, "cluster: `region`; aws: its provider"),
        ("queue", 25, 545, "key: its parent"),
    ]


def test_the_range_is_all_least_and_all_most() -> None:
    """And the weakest number on the way is named."""
    course = model(platform()).up()
    assert (course.least, course.seconds, course.most) == (10 + 500 + 80 + 72, 690, 30 + 500 + 180 + 72)
    assert course.weakest is not None
    assert (course.weakest.resource.name, course.weakest.duration.note) == ("nodes", "from an empty group")
    assert course.weakest.until == "a node is Ready"


def test_destroy_goes_wave_by_wave() -> None:
    """Release and nodes go together, then the cluster, then the first two; each wave takes what its slowest takes."""
    told = model(platform(), {"* -> kubernetes:*": "its API"})
    course = told.destroy()
    assert [(part.resource.name, part.seconds, part.sum, part.reason) for part in course.parts] == [
        ("nodes", 380, 380, "slowest of 2; before cluster: `clusterName`"),
        ("cluster", 100, 480, "alone; before key: `encryptionConfig`"),
        ("queue", 60, 540, "slowest of 2; before demo-dev: its parent"),
    ]
    assert told.destroy_without_waves() == 481


@pytest.mark.parametrize("field", [{"retainOnDelete": True}, {"deletedWith": CLUSTER}])
def test_what_is_kept_or_goes_with_another_takes_no_time(field: dict[str, Any]) -> None:
    """A destroy forgets it."""
    states = [state(CLUSTER), state(NODES, propertyDependencies={"clusterName": [CLUSTER]}, **field)]
    assert model(states).destroy().seconds == 100


def test_what_was_there_before_takes_no_time() -> None:
    """It is read, and stays."""
    states = [state(CLUSTER, external=True), state(QUEUE, propertyDependencies={"name": [CLUSTER]})]
    assert model(states).up().seconds == 25
    assert model(states).destroy().seconds == 60


def test_a_type_without_a_row_ends_the_model() -> None:
    """It is no 0."""
    with pytest.raises(DurationsError, match="aws:rds/cluster:Cluster"):
        model([state(urn("aws:rds/cluster:Cluster", "data"))])


def told(states: list[dict[str, Any]], limits: Mapping[str, float]) -> str:
    """Return what people read of `up` and destroy, with the sandbox's own table."""
    out = io.StringIO()
    console = Console(file=out, width=200)
    durations = Durations(states, {"* -> kubernetes:*": "its API"}, limits)
    durations.tell_up(console)
    durations.tell_destroy(console)
    return out.getvalue()


def test_people_read_a_model_and_nothing_measured() -> None:
    """Title, parts, range, what is known least, and what the engine's waves cost."""
    text = told(platform(), {f"{RELEASE}::argocd": 1000})
    assert "modelled critical path of `up`" in text
    assert "NodeGroup nodes until a node is Ready" in text
    assert "model, not measured: 725 s, 525 to 1080; least is known about nodes (I: an empty group" in text
    assert "argocd after 725 s of the model, at most 1000 s promised" in text
    assert "725 s with 8 steps at once" in text
    assert "modelled course of destroy, wave by wave" in text
    assert "if each went as soon as nothing needs it" in text


def test_the_way_to_what_a_limit_is_for_is_told_as_well() -> None:
    """When something else is there last."""
    text = told(platform(), {"aws:eks/cluster:Cluster::cluster": 579})
    assert "modelled path of `up` to cluster" in text
    assert "cluster after 579 s of the model, at most 579 s promised" in text


def test_a_limit_that_is_exceeded_ends_the_story() -> None:
    """After the path was shown."""
    with pytest.raises(DurationsError, match="cluster after 579 s of the model, at most 578 s promised"):
        told(platform(), {"aws:eks/cluster:Cluster::cluster": 578})


def test_a_limit_for_nothing_is_refused() -> None:
    """A renamed resource must not take its limit away."""
    with pytest.raises(DurationsError, match=r"aws:eks/cluster:Cluster::other: 0 resources of the stack are that"):
        told(platform(), {"aws:eks/cluster:Cluster::other": 1000})


def test_an_empty_stack_takes_no_time() -> None:
    """And breaks nothing."""
    assert "modelled critical path" in told([], {})
