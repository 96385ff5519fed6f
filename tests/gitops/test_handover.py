"""The hand-over: what the program writes, what the schema refuses, and that every value reaches the tree."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from components.argocd.charts import tree_charts
from components.argocd.handover import (
    ClusterHandover,
    EdgeHandover,
    Freeze,
    Handover,
    KarpenterHandover,
    LoginHandover,
    RepositoryHandover,
    SecretsHandover,
    StorageHandover,
)
from tests.gitops.tree import BOOTSTRAP, HANDOVER, MAX_PODS, SELF_MANAGED, Tool, Tree, chart_schema, helm, schema_nodes

_SCHEMA = chart_schema(BOOTSTRAP)


def test_program_hands_over_what_the_schema_asks_for() -> None:
    """The program's hand-over, with the charts' own repositories or a mirror, is what the chart wants."""
    for mirror in (None, "https://charts.example.com/mirror"):
        handover = Handover(
            cluster=ClusterHandover(**_snake(HANDOVER["cluster"])),
            repository=RepositoryHandover(**HANDOVER["repository"]),
            charts=tree_charts("eks", mirror),
            karpenter=_karpenter(HANDOVER["karpenter"]),
            storage=_storage(HANDOVER["storage"]),
            edge=_edge(HANDOVER["edge"]),
            secrets=SecretsHandover(**HANDOVER["secrets"]),
            overlay=HANDOVER["workloads"]["overlay"],
            alarm_topic_arn=HANDOVER["alarms"]["topicArn"],
            tags=HANDOVER["tags"],
        )
        assert list(jsonschema.Draft7Validator(_SCHEMA).iter_errors(handover.values())) == []
        assert handover.values()["charts"].keys() == HANDOVER["charts"].keys()
        for part in ("cluster", "storage", "edge", "secrets", "workloads", "alarms"):
            assert handover.values()[part] == HANDOVER[part]


def _storage(keys: Mapping[str, Any]) -> StorageHandover:
    fields = {key: value for key, value in keys.items() if key != "dataClass"}
    return StorageHandover(**_snake(fields), keep_data=keys["dataClass"] == "gp3-retain")


def _karpenter(keys: Mapping[str, Any]) -> KarpenterHandover:
    fields = {key: value for key, value in keys.items() if key not in ("kubelet", "instanceProfileName", "freezes")}
    return KarpenterHandover(
        **_snake(fields), max_pods=MAX_PODS, freezes=[Freeze(**freeze) for freeze in keys["freezes"]]
    )


def _edge(keys: Mapping[str, Any]) -> EdgeHandover:
    login = LoginHandover(**_snake(keys["login"]))
    return EdgeHandover(
        domain=keys["domain"],
        login=login,
        load_balancer=keys["loadBalancer"],
        ingress_annotations=keys["ingressAnnotations"],
    )


def test_a_stack_without_surroundings_hands_over_empty_words() -> None:
    """No file system, no domain and no login are said as such, and the schema takes them."""
    storage = StorageHandover(backups_bucket="example-backups", keep_data=False)
    assert storage.values()["fileSystemId"] == storage.values()["accessPointId"] == storage.values()["imagesUrl"] == ""
    edge = EdgeHandover().values()
    assert edge == {
        "domain": "",
        "login": {"issuer": "", "clientId": "", "secret": ""},
        "loadBalancer": {},
        "ingressAnnotations": {},
    }
    handover = {**HANDOVER, "storage": storage.values(), "edge": edge}
    assert list(jsonschema.Draft7Validator(_SCHEMA).iter_errors(handover)) == []


def test_example_is_what_the_program_makes_of_it() -> None:
    """The example hand-over is one that the program could have written, key by key."""
    assert _karpenter(HANDOVER["karpenter"]).values() == HANDOVER["karpenter"]


def test_an_isolated_program_names_the_profile() -> None:
    """The profile's name goes over where there is one, and only there."""
    isolated = replace(_karpenter(HANDOVER["karpenter"]), isolated=True, instance_profile_name="nodes")
    assert (isolated.values()["isolated"], isolated.values()["instanceProfileName"]) == (True, "nodes")


def _snake(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in keys.items()}


def _changed(path: str, value: Any, handed: Mapping[str, Any] = HANDOVER) -> dict[str, Any]:
    handover = copy.deepcopy(dict(handed))
    *parents, last = path.split(".")
    at = handover
    for parent in parents:
        at = at[parent]
    at[last] = value
    return handover


