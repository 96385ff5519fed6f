"""What surrounds a cluster is wired as the settings say: what stays, what is refused to go, and who gets what."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from tests.captures import Capture, Registration
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT
from tests.whole_stacks import ACCOUNT as ACCOUNT_CALLS
from tests.whole_stacks import CHECKOUT, STACKS, WholeStack, capture_stack, stack_config, stack_sections

ADDON = "aws:eks/addon:Addon"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
COST_TAG = "aws:costexplorer/costAllocationTag:CostAllocationTag"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
FILES = "aws:efs/fileSystem:FileSystem"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ISSUED = "aws:acm/certificateValidation:CertificateValidation"
KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
PAGES = "aws:cognito/userPoolDomain:UserPoolDomain"
POLICY = "aws:iam/policy:Policy"
POOL = "aws:cognito/userPool:UserPool"
NAMESPACE = "kubernetes:core/v1:Namespace"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_PATCH = "kubernetes:core/v1:NodePatch"
PROVIDER = "pulumi:providers:aws"
RECORD = "aws:route53/record:Record"
RELEASE = ("kubernetes:helm.sh/v3:Release", "argocd-release")
ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
SECRET = "aws:secretsmanager/secret:Secret"
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
ZONE = "aws:route53/zone:Zone"
ZONE_CALL = "aws:route53/getZone:getZone"
ROOMS = ("storage", "images", "edge", "login", "secrets", "observability")

# By the stack's variant: the group of every node, what gives pods their addresses, and what nodes are.
NODES_GROUP = {"eks": "::cluster-eksCluster", "self-managed": "::security-groups-nodes"}
POD_NETWORK = {"eks": (ADDON, "addons-"), "self-managed": (RELEASE[0], "addons-calico")}
NODES = {"eks": NODE_GROUP, "self-managed": NODE_PATCH}

# What a destroy leaves behind, whole: without its settings, key or name it would be of no use.
KEPT = {
    "aws:s3/": ("storage-logs", "storage-backups", "images-bucket"),
    "aws:kms/": ("storage-data",),
    "aws:efs/fileSystem": ("storage-files",),
    "aws:efs/backupPolicy": ("storage-files",),
    "aws:ecr/": ("storage-registry-",),
    "aws:backup/vault": ("storage-vault",),
    ZONE: ("edge-zone",),
    RECORD: ("edge-delegation",),
}
# What Pulumi refuses to delete: what cannot be had again, and none of its settings, which go with it.
PROTECTED = {
    "aws:s3/bucket:": ("storage-backups", "images-bucket"),
    KEY: ("storage-data", "secrets"),
    "aws:efs/fileSystem:": ("storage-files",),
    "aws:ecr/repository:": ("storage-registry-",),
    "aws:backup/vault:": ("storage-vault",),
    ZONE: ("edge-zone",),
    RECORD: ("edge-delegation",),
    POOL: ("login",),
}


def _named(captured: Capture, names: dict[str, tuple[str, ...]]) -> set[str]:
    return {
        row.urn
        for row in captured.resources
        for type_, begins in names.items()
        if row.type.startswith(type_) and any(row.name == one or row.name.startswith(one) for one in begins)
    }


def _around(captured: Capture) -> list[Registration]:
    return [row for row in captured.resources if row.name.partition("-")[0] in ROOMS and row.type.startswith("aws:")]


@pytest.mark.parametrize(
    ("keep", "protect", "leaving"), [(True, False, False), (False, True, False), (True, True, True)]
)
def test_keeping_and_protecting_are_two_switches(
    capture: Callable[..., Capture], keep: bool, protect: bool, leaving: bool
) -> None:
    """`storage.keepData` says what a destroy leaves, `cluster.deletionProtection` what Pulumi refuses to delete.

    `policy.decommission` takes the refusals off, and leaves what is kept to be kept.
    """
    changes = {
        "storage": {"keepData": keep},
        "cluster": {"deletionProtection": protect},
        "policy": {"decommission": leaving},
    }
    captured = capture_stack(capture, "dev", changes)
    kept, protected = _named(captured, KEPT), _named(captured, PROTECTED)
    assert len(kept) > len(protected) > len(PROTECTED)
    assert {row.urn for row in _around(captured) if row.retain_on_delete} == (kept if keep else set())
    refused = protected if protect and not leaving else set()
    assert {row.urn for row in _around(captured) if row.protect} == refused


# Who takes which of its inputs from what, beyond the components' borders.
LINKS = (
    (DISTRIBUTION, "images", "viewerCertificate", ISSUED, "edge-global-certificate"),
    (DESTINATION, "images", "deliveryDestinationConfiguration", BUCKET_POLICY, "storage-logs"),
    (SECRET_VERSION, "login-client", "secretId", SECRET, "secrets-argocd/oidc"),
    (ALARM, "observability-certificate-edge", "dimensions", ISSUED, "edge-certificate"),
    (ALARM, "observability-certificate-global-images", "dimensions", ISSUED, "edge-global-certificate"),
)


def loose_links(captured: Capture) -> list[str]:
    """Each takes what is meant for it: CloudFront the certificate of us-east-1, the login the secret of its own."""
    return [
        f"{type_} {name}: {key}"
        for type_, name, key, source_type, source in LINKS
        if captured.one(type_, name).property_dependencies.get(key) != (captured.one(source_type, source).urn,)
    ]


def misplaced_records(captured: Capture) -> list[str]:
    """Records of the domain lie in its own zone where it has one; what delegates to that lies above."""
    zones = tuple(zone.urn for zone in captured.of_type(ZONE) if zone.name == "edge-zone")
    records = [
        row for row in captured.of_type(RECORD) if row.name != "edge-delegation" and row.name.partition("-")[0] in ROOMS
    ]
    return [row.urn for row in records if row.property_dependencies.get("zoneId", ()) != zones]


def swapped_firewalls(captured: Capture) -> list[str]:
    """CloudFront has the firewall that was made for it, and the load balancers theirs; without any, neither has."""
    walls = {row.name: row.urn for row in captured.of_type(WEB_ACL)}
    distribution = captured.one(DISTRIBUTION, "images")
    wanted = {walls["edge-global-firewall"]} if walls else set()
    found = {urn for urn in distribution.property_dependencies.get("webAclId", ()) if urn in walls.values()}
    handed = _handed(captured)["edge"]["loadBalancer"].get("wafv2AclArn", "")
    own = f"/webacl/{_handed(captured)['cluster']['name']}/" in handed if walls else handed == ""
    return ([] if found == wanted else [distribution.urn]) + ([] if own else [f"handed over: {handed}"])


def strange_providers(captured: Capture) -> list[str]:
    """AWS in us-east-1 is the same account's, too, and tags what it makes."""
    here, there = captured.one(PROVIDER, "aws").inputs, captured.one(PROVIDER, "aws-global").inputs
    wanted = {**here, "region": "us-east-1", "allowedAccountIds": json.dumps([ACCOUNT])}
    return [] if there == wanted and "tags" in here["defaultTags"] else ["aws-global"]


