"""The function that counts free addresses, run as it is registered against an emulated AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.captures import Capture
from tests.components.conftest import FUNCTION, TARGET, Builder

REGION = "ap-northeast-2"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def subnet_ids(aws: None) -> dict[str, str]:
    """Two subnets: /24 and /28, of which AWS keeps five addresses each."""
    ec2 = boto3.client("ec2", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ranges = {"private-a": "10.0.0.0/24", "cluster-a": "10.0.1.0/28"}
    return {
        name: ec2.create_subnet(VpcId=vpc, CidrBlock=range_)["Subnet"]["SubnetId"] for name, range_ in ranges.items()
    }


def run(captured: Capture) -> dict[str, int]:
    """Run the archive's handler with the event that the rule sends."""
    (function,), (target,) = captured.of_type(FUNCTION), captured.of_type(TARGET)
    file, _, handler = function.inputs["handler"].partition(".")
    module = ModuleType(file)
    source = function.inputs["code"]["assets"][f"{file}.py"]["text"]
    exec(compile(source, f"{file}.py", "exec"), module.__dict__)
    answer: dict[str, int] = getattr(module, handler)(json.loads(target.inputs["input"]), None)
    return answer


def written(metric: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.client("cloudwatch", region_name=REGION).list_metrics(**metric)["Metrics"]
    return found


def test_every_subnet_is_counted(observability: Builder, subnet_ids: dict[str, str]) -> None:
    """The numbers are EC2's, under the namespace, metric and dimensions that the alarms look at."""
    captured = observability(subnet_ids=subnet_ids)
    assert run(captured) == {"private-a": 251, "cluster-a": 11}
    alarms = captured.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    watched = [alarm.inputs for alarm in alarms if alarm.inputs["namespace"] == "Platform/Network"]
    assert len(watched) == 2
    for alarm in watched:
        (metric,) = written(
            {
                "Namespace": alarm["namespace"],
                "MetricName": alarm["metricName"],
                "Dimensions": [{"Name": k, "Value": v} for k, v in alarm["dimensions"].items()],
            }
        )
        assert {pair["Name"]: pair["Value"] for pair in metric["Dimensions"]} == alarm["dimensions"]
    assert len(written({})) == 2


def test_a_lost_subnet_fails_the_run_and_hides_no_other(observability: Builder, subnet_ids: dict[str, str]) -> None:
    """The function's own alarm hears of it; the other subnets are still counted."""
    boto3.client("ec2", region_name=REGION).delete_subnet(SubnetId=subnet_ids["cluster-a"])
    with pytest.raises(LookupError, match="no such subnet: cluster-a"):
        run(observability(subnet_ids=subnet_ids))
    assert [pair["Value"] for metric in written({}) for pair in metric["Dimensions"]] == ["demo", "private-a"]


def test_nothing_left_is_no_metric(observability: Builder, aws: None) -> None:
    """Without any subnet there is nothing to write, and CloudWatch is not asked to write nothing."""
    with pytest.raises(LookupError, match="private-a, private-b"):
        run(observability())
    assert written({}) == []