_REFUSED: dict[str, list[Any]] = {
    "cluster.name": ["", "a b", "x" * 101],
    "cluster.region": ["", "eu-west-1a", "Ireland"],
    "cluster.variant": ["", "kops", None],
    "cluster.vpcId": ["", "vpc-x", "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789abcdef0"],
    "cluster.networkCidr": ["", "10.0.0.0", "any"],
    "cluster.unknown": ["x"],
    "repository.url": [
        "http://git.example.com/x",
        "https://user:token@git.example.com/x",
        "https://git.example.com",
        "",
    ],
    "repository.revision": ["", "-x", "a b"],
    "charts.karpenter.repository": [
        "oci://public.ecr.aws/karpenter",
        "http://charts.example.com",
        "https://u:p@x/y",
        "",
    ],
    "charts.karpenter.version": ["", "1.14", "1.x.x", ">=1.14.1", "latest", "*"],
    "charts.other": [{"repository": "https://charts.example.com", "version": "1.0.0"}],
    "karpenter.replicas": [0, "2", None],
    "karpenter.queueName": ["", "a.fifo", "x" * 81],
    "karpenter.nodeRoleName": ["", "arn:aws:iam::123456789012:role/x", "x" * 65],
    "karpenter.amiAlias": ["", "al2023@latest", "al2@v20260714", "al2023"],
    "karpenter.volumeSize": ["50", "0Gi", "50GB", 50],
    "karpenter.capacityTypes": [[], ["Spot"], ["spot", "spot"], "spot"],
    "karpenter.instanceFamilies": [[], ["t"], ["t3.medium"]],
    "karpenter.instanceSizes": [[], ["big"], ["medium "]],
    "karpenter.isolated": ["yes", None],
    # Given or not, it goes with being isolated or not.
    "karpenter.instanceProfileName": ["nodes", "arn:aws:iam::123456789012:instance-profile/x", None],
    "karpenter.kubelet": [{}],
    "karpenter.kubelet.maxPods": [0, 9, 251, "110", None],
    "karpenter.kubelet.kubeReserved": [{}, {"memory": 1465}],
    "karpenter.kubelet.evictionHard": [{}],
    "karpenter.kubelet.imageGCHighThresholdPercent": [0, 101],
    "karpenter.userData": ["", "#!/bin/sh\n", "MIME-Version: 1.0\n" + "x" * 8192],
    "karpenter.limits": [{}, {"cpu": "100"}, {"cpu": 100, "memory": "200Gi"}, {"cpu": "100", "memory": "200"}],
    "karpenter.limits.nodes": ["0", 20, None],
    "karpenter.consolidateAfter": ["", "1", "1d", "never"],
    "karpenter.disruptionBudget": ["", "101%", "half"],
    "karpenter.freezes": [
        {},
        [{"schedule": "0 9 * * 1-5", "duration": "8h"}],
        [{"schedule": "9:00", "duration": "8h", "reasons": []}],
        [{"schedule": "0 9 * * 1-5", "duration": "8h30", "reasons": []}],
        [{"schedule": "0 9 * * 1-5", "duration": "30s", "reasons": []}],
        [{"schedule": "@daily", "duration": "8h", "reasons": ["Expired"]}],
    ],
    "images": [{}],
    "images.registry": ["https://registry.example.com", "Registry", None],
    "storage.fileSystemId": [
        "fs-x",
        "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0123456789abcdef0",
    ],
    "storage.dataClass": ["", "gp2", None],
    "storage.accessPointId": ["fs-0123456789abcdef0", None],
    "storage.backupsBucket": ["", "Bucket", "s3://bucket"],
    "storage.imagesUrl": ["http://images.example.com", "images.example.com"],
    "storage.repositories": [{"x": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/x"}, {"x": "docker.io/x"}],
    "edge.domain": ["https://example.com", "example", None],
    "edge.login.issuer": ["http://x", "cognito"],
    "edge.login.clientId": ["client id", None],
    "edge.login.secret": [None],
    "edge.loadBalancer": [[], None],
    "edge.ingressAnnotations": [[], {"x": 443}],
    "secrets.prefix": ["", "/", "no slash", "platform-dev"],
    "secrets.names": [{"x": "a value with spaces"}, {"x": ""}],
    "workloads.overlay": ["", "production", None],
    "alarms.topicArn": ["", "alarms", "arn:aws:sqs:eu-west-1:123456789012:x"],
    "tags": [{"": "x"}, {"a": 1}, {"kubernetes.io/cluster/x": "owned"}, {"eks:eks-cluster-name": "x"}],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in _REFUSED.items() for value in values])
def test_bad_value_is_refused(path: str, value: Any) -> None:
    """A hand-over with one bad value does not get past the schema, and the refusal names the key."""
    errors = list(jsonschema.Draft7Validator(_SCHEMA).iter_errors(_changed(path, value)))
    assert errors
    assert all(path.rpartition(".")[2] in error.json_path + error.message for error in errors)


def test_example_passes() -> None:
    """The example hand-over itself is fine, so each refusal above is the changed value's doing."""
    assert list(jsonschema.Draft7Validator(_SCHEMA).iter_errors(HANDOVER)) == []


def test_helm_applies_theschema(tool: Tool) -> None:
    """Helm itself refuses an unknown key, so Argo CD does too."""
    with pytest.raises(RuntimeError, match="clutser"):
        helm(tool, BOOTSTRAP, "root", "argocd", {**HANDOVER, "clutser": {}})


_OTHER: dict[str, Any] = {
    "cluster.name": "other_cluster-2",
    "cluster.region": "us-gov-west-1",
    "cluster.vpcId": "vpc-0fedcba987654321f",
    "cluster.networkCidr": "10.1.0.0/16",
    "repository.url": "ssh://git@git.example.com:2222/other.git",
    "repository.revision": "v1.2.3",
    **{
        f"charts.{chart}.{key}": other
        for chart in HANDOVER["charts"]
        for key, other in (("repository", "registry.example.com:5000/charts"), ("version", "9.9.9-rc.1"))
    },
    "images.registry": "registry.example.com/mirror",
    "karpenter.replicas": 1,
    "karpenter.queueName": "other_queue",
    "karpenter.nodeRoleName": "Other+Role",
    "karpenter.amiAlias": "al2023@v20261101",
    "karpenter.volumeSize": "100Gi",
    "karpenter.capacityTypes": ["on-demand"],
    "karpenter.instanceFamilies": ["m7i-flex", "c7gn"],
    "karpenter.instanceSizes": ["12xlarge", "metal-24xl"],
    "karpenter.isolated": True,
    "karpenter.instanceProfileName": "Other+Profile",
    "karpenter.kubelet.maxPods": 58,
    "karpenter.kubelet.kubeReserved": {"memory": "893Mi"},
    "karpenter.kubelet.systemReserved": {"memory": "100Mi"},
    "karpenter.kubelet.evictionHard": {"memory.available": "200Mi"},
    "karpenter.kubelet.evictionSoft": {"memory.available": "300Mi"},
    "karpenter.kubelet.evictionSoftGracePeriod": {"memory.available": "2m"},
    "karpenter.kubelet.imageGCHighThresholdPercent": 90,
    "karpenter.kubelet.imageGCLowThresholdPercent": 70,
    "karpenter.userData": "MIME-Version: 1.0\nother",
    "karpenter.limits.nodes": "",
    "karpenter.limits.cpu": "1000",
    "karpenter.limits.memory": "2Ti",
    "karpenter.consolidateAfter": "1h30m",
    "karpenter.disruptionBudget": "0",
    "karpenter.freezes": [],
    "storage.fileSystemId": "fs-0fedcba987654321f",
    "storage.accessPointId": "fsap-0fedcba987654321f",
    "storage.backupsBucket": "other-backups",
    "storage.imagesUrl": "",
    "storage.repositories": {},
    "edge.domain": "",
    "edge.login.issuer": "",
    "edge.login.clientId": "",
    "edge.login.secret": "other/argocd/oidc",
    "edge.loadBalancer": {},
    "edge.ingressAnnotations": {},
    "secrets.prefix": "other/",
    "secrets.names": {},
    "workloads.overlay": "staging",
    "alarms.topicArn": "arn:aws-us-gov:sns:us-gov-west-1:123456789012:other",
    "tags": {"Owner": "other"},
}


@pytest.mark.parametrize(("path", "value"), _OTHER.items())
def test_value_reaches_the_tree(tool: Tool, tree: Tree, path: str, value: Any) -> None:
    """Another value, good as well, changes what the root Application renders."""
    before = tree.root
    handover = _changed(path, value)
    if path in _TOGETHER:
        before = helm(tool, BOOTSTRAP, "root", "argocd", _isolated("nodes"))
        handover = _isolated(value) if path in _TOGETHER[1:] else dict(HANDOVER)
    assert helm(tool, BOOTSTRAP, "root", "argocd", handover) != before


# Either is refused without the other, so both change at once or the second one alone.
_TOGETHER = ("karpenter.isolated", "karpenter.instanceProfileName")


def _isolated(profile: str) -> dict[str, Any]:
    return {**HANDOVER, "karpenter": {**HANDOVER["karpenter"], "isolated": True, "instanceProfileName": profile}}


_ROLE = {"eks.amazonaws.com/role-arn": "arn:aws-us-gov:iam::123456789012:role/other"}
_OTHER_SELF_MANAGED: dict[str, Any] = {
    "storage.dataClass": "gp3-retain",
    **{f"identity.{controller}": _ROLE for controller in SELF_MANAGED["identity"]},
    **{
        f"charts.{chart}.{key}": other
        for chart in sorted(SELF_MANAGED["charts"].keys() - HANDOVER["charts"].keys())
        for key, other in (("repository", "https://charts.example.com"), ("version", "9.9.9"))
    },
}


@pytest.mark.parametrize(("path", "value"), _OTHER_SELF_MANAGED.items())
def test_value_of_a_self_managed_cluster_reaches_its_tree(
    tool: Tool, self_managed_tree: Tree, path: str, value: Any
) -> None:
    """What only the other variant has changes what its root Application renders."""
    assert helm(tool, BOOTSTRAP, "root", "argocd", _changed(path, value, SELF_MANAGED)) != self_managed_tree.root


def test_every_value_has_another() -> None:
    """The tests above leave out no key of the hand-over; the variant itself decides which of them it is about."""
    others = _OTHER.keys() | _OTHER_SELF_MANAGED.keys() | {"cluster.variant"}
    assert others == {path for path, node in schema_nodes(_SCHEMA) if "properties" not in node}
