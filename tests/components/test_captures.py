"""The harness itself: what it shows of a program, and that it hides no failure."""

from __future__ import annotations

import pulumi
import pytest
from pulumi_aws.ec2.subnet import Subnet
from pulumi_aws.ec2.vpc import Vpc
from pulumi_aws.get_caller_identity import get_caller_identity
from pulumi_aws.provider import Provider

from tests.captures import UNKNOWN, Capture, Secret
from tests.components.conftest import SUBNET, VPC
from tests.conftest import CaptureProgram


class Pair(pulumi.ComponentResource):
    """A component in a component's place: a VPC and a subnet with every option in use."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Pair", name, None, opts)
        vpc = Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(parent=self))
        subnet = Subnet(
            f"{name}-subnet",
            vpc_id=vpc.id,
            cidr_block=pulumi.Output.secret("10.0.0.0/24"),
            opts=pulumi.ResourceOptions(
                parent=self,
                aliases=[pulumi.Alias(name="old")],
                custom_timeouts=pulumi.CustomTimeouts(delete="30m"),
                delete_before_replace=True,
                depends_on=[vpc],
                ignore_changes=["tags"],
                import_="subnet-1",
                retain_on_delete=True,
            ),
        )
        self.register_outputs({"subnet_id": subnet.id, "range": subnet.cidr_block})


def program() -> None:
    provider = Provider("aws", region="ap-northeast-2")
    Pair("pair", pulumi.ResourceOptions(providers=[provider], protect=True))
    pulumi.export("greeting", pulumi.Config("platform").require("greeting"))


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(program, config={"platform:greeting": "hello"})


def test_options_are_seen_as_the_engine_sees_them(captured: Capture) -> None:
    """What stock mocks hide is there."""
    vpc, subnet = captured.one(VPC, "pair-vpc"), captured.one(SUBNET, "pair-subnet")
    assert (subnet.dependencies, subnet.source("vpcId")) == ((vpc.urn,), vpc.urn)
    assert (vpc.protect, subnet.retain_on_delete, subnet.delete_before_replace) == (True, True, True)
    assert (vpc.delete_before_replace, subnet.ignore_changes, subnet.import_id) == (None, ("tags",), "subnet-1")
    assert [alias["spec"]["name"] for alias in subnet.aliases] == ["old"]
    assert subnet.custom_timeouts == {"delete": "30m"}
    assert "pulumi:providers:aws::aws" in vpc.provider


def test_urns_are_the_engines(captured: Capture) -> None:
    """A child's type is qualified by its parents' types; the stack itself does not count."""
    assert captured.urns == [
        "urn:pulumi:dev::platform::pulumi:providers:aws::aws",
        "urn:pulumi:dev::platform::test:index:Pair$aws:ec2/subnet:Subnet::pair-subnet",
        "urn:pulumi:dev::platform::test:index:Pair$aws:ec2/vpc:Vpc::pair-vpc",
        "urn:pulumi:dev::platform::test:index:Pair::pair",
    ]


def test_secrets_stay_marked_from_input_to_output(captured: Capture) -> None:
    """A secret input is secret where it is registered and where it comes out again."""
    assert captured.one(SUBNET, "pair-subnet").inputs["cidrBlock"] == Secret("10.0.0.0/24")
    (outputs,) = captured.outputs.values()
    assert outputs["range"] == Secret("10.0.0.0/24")
    assert captured.exports == {"greeting": "hello"}


def test_computed_values_are_unknown_at_preview(capture: CaptureProgram) -> None:
    """A preview knows inputs and nothing that AWS would choose."""
    previewed = capture(program, config={"platform:greeting": "hello"}, preview=True)
    assert previewed.one(SUBNET, "pair-subnet").inputs["vpcId"] == UNKNOWN


def test_an_output_that_no_table_knows_is_unknown(capture: CaptureProgram) -> None:
    """It does not pass as nothing, so that a test that relies on it fails."""

    def reads_it() -> None:
        vpc = Vpc("vpc")
        Subnet("subnet", vpc_id=vpc.dhcp_options_id)

    assert capture(reads_it).one(SUBNET, "subnet").inputs["vpcId"] == UNKNOWN


def test_a_function_without_an_answer_fails_the_program(capture: CaptureProgram) -> None:
    """An unexpected call to AWS is an error that names the function; a given answer is used."""
    token = "aws:index/getCallerIdentity:getCallerIdentity"
    with pytest.raises(LookupError, match=token):
        capture(get_caller_identity)
    answered = capture(
        lambda: pulumi.export("account", get_caller_identity().account_id),
        functions={token: {"accountId": "123456789012", "arn": "a", "id": "i", "userId": "u"}},
    )
    assert (answered.exports, answered.calls) == ({"account": "123456789012"}, [(token, {})])


def test_a_failing_apply_fails_the_program(capture: CaptureProgram) -> None:
    """An assertion inside an `apply` is not lost, and the next run knows nothing of it."""

    def fails() -> None:
        Vpc("vpc", cidr_block=pulumi.Output.from_input("10.0.0.0").apply(lambda value: str(int(value))))

    with pytest.raises(ValueError, match=r"10\.0\.0\.0"):
        capture(fails)
    assert len(capture(lambda: Vpc("vpc")).resources) == 1


def test_the_same_name_twice_is_refused(capture: CaptureProgram) -> None:
    """Two resources of one type and name under one parent are an error, as in the engine."""
    with pytest.raises(ValueError, match="Duplicate resource URN"):
        capture(lambda: (Vpc("vpc"), Vpc("vpc")))


def test_transforms_see_children_as_in_the_engine(capture: CaptureProgram) -> None:
    """A component's transform changes inputs and options of what lies below it, and nothing else."""

    def closer(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != SUBNET:
            return None
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True, ignore_changes=["vpcId"]))
        return pulumi.ResourceTransformResult({**args.props, "mapPublicIpOnLaunch": False}, opts)

    seen = capture(lambda: Pair("pair", pulumi.ResourceOptions(transforms=[closer])))
    vpc, subnet = seen.one(VPC, "pair-vpc"), seen.one(SUBNET, "pair-subnet")
    assert (subnet.inputs["mapPublicIpOnLaunch"], subnet.protect) == (False, True)
    assert subnet.inputs["cidrBlock"] == Secret("10.0.0.0/24")
    assert set(subnet.ignore_changes) == {"tags", "vpcId"}
    assert (subnet.dependencies, subnet.custom_timeouts) == ((vpc.urn,), {"delete": "30m"})
    assert "mapPublicIpOnLaunch" not in vpc.inputs
    assert not vpc.protect