def forgotten_logs(captured: Capture) -> list[str]:
    """Log groups of the firewalls and of the count of addresses are kept as long as the cluster's."""
    days = stack_sections(_stack(captured))["cluster"]["logRetentionDays"]
    groups = [row for row in captured.of_type(LOG_GROUP) if row.name.partition("-")[0] in ROOMS]
    return [row.urn for row in groups if row.inputs["retentionInDays"] != days]


def keys_without_the_cdn(captured: Capture) -> list[str]:
    """CloudFront may use the key that the images are encrypted with; without that it serves none of them."""
    return [] if "cloudfront.amazonaws.com" in captured.one(KEY, "storage-data").inputs["policy"] else ["storage-data"]


def closed_files(captured: Capture) -> list[str]:
    """The group that may mount is the one that every node has; without a file system there is nothing to mount."""
    rules = [rule for rule in captured.of_type(INGRESS) if rule.name == "storage-files-nodes"]
    nodes = NODES_GROUP[_variant(captured)]
    wrong = [
        rule.urn
        for rule in rules
        if not any(urn.endswith(nodes) for urn in rule.property_dependencies["referencedSecurityGroupId"])
    ]
    return wrong + ([] if len(rules) == len(captured.of_type(FILES)) else ["no rule"])


def early_tree(captured: Capture) -> list[str]:
    """The tree comes after all that AWS has and goes before: its controllers need it, and clean up in it.

    Only who else may enter the cluster is nothing to the tree.
    """
    needed = captured.needs(captured.one(*ROOT))
    rows = [row for row in captured.resources if row.type.startswith("aws:") and "/access" not in row.type]
    return [row.urn for row in rows if row.urn not in needed]


def release_not_beside_the_nodes(captured: Capture) -> list[str]:
    """Argo CD begins once pods can have addresses and people pages to log in by, not after nodes: its pods wait."""
    needed, variant = captured.needs(captured.one(*RELEASE)), _variant(captured)
    type_, begins = POD_NETWORK[variant]
    addons = [row for row in captured.of_type(type_) if row.name.startswith(begins)]
    nodes = captured.of_type(NODES[variant])
    first = {row.urn for row in (*addons, *captured.of_type(PAGES))}
    late = [row.urn for row in nodes if row.urn in needed]
    return sorted(first - needed) + late + ([] if addons and nodes else ["no add-on, or no node"])


