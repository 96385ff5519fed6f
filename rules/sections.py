"""The sections of a stack's configuration, one model each; keys are camelCase in YAML and snake_case here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from components.identity.policies.controllers import MOST_REPOSITORIES, MOST_ZONES
from rules import fields
from rules.regions import PARTITION_OF_REGION

Variant = Literal["eks", "self-managed"]


class Section(BaseModel):
    """Nothing is guessed: unknown keys are refused, numbers are no text, text is no number."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class Aws(Section):
    """Where the stack lives.

    Attributes:
        permissions_boundary: ARN of a policy that limits every role of the stack.
    """

    account_id: fields.AccountId
    region: fields.Region
    permissions_boundary: fields.BoundaryArn | None = None

    @property
    def partition(self) -> str:
        """The partition of the region, such as `aws-cn`."""
        return PARTITION_OF_REGION[self.region]


class Access(Section):
    """Who may use the API: IAM role ARNs by names of our own, no name and no role twice.

    Attributes:
        administrators: May do everything.
        break_glass: May do everything as well; for the day on which nobody else gets in, and alarmed upon.
        ci_apply: Pipelines that run `pulumi up`.
        ci_read: Pipelines that run `pulumi preview`; they see everything but Secrets.
    """

    administrators: fields.Administrators
    break_glass: fields.OptionalRoles
    ci_apply: fields.OptionalRoles
    ci_read: fields.OptionalRoles


class AnyCluster(Section):
    """What a control plane is told in both variants.

    Attributes:
        public_access_cidrs: Who may reach the API from outside; with none there is no public endpoint.
        deletion_protection: Whether AWS and Pulumi refuse to delete the cluster.
    """

    name: fields.ClusterName
    version: fields.KubernetesVersion
    public_access_cidrs: Annotated[tuple[fields.PublicCidr, ...], Field(strict=False, max_length=40)]
    deletion_protection: bool
    log_retention_days: fields.RetentionDays
    service_cidr: fields.ServiceNetwork


class Cluster(AnyCluster):
    """The control plane of EKS."""

    access: Access


class SelfManagedCluster(AnyCluster):
    """The control plane of one's own.

    Attributes:
        name: Also a label of the API's name in the VPC, `api.<name>.internal`.
        pod_cidr: Addresses of pods in Calico's overlay; they never leave a node unwrapped.
    """

    name: fields.LabelName
    pod_cidr: fields.OverlayNetwork


class Network(Section):
    """The VPC.

    Attributes:
        pod_cidr: A range of their own for pods, beside the VPC's; without it pods take addresses of the nodes' subnets.
        zones: Subnet slot by zone name. A zone keeps its slot; changing it would move its subnets.
        private_endpoints: Whether AWS is reached inside the VPC; a network without NAT needs it.
        load_balancers: How many load balancers the subnets must have addresses for.
    """

    cidr: fields.VpcNetwork
    pod_cidr: fields.PodNetwork | None = None
    zones: fields.Zones
    nat: Literal["none", "single", "per-az", "regional"]
    private_endpoints: bool
    load_balancers: Annotated[int, Field(ge=0, le=200)]
    flow_log_retention_days: fields.RetentionDays


class NodeCount(Section):
    """Size of the base node group; two nodes are the least that survives the loss of one."""

    min: Annotated[int, Field(ge=2)]
    desired: Annotated[int, Field(ge=2)]
    max: Annotated[int, Field(ge=2, le=450)]


class Nodes(Section):
    """The base node group, which is always on demand.

    Attributes:
        max_pods: Pods per node; each one more takes 11 MiB of the node's memory from all of them.
        ami_release: Release of the EKS image, which begins with the kubelet's version.
    """

    instance_type: fields.InstanceTypeName
    count: NodeCount
    max_pods: fields.MaxPods
    disk_gib: Annotated[int, Field(ge=20, le=16384, alias="diskGiB")]
    ami_release: fields.AmiRelease


class Taint(Section):
    """Keeps pods without a matching toleration away from a machine's node."""

    key: str
    value: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class ControlPlane(Section):
    """The machines of the control plane.

    Attributes:
        name: Of the first one; the second and third are `<name>-2` and `<name>-3`.
        zones: One for each, in their order, no zone twice.
        renew: Whether a run replaces them when their image or user data is another; else these are left as they are.
    """

    name: fields.NodeName
    instance_type: fields.InstanceTypeName
    zones: Annotated[tuple[fields.ZoneName, ...], Field(strict=False, min_length=1)]
    disk_gib: Annotated[int, Field(ge=20, le=16384, alias="diskGiB")]
    renew: bool = False


