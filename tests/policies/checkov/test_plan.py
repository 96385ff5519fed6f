"""The Terraform plan that checkov gets to see: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pulumi._types import input_type_types, is_input_type

from policies.checkov.plan import PlanError, plan
from policies.checkov.resource_types import TYPES
from policies.resources import UNKNOWN, Resource
from tests.conftest import COMPUTED
from tests.policies import sdk_arguments
from tests.policies.checkov import plan_of
from tests.whole_stacks import STACKS, WholeStack


def resource(type_: str = "aws:ec2/vpc:Vpc", name: str = "main", **fields: Any) -> Resource:
    """Make up a resource."""
    urn = f"urn:pulumi:dev::platform::{type_}::{name}"
    return Resource(**{"type": type_, "name": name, "urn": urn, "props": {}, "sources": {}, **fields})


def values(made: Resource) -> Any:
    """Return the resource's arguments as Terraform has them."""
    (planned,) = plan([made]).document["planned_values"]["root_module"]["resources"]
    return planned["values"]


@pytest.mark.parametrize("stack", STACKS)
def test_each_aws_resource_of_a_stack_is_in_the_plan(whole_stack: WholeStack, stack: str) -> None:
    """Nothing that the stack registers at AWS is left out, the control plane least of all."""
    captured = whole_stack(stack)
    written = plan_of(captured)
    assert {r.urn for r in written.resources.values()} == {
        r.urn for r in captured.resources if r.type.startswith("aws:")
    }
    addresses = tuple(written.resources)
    # EKS's cluster, or the machine that is one's own.
    assert any(address.startswith(("aws_eks_cluster.", "aws_instance.machines-k8s-master")) for address in addresses)


def test_each_aws_type_that_captures_know_has_a_row() -> None:
    """A type that a component can register, in no stack's present choice perhaps, is known to the adapter as well."""
    assert {token for token in COMPUTED if token.startswith("aws:")} - set(TYPES) == set()


def test_blocks_and_maps_are_told_apart() -> None:
    """A block becomes a list of one in snake case; a map keeps its keys."""
    template = resource(
        "aws:ec2/launchTemplate:LaunchTemplate",
        props={
            "metadataOptions": {"httpTokens": "required"},
            "blockDeviceMappings": [{"ebs": {"encrypted": "true"}}],
            "tags": {"costCenter": "1"},
        },
    )
    assert values(template) == {
        "metadata_options": [{"http_tokens": "required"}],
        "block_device_mappings": [{"ebs": [{"encrypted": "true"}]}],
        "tags": {"costCenter": "1"},
    }


def test_singular_blocks_get_terraforms_name() -> None:
    """Pulumi's plural of a repeated block is Terraform's singular again."""
    group = resource("aws:eks/nodeGroup:NodeGroup", props={"taints": [{"key": "a", "effect": "NO_SCHEDULE"}]})
    assert values(group) == {"taint": [{"key": "a", "effect": "NO_SCHEDULE"}]}


def test_files_are_left_out() -> None:
    """A function's archive has no place in a plan; what else it has keeps Terraform's name."""
    function = resource("aws:lambda/function:Function", props={"name": "a", "code": {"assets": {"a.py": {"text": ""}}}})
    assert values(function) == {"function_name": "a"}


def test_references_come_from_the_property_dependencies() -> None:
    """An argument with a value refers to each AWS resource that it comes from, and to no other provider's."""
    vpc, component = resource(), resource("platform:network:Network", "network")
    log = resource(
        "aws:ec2/flowLog:FlowLog",
        "log",
        props={"vpcId": "vpc-1"},
        sources={"vpcId": frozenset({vpc.urn, component.urn}), "logDestination": frozenset({vpc.urn})},
    )
    configuration = plan([vpc, component, log]).document["configuration"]["root_module"]["resources"]
    assert configuration[1]["expressions"] == {"vpc_id": {"references": ["aws_vpc.main"]}}


def test_unknown_values_are_known_after_the_apply() -> None:
    """What a preview does not know has no value and is said to be unknown, also where it is a part of a value."""
    role = resource("aws:iam/role:Role", props={"assumeRolePolicy": f"{{{UNKNOWN}}}", "path": UNKNOWN})
    (change,) = plan([role]).document["resource_changes"]
    assert (values(role), change["change"]["after_unknown"]) == ({}, {"assume_role_policy": True, "path": True})
    cluster = {"vpcConfig": {"endpointPublicAccess": UNKNOWN, "subnetIds": [UNKNOWN]}}
    assert values(resource("aws:eks/cluster:Cluster", props=cluster)) == {"vpc_config": [{"subnet_ids": [None]}]}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (resource("aws:rds/instance:Instance"), "aws:rds/instance:Instance is not in policies/checkov"),
        (resource(props={"novel": {"a": 1}}), "novel is an object"),
        (resource(props={"novel": [{"a": 1}]}), "novel is an object"),
        (
            resource(props={"cidrBlock": "x"}, sources={"cidrBlock": frozenset({resource(name="gone").urn})}),
            "refers to urn:pulumi:dev::platform::aws:ec2/vpc:Vpc::gone, which is not among the resources",
        ),
        (resource("eks:index:Cluster"), "its children are missing"),
    ],
)
def test_what_is_not_understood_is_an_error(made: Resource, said: str) -> None:
    """An unknown type, an object of unknown shape and a missing resource stop the scan rather than thin it out."""
    with pytest.raises(PlanError, match=said):
        plan([made])


def test_two_resources_do_not_share_an_address() -> None:
    """A second resource of the same type and name would hide the first."""
    twin = resource(urn="urn:pulumi:dev::platform::platform:network:Network$aws:ec2/vpc:Vpc::main")
    with pytest.raises(PlanError, match=r"another resource is aws_vpc\.main already"):
        plan([resource(), twin])


def structures(class_: type[Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the paths of a class of the SDK whose values are objects, and whether Terraform has a block there."""
    for key, hint in input_type_types(class_).items():
        inner = [item for item in (hint, *get_args(hint), *_deeper(hint)) if is_input_type(item)]
        path = f"{prefix}{key}"
        if inner:
            yield path, True
            yield from structures(inner[0], f"{path}.") if path.count(".") < 5 else ()
        elif "Mapping" in str(hint):
            yield path, False


def _deeper(hint: Any) -> list[Any]:
    return [item for argument in get_args(hint) for item in get_args(argument)]


@pytest.mark.parametrize("token", TYPES)
def test_the_table_agrees_with_the_sdk(token: str) -> None:
    """What the table calls a block or a map is one in the provider's SDK."""
    known = dict(structures(sdk_arguments(token)))
    row = TYPES[token]
    assert {path for path in row.blocks if not known.get(path)} == set()
    assert {path for path in row.maps - {"tags"} if known.get(path) is not False} == set()
    inputs = set(input_type_types(sdk_arguments(token)))
    assert row.files <= inputs
    assert {path for path in row.renamed if path not in row.blocks | inputs} == set()