def wrong_reach(captured: Capture) -> list[str]:
    """Argo CD backs up into the bucket of backups; external-dns writes into the given zone, or a made one."""
    sections = stack_sections(_stack(captured))
    edge, bucket = sections["edge"], sections["storage"]["buckets"]["backups"]
    zone = "*" if edge["delegate"] else edge["hostedZoneId"]
    wanted = {
        "identity-argocd-backup-objects": f'"arn:aws:s3:::{bucket}/argocd-backups/*"',
        "identity-external-dns-domain": f'"arn:aws:route53:::hostedzone/{zone}"',
    }
    return [name for name, arn in wanted.items() if arn not in captured.one(POLICY, name).inputs["policy"]]


def wrong_words(captured: Capture) -> list[str]:
    """What is handed over to the tree is what the settings name, each under its own word."""
    sections, values = stack_sections(_stack(captured)), _handed(captured)
    buckets, domain = sections["storage"]["buckets"], sections["edge"]["domain"]
    storage, edge, name = values["storage"], values["edge"], sections["cluster"]["name"]
    attributes = {row["key"]: row["value"] for row in edge["loadBalancer"]["loadBalancerAttributes"]}
    protected = str(sections["cluster"]["deletionProtection"]).lower()
    certificate = captured.one(ALARM, "observability-certificate-edge").inputs["dimensions"]["CertificateArn"]
    files = captured.of_type(FILES)
    wanted = {
        "backups": (storage["backupsBucket"], buckets["backups"]),
        "files": (storage["fileSystemId"].partition("-")[0], "fs" if files else ""),
        "access point": (storage["accessPointId"].partition("-")[0], "fsap" if files else ""),
        "images": (storage["imagesUrl"], f"https://images.{domain}"),
        "repositories": (sorted(storage["repositories"]), sorted(sections["storage"]["repositories"])),
        "access logs": (attributes["access_logs.s3.bucket"], buckets["logs"]),
        "protection": (attributes["deletion_protection.enabled"], protected),
        "certificate": (edge["loadBalancer"]["certificateArn"], [certificate]),
        "secret": (edge["login"]["secret"], f"{sections['identity']['secretsPrefix']}argocd/oidc"),
        "alarms": (values["alarms"]["topicArn"].rpartition(":")[2], f"{name}-alarms"),
    }
    return [f"{word}: {found}" for word, (found, meant) in wanted.items() if found != meant] + _login(captured)


def _login(captured: Capture) -> list[str]:
    """Argo CD's own values and what the tree is told are about the same pool, client and address."""
    edge = _handed(captured)["edge"]
    settings = captured.one(*RELEASE).inputs["values"]["configs"]["cm"]
    asked = json.loads(settings.get("oidc.config", "{}"))
    found = (settings.get("url"), asked.get("issuer"), asked.get("clientID"))
    wanted = (f"https://argocd.{edge['domain']}", edge["login"]["issuer"], edge["login"]["clientId"])
    return [] if found == wanted and wanted[1].startswith("https://cognito-idp.") else [f"login: {found}"]


def _stack(captured: Capture) -> str:
    return captured.one(*ROOT).urn.split(":")[2]


def _variant(captured: Capture) -> str:
    return str(stack_sections(_stack(captured))["variant"])


def _handed(captured: Capture) -> Any:
    return captured.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]