class Machine(Section):
    """One machine that joins; its name is its key.

    Attributes:
        role: `api` and `worker` are shown as the node's role, `infrastructure` shows none.
        labels: Of the node; keys of Kubernetes' own are refused as the kubelet refuses them.
    """

    role: Literal["api", "worker", "infrastructure"]
    zone: fields.ZoneName
    instance_type: fields.InstanceTypeName
    labels: Annotated[Mapping[str, str], Field(default_factory=lambda: MappingProxyType({}))]
    taints: Annotated[tuple[Taint, ...], Field(strict=False)] = ()
    disk_gib: Annotated[int, Field(ge=20, le=16384, alias="diskGiB")]


class Machines(Section):
    """The EC2 instances of a self-managed cluster.

    Attributes:
        image: Id of an Ubuntu 24.04 image of the region; pinned, for a name's image changes under it.
        control_planes: One, or three of which one can be lost.
        total: How many machines there are in all, so that a line lost by mistake is noticed before its machine is.
        rollout: Raise it to replace workers with a fresh join token although nothing else changed.
        etcd_gib: Volume of each member of etcd.
    """

    image: fields.ImageId
    control_planes: Literal[1, 3]
    total: Annotated[int, Field(ge=2, le=1000)]
    rollout: Annotated[int, Field(ge=1)]
    etcd_gib: Annotated[int, Field(ge=8, le=1024, alias="etcdGiB")]
    control_plane: ControlPlane
    workers: Annotated[Mapping[fields.NodeName, Machine], Field(min_length=1), AfterValidator(fields.ordered)]


class KarpenterLimits(Section):
    """What all nodes of a NodePool may add up to."""

    cpu: fields.Cpu
    memory: fields.Memory
    nodes: Annotated[int, Field(ge=1, le=5000)]


class Freeze(Section):
    """A recurring time, in UTC, in which Karpenter takes no node away that still does its work.

    Attributes:
        schedule: Its beginnings, as five fields of cron or a word such as `@daily`.
        reasons: What is frozen; with none of them, all three.
    """

    schedule: fields.Schedule
    duration: fields.Hours
    reasons: Annotated[tuple[Literal["Underutilized", "Empty", "Drifted"], ...], Field(strict=False)] = ()


class Karpenter(Section):
    """The nodes that Karpenter makes.

    Attributes:
        ami_alias: Image of the nodes, pinned: `al2023@latest` would replace every node when AWS publishes.
        disruption_budget: How many of the nodes Karpenter may take away at a time.
        freezes: When no node is taken away that still does its work.
        max_pods: Pods per node, whatever its type.
        replicas: Controllers, of which one leads.
    """

    capacity_types: Annotated[tuple[Literal["spot", "on-demand"], ...], Field(strict=False, min_length=1)]
    instance_families: Annotated[tuple[fields.Family, ...], Field(strict=False, min_length=1)]
    instance_sizes: Annotated[tuple[fields.Size, ...], Field(strict=False, min_length=1)]
    limits: KarpenterLimits
    consolidate_after: fields.Duration
    disruption_budget: fields.Share
    freezes: Annotated[tuple[Freeze, ...], Field(strict=False)] = ()
    ami_alias: fields.AmiAlias
    volume_size: fields.Volume
    max_pods: fields.MaxPods
    replicas: Annotated[int, Field(ge=1, le=5)]


class Identity(Section):
    """What the controllers in the cluster may reach in the account beyond what carries the cluster's tags.

    Attributes:
        secrets_prefix: external-secrets reads the secrets whose names begin with it, and no others.
        hosted_zone_ids: Route 53 zones that external-dns writes; with none it gets no identity.
        chart_repositories: ECR repositories whose charts Argo CD reads; with none it gets no right to.
    """

    secrets_prefix: fields.SecretsPrefix
    hosted_zone_ids: Annotated[tuple[fields.HostedZoneId, ...], Field(strict=False, max_length=MOST_ZONES)] = ()
    chart_repositories: Annotated[
        tuple[fields.RepositoryName, ...], Field(strict=False, max_length=MOST_REPOSITORIES)
    ] = ()


class Buckets(Section):
    """Names of the stack's S3 buckets, which are taken from all accounts' common space.

    Attributes:
        logs: Access logs of buckets, load balancers and CloudFront.
        backups: What the cluster's side backs up: Argo CD's objects and the databases' dumps.
        images: What CloudFront serves under `images.<domain>`; without it there is no distribution.
        issuer: Two public documents by which AWS knows the tokens of a self-managed cluster's service accounts.
    """

    logs: fields.BucketName
    backups: fields.BucketName
    images: fields.BucketName | None = None
    issuer: fields.BucketName | None = None


