"""The table of durations: its form, what it knows, and what it says it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.rows import ROWS
from sandbox.durations.table import DurationsError, Row, Table, holds, load_table

GOLDEN = Path(__file__).parents[1] / "golden"
ROW = {
    "types": ["aws:sqs/queue:Queue"],
    "create": {"model": 25, "min": 25, "max": 26},
    "delete": 60,
    "evidence": "V(4)",
}


def golden_types() -> Iterable[str]:
    """Yield the type of every resource that a stack registers and a provider makes."""
    for file in ("dev.txt", "prod.txt"):
        for urn in (GOLDEN / file).read_text(encoding="utf-8").split():
            type_ = urn.split("::")[2].rpartition("$")[2]
            if not type_.startswith(("platform:", "eks:index", "pulumi:pulumi")):
                yield type_


def find(type_: str, **inputs: Any) -> Row:
    """Look a resource up."""
    return load_table().row(type_, inputs)


def create(type_: str, **inputs: Any) -> float:
    """Return the seconds of its creation."""
    return find(type_, **inputs).create.model


@pytest.mark.parametrize("type_", sorted({*ROWS, *golden_types()}))
def test_everything_that_the_sandbox_plays_and_the_stacks_register_has_a_row(type_: str) -> None:
    """A type that comes new has to be given durations, too."""
    row = find(type_)
    assert row.create.least <= row.create.model <= row.create.most


def test_a_type_without_a_row_is_an_error_that_names_it() -> None:
    """Never a silent 0."""
    with pytest.raises(
        DurationsError, match=r"how long aws:rds/cluster:Cluster takes: add a row .*durations/table\.yaml"
    ):
        find("aws:rds/cluster:Cluster")


def test_a_row_stands_for_a_whole_package_only_where_all_of_it_is_alike() -> None:
    """Or a slow type that comes new would take its neighbours' second."""
    patterns = {type_ for row in load_table().rows for type_ in row.types if "*" in type_}
    assert patterns == {"aws:iam/*", "kubernetes:*", "pulumi:*", "random:*", "tls:*"}


def test_inputs_choose_between_the_rows_of_a_type() -> None:
    """The facts that steer the provider's waits, not the type alone."""
    assert (create("aws:ec2/vpc:Vpc", enableDnsHostnames=True), create("aws:ec2/vpc:Vpc")) == (13, 1)
    assert (create("aws:ec2/subnet:Subnet", mapPublicIpOnLaunch=True), create("aws:ec2/subnet:Subnet")) == (11, 2)
    assert create("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Interface") == 113
    assert create("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Gateway") == 6
    assert create("aws:eks/nodeGroup:NodeGroup", scalingConfig={"desiredSize": 0}) == 58
    assert create("aws:eks/nodeGroup:NodeGroup", scalingConfig={"desiredSize": 2}) == 115
    addons = ("vpc-cni", "eks-pod-identity-agent", "kube-proxy", "coredns", "aws-ebs-csi-driver", "metrics-server")
    assert [create("aws:eks/addon:Addon", addonName=name) for name in addons] == [35, 25, 25, 15, 46, 50]
    releases = ("argo-cd", "karpenter", "anything")
    assert [create("kubernetes:helm.sh/v3:Release", chart=chart) for chart in releases] == [72, 25, 48]


def test_one_whose_deletion_waits_for_others_says_so() -> None:
    """An Application with a finalizer takes the tree with it."""
    application = "kubernetes:argoproj.io/v1alpha1:Application"
    assert find(application, metadata={"finalizers": ["x"]}).delete.model == 120
    assert find(application, metadata={}).delete.model == 1


def test_every_number_says_where_it_comes_from() -> None:
    """One source is named by its URL unless its address was not recorded; what is inferred says from what."""
    durations = [duration for row in load_table().rows for duration in (row.create, row.delete)]
    assert {duration.evidence[0] for duration in durations} == {"V", "S", "I", "n"}
    assert all(duration.note for duration in durations if duration.strength < 2)
    assert all(source.startswith("https://") for duration in durations for source in duration.sources)
    assert len([duration for duration in durations if duration.sources]) > 40


def test_better_evidence_is_stronger() -> None:
    """A guess, inferred, one source, several."""
    rows = [Table({"rows": [{**ROW, "evidence": text, "note": "x"}]}).rows[0] for text in ("none", "I", "S", "V(3)")]
    strengths = [row.create.strength for row in rows]
    assert strengths == sorted(set(strengths))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"create": None}, "create: None: seconds, or model with min and max around it"),
        ({"create": {"model": 5, "min": 6}}, "create: .*: seconds, or model"),
        ({"delete": -1}, "delete: -1: seconds"),
        ({"evidence": "measured"}, r"evidence = measured: V\(n\), S, I or none"),
        ({"evidence": "I"}, "evidence = I: say in a note what it is taken from"),
        ({"source": ["XX9"]}, "source XX9: a URL, or a key of sources"),
        ({"typos": 1}, "typos: not in the table's form"),
        ({"types": []}, "types: not in the table's form"),
    ],
)
def test_a_row_that_is_not_in_the_form_is_refused(change: dict[str, Any], said: str) -> None:
    """With the row and what is wrong with it."""
    with pytest.raises(DurationsError, match=f"durations/table.yaml, .*{said}"):
        Table({"rows": [{**ROW, **change}]})


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"a.b": 1}, True),
        ({"a.b": [0, 1]}, True),
        ({"a.b": "*"}, True),
        ({"a.c": "*"}, False),
        ({"a.b": 2}, False),
        ({"a.b.c": 1}, False),
        ({"empty": "*"}, False),
    ],
)
def test_conditions_look_at_dotted_paths(when: dict[str, Any], expected: bool) -> None:
    """One value, one of several, or anything at all."""
    assert holds(when, {"a": {"b": 1}, "empty": []}) is expected