def _handing(section: str, **changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        spec = json.loads(json.dumps(captured.one(*ROOT).inputs["spec"]))
        spec["source"]["helm"]["valuesObject"][section] |= changes
        return captured.changed(*ROOT, {"spec": spec})

    return mutate


def _linked(type_: str, name: str, key: str, *urns: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        links = {**captured.one(type_, name).property_dependencies, key: urns}
        return captured.changed(type_, name, property_dependencies=links)

    return mutate


def _argocd_after_nodes(captured: Capture) -> Capture:
    release = captured.one(*RELEASE)
    nodes = tuple(row.urn for row in captured.of_type(NODE_PATCH))
    return captured.changed(*RELEASE, dependencies=(*release.dependencies, *nodes))


MUTATIONS: list[tuple[Control, Mutation]] = [
    *((loose_links, _linked(type_, name, key)) for type_, name, key, _, _ in LINKS),
    (misplaced_records, _linked(RECORD, "images-a", "zoneId", "elsewhere")),
    (swapped_firewalls, _linked(DISTRIBUTION, "images", "webAclId")),
    (swapped_firewalls, _handing("edge", loadBalancer={})),
    (strange_providers, changed(PROVIDER, "aws-global", {"allowedAccountIds": None})),
    (strange_providers, changed(PROVIDER, "aws-global", {"defaultTags": None})),
    (strange_providers, changed(PROVIDER, "aws-global", {"region": "ap-northeast-2"})),
    (forgotten_logs, changed(LOG_GROUP, "edge-firewall-logs", {"retentionInDays": 1})),
    (keys_without_the_cdn, changed(KEY, "storage-data", {"policy": "{}"})),
    (closed_files, _linked(INGRESS, "storage-files-nodes", "referencedSecurityGroupId")),
    (early_tree, changed("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project", dependencies=())),
    (release_not_beside_the_nodes, changed(NAMESPACE, "argocd-namespace", dependencies=())),
    (wrong_reach, changed(POLICY, "identity-argocd-backup-objects", {"policy": "{}"})),
    (wrong_reach, changed(POLICY, "identity-external-dns-domain", {"policy": "{}"})),
    (wrong_words, _handing("storage", backupsBucket="platform-prod-logs")),
    (wrong_words, _handing("storage", fileSystemId="fsap-1", accessPointId="fs-1")),
    (wrong_words, _handing("edge", login={"issuer": "", "clientId": "", "secret": ""})),
    (wrong_words, _handing("alarms", topicArn="")),
    (wrong_words, changed(*RELEASE, {"values": {"configs": {"cm": {}}}})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))
# Of a self-managed stack.
OF_MACHINES: list[tuple[Control, Mutation]] = [
    (closed_files, _linked(INGRESS, "storage-files-nodes", "referencedSecurityGroupId", "::cluster-eksCluster")),
    (closed_files, without(INGRESS, "storage-files-nodes")),
    (release_not_beside_the_nodes, changed(NAMESPACE, "argocd-namespace", dependencies=())),
    (release_not_beside_the_nodes, _argocd_after_nodes),
    (misplaced_records, _linked(RECORD, "images-a", "zoneId", "endpoint-zone")),
]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(whole_stack: WholeStack, stack: str, control: Control) -> None:
    """Each stack's surroundings fit together."""
    assert control(whole_stack(stack)) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(whole_stack: WholeStack, control: Control, mutation: Mutation) -> None:
    """Each control reports surroundings of which one thing was changed."""
    assert control(mutation(whole_stack("prod"))) != []


@pytest.fixture(scope="module")
def with_files(capture: Callable[..., Capture]) -> Capture:
    """Return a self-managed stack with the file system that its settings leave out."""
    return capture_stack(capture, "nodes14", {"storage": {"fileSystem": True}})


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds_with_files_on_self_managed_nodes(with_files: Capture, control: Control) -> None:
    """Machines may mount the file system, and the tree is told of it."""
    assert control(with_files) == []


@pytest.mark.parametrize(("control", "mutation"), OF_MACHINES, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation_on_self_managed_nodes(
    with_files: Capture, control: Control, mutation: Mutation
) -> None:
    """Where the control asks another thing of machines than of EKS, that is seen as well."""
    assert control(mutation(with_files)) != []


def test_other_values_reach_what_they_are_for(capture: Callable[..., Capture]) -> None:
    """A region of CloudFront's own needs no second provider; keys that bills are split by come as written."""
    changes: dict[str, dict[str, Any]] = {
        "aws": {"region": "us-east-1"},
        "network": {"zones": {"us-east-1a": 0, "us-east-1b": 1, "us-east-1c": 2}},
        "observability": {"costAllocationTags": ["Project"]},
    }
    captured = capture_stack(capture, "dev", changes)
    assert [row.name for row in captured.of_type(PROVIDER)] == ["aws"]
    assert [row.inputs["tagKey"] for row in captured.of_type(COST_TAG)] == ["Project"]


def test_without_images_neither_key_nor_region_is_opened(capture: Callable[..., Capture]) -> None:
    """CloudFront may use the data key only where there is something for it to serve."""
    buckets = {"logs": "platform-dev-logs", "backups": "platform-dev-backups"}
    captured = capture_stack(capture, "dev", {"storage": {"buckets": buckets}})
    assert keys_without_the_cdn(captured) == ["storage-data"]
    assert [row.name for row in captured.of_type(PROVIDER)] == ["aws"]


def test_a_wrong_zone_ends_the_run_before_anything_is_made(capture: Callable[..., Capture]) -> None:
    """Who mistypes the zone learns it at once, not after the network and twenty minutes of a cluster."""
    functions = {**ACCOUNT_CALLS, ZONE_CALL: {"name": "example.org", "privateZone": False}}
    program = lambda: runpy.run_path(str(CHECKOUT / "__main__.py"))  # noqa: E731 - a program is a callable
    captured = capture(program, stack="dev", config=stack_config("dev"), functions=functions, expect=pulumi.RunError)
    assert "does not hold dev.example.com" in str(captured.error)
    assert [row.urn for row in captured.resources if row.type.startswith("aws:")] == []
