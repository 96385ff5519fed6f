"""What Pulumi tells the GitOps tree: the only bridge between the two.

The root Application carries it as `helm.valuesObject` to the chart gitops/bootstrap, whose values.schema.json states
the same keys from the other side. An Application's spec is readable by many, so no value here may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pulumi

from components.eks import kubelet

Variant = Literal["eks", "self-managed"]
# Controllers of the tree whose service accounts have to be told their role.
IDENTITIES: Final = (
    "argocd-backup",
    "aws-ebs-csi-driver",
    "aws-load-balancer-controller",
    "external-dns",
    "external-secrets",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterHandover:
    """Where the tree runs.

    Attributes:
        variant: Decides which controllers the tree has.
        vpc_id: Of the nodes: pods cannot ask the instance metadata for it.
        network_cidr: Where load balancers speak from, for network policies.
    """

    name: str
    region: str
    variant: Variant
    vpc_id: pulumi.Input[str]
    network_cidr: str

    def values(self) -> dict[str, Any]:
        """Return the values below `cluster`."""
        return {
            "name": self.name,
            "region": self.region,
            "variant": self.variant,
            "vpcId": self.vpc_id,
            "networkCidr": self.network_cidr,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryHandover:
    """Where the tree itself lies: an https or ssh URL without credentials, and a revision."""

    url: str
    revision: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartHandover:
    """A third-party chart: repository (https URL, or OCI registry path without a scheme) and exact version."""

    repository: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """A recurring time, in UTC, in which Karpenter takes no node away that still does its work.

    Attributes:
        schedule: Beginnings, as five fields of cron or a word such as `@daily`.
        duration: Hours and minutes, such as `8h` or `1h30m`.
        reasons: What is frozen of `Underutilized`, `Empty` and `Drifted`; with none of them, all three.
    """

    schedule: str
    duration: str
    reasons: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class KarpenterHandover:
    """What the Karpenter chart, its EC2NodeClass and its NodePool need to know.

    Attributes:
        queue_name: Interruption queue.
        node_role_name: Role of the nodes that Karpenter makes.
        isolated: Whether the controller reaches AWS through endpoints in the VPC only.
        instance_profile_name: The nodes' profile, which an isolated controller cannot make; none otherwise.
        max_pods: Pods per node, on every instance type; with what is kept for so many it becomes `spec.kubelet`.
        user_data: NodeConfig as MIME text. Karpenter puts its own before it; where both speak this one wins, and they
            agree.
        limits: `cpu` and `memory` quantities, and if wanted the number of `nodes`, that the NodePool never exceeds.
        disruption_budget: How many of the nodes may go at a time, as a share such as `10%`.
        volume_size: Root volume as a quantity, such as `50Gi`.
    """

    queue_name: pulumi.Input[str]
    node_role_name: pulumi.Input[str]
    isolated: bool = False
    instance_profile_name: pulumi.Input[str] | None = None
    max_pods: int
    user_data: str
    ami_alias: str
    capacity_types: Sequence[str]
    instance_families: Sequence[str]
    instance_sizes: Sequence[str]
    limits: Mapping[str, str]
    consolidate_after: str
    disruption_budget: str
    freezes: Sequence[Freeze] = ()
    replicas: int
    volume_size: str

    def values(self) -> dict[str, Any]:
        """Return the values below `karpenter`."""
        return {
            "queueName": self.queue_name,
            "nodeRoleName": self.node_role_name,
            "isolated": self.isolated,
            "instanceProfileName": "" if self.instance_profile_name is None else self.instance_profile_name,
            "kubelet": kubelet.scheduling(self.max_pods),
            "userData": self.user_data,
            "amiAlias": self.ami_alias,
            "capacityTypes": list(self.capacity_types),
            "instanceFamilies": list(self.instance_families),
            "instanceSizes": list(self.instance_sizes),
            "limits": {"nodes": "", **self.limits},
            "consolidateAfter": self.consolidate_after,
            "disruptionBudget": self.disruption_budget,
            "freezes": [
                {"schedule": freeze.schedule, "duration": freeze.duration, "reasons": list(freeze.reasons)}
                for freeze in self.freezes
            ],
            "replicas": self.replicas,
            "volumeSize": self.volume_size,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageHandover:
    """Where the cluster's side puts what it keeps.

    Attributes:
        file_system_id: Of EFS; none if there is none.
        access_point_id: One in the file system that all may share.
        images_url: Where CloudFront serves the images bucket; none if there is none.
        repositories: URLs of the ECR repositories by name. A workload whose image has none is left out of the tree.
        keep_data: Whether databases' volumes outlive their claims.
    """

    keep_data: bool
    backups_bucket: pulumi.Input[str]
    file_system_id: pulumi.Input[str] | None = None
    access_point_id: pulumi.Input[str] | None = None
    images_url: pulumi.Input[str] | None = None
    repositories: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return the values below `storage`."""
        return {
            "fileSystemId": "" if self.file_system_id is None else self.file_system_id,
            "accessPointId": "" if self.access_point_id is None else self.access_point_id,
            "backupsBucket": self.backups_bucket,
            "imagesUrl": "" if self.images_url is None else self.images_url,
            "repositories": dict(self.repositories),
            "dataClass": "gp3-retain" if self.keep_data else "gp3",
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginHandover:
    """With whom Argo CD's users log in.

    Attributes:
        issuer: URL of the OpenID provider.
        secret: Name of the secret that holds the client's id and secret; never its value.
    """

    issuer: pulumi.Input[str]
    client_id: pulumi.Input[str]
    secret: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeHandover:
    """How the outside reaches what the tree publishes.

    Attributes:
        domain: What published names end in; none if nothing is published.
        load_balancer: The spec of the IngressClassParams that every Ingress takes.
        ingress_annotations: What every Ingress carries beside, for the class cannot say it.
    """

    domain: str | None = None
    login: LoginHandover | None = None
    load_balancer: Mapping[str, Any] = field(default_factory=dict)
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return the values below `edge`."""
        login = self.login or LoginHandover(issuer="", client_id="", secret="")
        return {
            "domain": self.domain or "",
            "login": {"issuer": login.issuer, "clientId": login.client_id, "secret": login.secret},
            "loadBalancer": dict(self.load_balancer),
            "ingressAnnotations": dict(self.ingress_annotations),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretsHandover:
    """What lies in Secrets Manager for the cluster's side; never a value.

    Attributes:
        prefix: What all names begin with, such as `platform-dev/`.
        names: Whole names by what they are for, such as `gitops/github`.
    """

    prefix: str
    names: Mapping[str, pulumi.Input[str]]

    def values(self) -> dict[str, Any]:
        """Return the values below `secrets`."""
        return {"prefix": self.prefix, "names": dict(self.names)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """Everything the cluster's side needs from the program's side.

    Attributes:
        registry: Holds copies of the images under their publishers' paths; none if nodes reach those.
        karpenter: On EKS only: a self-managed cluster has the machines that its configuration names.
        identity: What a controller's service account must carry, by the controller's name; empty on EKS, where AWS
            keeps the associations. Of it the tree gets what it reads (`IDENTITIES`).
        overlay: Which overlay of the example workloads is deployed; on EKS only.
        alarm_topic_arn: SNS topic that alarms go to.
    """

    cluster: ClusterHandover
    repository: RepositoryHandover
    charts: Mapping[str, ChartHandover]
    registry: str | None = None
    karpenter: KarpenterHandover | None = None
    identity: Mapping[str, Mapping[str, pulumi.Input[str]]] = field(default_factory=dict)
    storage: StorageHandover
    edge: EdgeHandover
    secrets: SecretsHandover
    overlay: str | None = None
    alarm_topic_arn: pulumi.Input[str]
    tags: Mapping[str, str]

    def values(self) -> dict[str, Any]:
        """Return the values of gitops/bootstrap; some may be outputs."""
        return {
            "cluster": self.cluster.values(),
            "repository": {"url": self.repository.url, "revision": self.repository.revision},
            "charts": {
                name: {"repository": chart.repository, "version": chart.version} for name, chart in self.charts.items()
            },
            "images": {"registry": self.registry or ""},
            **({} if self.karpenter is None else {"karpenter": self.karpenter.values()}),
            "identity": {name: dict(self.identity[name]) for name in IDENTITIES if name in self.identity},
            "storage": self.storage.values(),
            "edge": self.edge.values(),
            "secrets": self.secrets.values(),
            **({} if self.overlay is None else {"workloads": {"overlay": self.overlay}}),
            "alarms": {"topicArn": self.alarm_topic_arn},
            "tags": dict(self.tags),
        }