def test_a_failing_transform_fails_the_program(capture: CaptureProgram) -> None:
    """An error in a transform is not taken for «leave it as it is»."""

    def fails(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        raise LookupError("no such zone")

    with pytest.raises(Exception, match="no such zone"):
        capture(lambda: Vpc("vpc", opts=pulumi.ResourceOptions(transforms=[fails])))


def test_a_remote_component_that_nobody_plays_is_refused(capture: CaptureProgram) -> None:
    """Its children would be missing from every control."""

    def remote() -> None:
        pulumi.ComponentResource("eks:index:NodeGroupV2", "nodes", {}, None, True)

    with pytest.raises(LookupError, match="eks:index:NodeGroupV2"):
        capture(remote)


def test_an_expected_failure_shows_what_was_registered(capture: CaptureProgram) -> None:
    """The error is kept beside the registrations; a program that does not fail is a failure."""
    failed = capture(program, expect=pulumi.ConfigMissingError)
    assert isinstance(failed.error, pulumi.ConfigMissingError)
    assert captured_types(failed) == {"pulumi:providers:aws", "test:index:Pair", VPC, SUBNET}
    with pytest.raises(AssertionError, match="was to raise"):
        capture(lambda: None, expect=ValueError)


def captured_types(capture: Capture) -> set[str]:
    return {registration.type for registration in capture.resources}