class Storage(Section):
    """What holds data beside the cluster.

    Attributes:
        keep_data: Whether a destroy leaves buckets, file system, repositories, backups and their keys behind.
        file_system: Whether there is an EFS file system, for volumes that many pods write.
        backup_retention_days: How long daily backups are kept.
        repositories: ECR repositories of the workloads' images.
        pushers: Roles of pipelines that may take the role which pushes to the repositories; with none there is none.
    """

    keep_data: bool
    file_system: bool
    backup_retention_days: Annotated[int, Field(ge=7, le=3650)]
    buckets: Buckets
    repositories: Annotated[tuple[fields.RepositoryName, ...], Field(strict=False, max_length=MOST_REPOSITORIES)]
    pushers: fields.OptionalRoles


class Edge(Section):
    """How the outside reaches the stack; without a domain it does not.

    Attributes:
        domain: What everything published is named under, such as `dev.example.com`.
        hosted_zone_id: A public zone of this account that exists and whose name the domain ends in.
        delegate: Whether the domain gets a zone of its own, delegated from that one; else its records go into that one.
        login: Whether there is a Cognito user pool, whose groups Argo CD knows.
        firewall: Whether AWS WAF stands before CloudFront and what the tree publishes.
    """

    domain: fields.Domain | None = None
    hosted_zone_id: fields.HostedZoneId | None = None
    delegate: bool = False
    login: bool = False
    firewall: bool = False


class Secrets(Section):
    """Entries of Secrets Manager. Their values are put there by hand or by `platform secrets`, never from here.

    Attributes:
        recovery_days: How long a deleted secret can be had back: 7 to 30 days, or 0 for not at all.
        entries: What each holds, by its name below `identity.secretsPrefix`.
    """

    recovery_days: fields.RecoveryDays
    entries: fields.SecretEntries


class Observability(Section):
    """What is watched, and who hears of it.

    Attributes:
        alarm_emails: Get the alarms and the budget's warnings; each has to confirm once.
        monthly_budget: USD a month, beyond which there is a warning.
        cost_allocation_tags: Tag keys that bills are split by. It is the account's setting: name them in one stack per
            account, and only after the first bill has seen them.
    """

    alarm_emails: Annotated[tuple[fields.Email, ...], Field(strict=False, max_length=10)]
    monthly_budget: Annotated[int, Field(ge=1, le=1_000_000, alias="monthlyBudgetUsd")]
    cost_allocation_tags: Annotated[tuple[fields.TagKey, ...], Field(strict=False, max_length=50)] = ()


class Charts(Section):
    """Where third-party charts come from.

    Attributes:
        mirror: Helm repository that stands in for every chart's own one, for closed networks.
    """

    mirror: fields.Mirror | None = None


class Images(Section):
    """Where container images come from.

    Attributes:
        registry: Registry, with a path if it has one, that holds copies of the images under their own paths, such as
            argoproj/argocd; for closed networks.
    """

    registry: fields.Registry | None = None


class Gitops(Section):
    """The tree that Argo CD takes over."""

    repository: fields.Repository
    revision: fields.Revision
    charts: Charts
    images: Images


class Workloads(Section):
    """The example workloads of the tree.

    Attributes:
        overlay: Which of their overlays is deployed; an image repository of its own decides whether one is at all.
    """

    overlay: Literal["dev", "staging", "prod"]


class Policy(Section):
    """How strict the rules are: production refuses what a development stack may do.

    Attributes:
        decommission: Takes every protection off, so that the next `pulumi destroy` can take the stack down.
    """

    tier: Literal["production", "development"]
    decommission: bool = False


_COMMON: Final[Mapping[str, type[Section]]] = {
    "aws": Aws,
    "network": Network,
    "identity": Identity,
    "storage": Storage,
    "edge": Edge,
    "secrets": Secrets,
    "observability": Observability,
    "gitops": Gitops,
    "policy": Policy,
}
MODELS: Final[Mapping[Variant, Mapping[str, type[Section]]]] = {
    "eks": {**_COMMON, "cluster": Cluster, "nodes": Nodes, "karpenter": Karpenter, "workloads": Workloads},
    "self-managed": {**_COMMON, "cluster": SelfManagedCluster, "machines": Machines},
}


def adapters(variant: Variant) -> dict[str, TypeAdapter[Any]]:
    """Return what checks each section of a variant."""
    tags: TypeAdapter[Any] = TypeAdapter(fields.Tags, config=ConfigDict(strict=True))
    return {**{name: TypeAdapter(model) for name, model in MODELS[variant].items()}, "tags": tags}


def known_keys(variant: Variant) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the keys that exist, by the path of the mapping that they stand in."""
    return {path: keys for name, model in MODELS[variant].items() for path, keys in _keys((name,), model)}


def _keys(path: tuple[str, ...], model: type[Section]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    yield path, tuple(str(field.alias) for field in model.model_fields.values())
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _keys((*path, str(field.alias)), field.annotation)
