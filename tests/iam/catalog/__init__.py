"""Every IAM document that this platform writes, by name, for a cluster; and the published ones that it attaches."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from components.edge.documents import distribution_reads, distributions_decrypt
from components.eks import documents as eks
from components.encryption.policy import key_policy
from components.identity import policy as identity
from components.identity.policies.controllers import CONTROLLERS, MOST_REPOSITORIES, MOST_ZONES, Reach
from components.identity.policies.ebs_csi import ebs_csi
from components.identity.policies.external_dns import external_dns_below
from components.identity.policies.scope import Scope
from components.karpenter import policy as karpenter
from components.karpenter.controller import controller_policies
from components.network import policy as network
from components.observability import names as watched
from components.observability import policy as observability
from components.partitions import dns_suffix
from components.secrets.policy import secret_policy
from components.self_managed import policy as machines
from components.self_managed.pki_math import CONFIGURATION_PATH, KEYS_PATH
from components.storage import documents as backups
from components.storage import policy as storage
from components.storage.names import plan_names

Document = dict[str, Any]

FOLDER: Final = Path(__file__).parents[1]
ACCOUNT: Final = "123456789012"
CLUSTER: Final = "demo"
REGION: Final = "ap-northeast-2"
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
REACH: Final = Reach(
    secrets_prefix="demo/",
    hosted_zone_ids=("Z0123456789ABC",),
    chart_repositories=("charts/platform",),
    backups_bucket="demo-backups",
)
# Of the machines of a self-managed cluster.
CONTROL_PLANE_KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/control-plane"
JOIN_KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/join"
BACKUPS: Final = "demo-backups"
ISSUER_BUCKET: Final = "demo-issuer"
LOGS: Final = "demo-logs"
DOMAIN: Final = "demo.example.com"
# The longest and the most that the settings take.
LARGE_REACH: Final = Reach(
    secrets_prefix=f"{'s' * 99}/",
    hosted_zone_ids=tuple(f"Z{number:031d}" for number in range(MOST_ZONES)),
    chart_repositories=tuple(f"{'r' * 254}{number:02d}" for number in range(MOST_REPOSITORIES)),
    backups_bucket="b" * 63,
    firewall=True,
)
# Service accounts of the add-ons that have a role.
ADDONS: Final = {
    "aws-ebs-csi-driver": ("kube-system", "ebs-csi-controller-sa"),
    "vpc-cni": ("kube-system", "aws-node"),
}
MANAGED: Final = tuple(sorted(identity.NODE_POLICIES.values()))
DEMO: Final = Scope(cluster_name=CLUSTER, region=REGION, partition="aws", account_id=ACCOUNT)


def identity_documents(
    scope: Scope = DEMO, reach: Reach = REACH, repositories: Sequence[str] = ("charts/platform",)
) -> dict[str, Document]:
    """Policies of roles, by `whose/purpose`."""
    place = {"region": scope.region, "partition": scope.partition, "account_id": scope.account_id}
    of_karpenter = controller_policies(karpenter.Scope(cluster_name=scope.cluster_name, **place))
    key = KEY.replace("arn:aws:", f"arn:{scope.partition}:").replace(REGION, scope.region)
    group = observability.log_group_arn(**place, log_group=network.flow_log_group_name(scope.cluster_name))
    return {
        **{f"karpenter/{kind}": document for kind, document in of_karpenter.items()},
        **{
            f"{name}/{purpose}": document
            for name, controller in CONTROLLERS.items()
            for purpose, document in controller.documents(scope, reach).items()
        },
        "external-dns-below/domain": external_dns_below(scope, DOMAIN),
        "aws-ebs-csi-driver/volumes": ebs_csi(scope, key_arn=key),
        "flow-logs/delivery": network.flow_log_delivery(group),
        "backup/volumes-and-files": backups.backup(plan_names(scope.cluster_name).vault, **place),
        "image-push/repositories": storage.push(repositories, **place),
        "free-addresses/counting": observability.function_rights(
            observability.log_group_arn(**place, log_group=watched.log_group(scope.cluster_name)),
            namespace=watched.NAMESPACE,
        ),
        **_machine_documents(scope),
    }


def _machine_documents(scope: Scope) -> dict[str, Document]:
    """Policies of a self-managed cluster's machines; they are inline in their two roles."""
    keys = [
        key.replace("arn:aws:", f"arn:{scope.partition}:").replace(REGION, scope.region)
        for key in (CONTROL_PLANE_KEY, JOIN_KEY)
    ]
    control_plane = {
        "secrets": machines.control_plane_secrets(scope, key_arn=keys[0], join_key_arn=keys[1]),
        **machines.control_plane_documents(scope, backups_bucket=BACKUPS, logs_bucket=LOGS),
    }
    worker = {"secrets": machines.worker_secrets(scope, join_key_arn=keys[1]), **machines.worker_documents()}
    return {
        f"{role}/{purpose}": document
        for role, documents in (("control-plane", control_plane), ("worker", worker))
        for purpose, document in documents.items()
    }


def issuer(scope: Scope) -> str:
    """URL of a self-managed cluster's issuer."""
    return f"https://{ISSUER_BUCKET}.s3.{scope.region}.{dns_suffix(scope.partition)}"


def trust_documents(scope: Scope = DEMO) -> dict[str, Document]:
    """Who may take a role, by whose role it is."""
    place = {"region": scope.region, "partition": scope.partition, "account_id": scope.account_id}
    cluster = identity.cluster_arn(**place, cluster_name=scope.cluster_name)
    accounts = {name: (one.namespace, one.service_account) for name, one in CONTROLLERS.items()} | ADDONS
    accounts["karpenter"] = (karpenter.NAMESPACE, karpenter.SERVICE_ACCOUNT)
    own_issuer = issuer(scope)
    provider = identity.oidc_provider_arn(partition=scope.partition, account_id=scope.account_id, issuer=own_issuer)
    return {
        "cluster": identity.control_plane_trust(),
        "nodes": identity.node_trust(scope.partition),
        "flow-logs": network.flow_log_trust(**place),
        "backup": backups.backup_trust(account_id=scope.account_id),
        "free-addresses": observability.function_trust(),
        "image-push": storage.push_trust([f"arn:{scope.partition}:iam::{scope.account_id}:role/ci"]),
        **{
            name: identity.pod_identity_trust(
                account_id=scope.account_id, cluster=cluster, namespace=namespace, service_account=service_account
            )
            for name, (namespace, service_account) in accounts.items()
        },
        **{
            f"{name} by IRSA": identity.irsa_trust(
                provider_arn=provider, issuer=own_issuer, namespace=namespace, service_account=service_account
            )
            for name, (namespace, service_account) in accounts.items()
        },
    }


def resource_documents(scope: Scope = DEMO) -> dict[str, Document]:
    """Policies of resources, by what they lie on."""
    place = {"region": scope.region, "partition": scope.partition, "account_id": scope.account_id}
    account = {"partition": scope.partition, "account_id": scope.account_id}
    group = observability.log_group_arn(**place, log_group=f"/aws/eks/{scope.cluster_name}/cluster")
    secrets_key: Document = json.loads(eks.secrets_key_policy(partition=scope.partition, account_id=scope.account_id))
    return {
        "interruption-queue": karpenter.queue_policy(karpenter.Scope(cluster_name=scope.cluster_name, **place)),
        "log-group-key": observability.log_group_key(group, **place),
        "secrets-key": secrets_key,
        "data-key": json.loads(key_policy([distributions_decrypt(**account)], **account)),
        "logs-bucket": storage.bucket_policy(
            storage.bucket_arn(scope.partition, LOGS), storage.log_delivery(LOGS, **place)
        ),
        "images-bucket": _images_bucket(scope),
        "file-system": storage.file_system_policy(scope.arn("elasticfilesystem", "file-system/fs-1"), **place),
        "alarms-topic": observability.topic_policy(watched.topic(scope.cluster_name), **place, budgets=True),
        "alarms-key": json.loads(key_policy(observability.topic_key_statements(**place, budgets=True), **account)),
        "backup-vault": backups.vault_policy(),
        "secret": json.loads(secret_policy(account_id=scope.account_id)),
        "control-plane-key": json.loads(
            key_policy(machines.control_plane_key_denials(scope, issuer=issuer(scope)), **account)
        ),
        "join-key": json.loads(key_policy(machines.join_key_denials(scope, issuer=issuer(scope)), **account)),
        "issuer-bucket": _issuer_bucket(scope),
    }


def _issuer_bucket(scope: Scope) -> Document:
    arn = storage.bucket_arn(scope.partition, ISSUER_BUCKET)
    return storage.bucket_policy(arn, [storage.everybody_reads(arn, [CONFIGURATION_PATH, KEYS_PATH])])


def _images_bucket(scope: Scope) -> Document:
    arn = storage.bucket_arn(scope.partition, "demo-images")
    distribution = f"arn:{scope.partition}:cloudfront::{scope.account_id}:distribution/E1"
    return storage.bucket_policy(arn, [distribution_reads(bucket_arn=arn, distribution_arn=distribution)])


def published(name: str) -> list[Document]:
    """Statements of a published policy, kept as test data with their source."""
    statements: list[Document] = json.loads((FOLDER / "upstream" / f"{name}.json").read_text())["statements"]
    return statements


def principals() -> Mapping[str, list[Document]]:
    """What each principal of the cases may do: the statements of all its documents together."""
    found: dict[str, list[Document]] = {}
    for name, document in identity_documents().items():
        found.setdefault(name.partition("/")[0], []).extend(document["Statement"])
    found["node"] = [statement for name in MANAGED for statement in published(name)]
    found |= {f"trust of {name}": document["Statement"] for name, document in trust_documents().items()}
    found |= {name: document["Statement"] for name, document in resource_documents().items()}
    # What a policy only forbids shows in the hands of somebody whom IAM lets everything.
    for name in ("backup-vault", "secret", "control-plane-key", "join-key"):
        denied = [statement for statement in found[name] if statement["Effect"] == "Deny"]
        found[name] = [{"Sid": "Administrator", "Effect": "Allow", "Action": "*", "Resource": "*"}, *denied]
    return found


def size(document: Document) -> int:
    """Characters as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"))))
