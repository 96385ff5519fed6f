"""What lies around a cluster, whichever variant it is: storage, edge, secrets, and what watches all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi_aws import Provider as AwsProvider
from pulumi_aws import ProviderDefaultTagsArgs

from components.argocd.component import LoginClient
from components.argocd.handover import EdgeHandover, LoginHandover, SecretsHandover, StorageHandover
from components.edge import ingress, names
from components.edge.component import Edge, EdgeArgs
from components.edge.documents import distributions_decrypt
from components.edge.images import Images, ImagesArgs
from components.edge.login import Login, LoginArgs
from components.identity.policies.controllers import Reach
from components.observability.component import Observability, ObservabilityArgs
from components.place import Place
from components.secrets.component import Secrets, SecretsArgs
from components.storage.component import Storage, StorageArgs
from settings import Settings

# A node takes prefixes of 16 addresses, and a load balancer eight; below that nothing new starts in a subnet.
_LEAST_FREE_ADDRESSES: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What the cluster's variant knows of what it is surrounded by.

    Attributes:
        subnet_ids: Private ones by zone key.
        workload_subnet_ids: Those that nodes and pods take addresses of, by role and zone key.
        node_security_group_id: Of every node.
        queue_name: Karpenter's interruption queue; none without Karpenter.
        rule_names: Those that fill it, by kind.
    """

    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    workload_subnet_ids: Mapping[str, pulumi.Input[str]]
    nat_gateway_ids: Mapping[str, pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    queue_name: pulumi.Input[str] | None = None
    rule_names: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What there is, each a component."""

    storage: Storage
    secrets: Secrets
    edge: Edge | None
    images: Images | None
    login: Login | None
    observability: Observability

    @property
    def resources(self) -> list[pulumi.Resource]:
        """All of them; the root Application comes after them and goes before."""
        optional = [one for one in (self.edge, self.images, self.login) if one is not None]
        return [self.storage, self.secrets, *optional, self.observability]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rim:
    """What comes before the cluster, because a wrong domain is to end the run before anything is made.

    Attributes:
        edge: None without a domain.
        provider: AWS in the stack's region.
        everywhere: AWS in us-east-1, where CloudFront takes certificates, firewalls and log deliveries from.
    """

    edge: Edge | None
    provider: AwsProvider
    everywhere: AwsProvider


def rim(settings: Settings, place: Place, protect: bool, provider: AwsProvider) -> Rim:
    """Check the zone of the domain, then register what lies under it.

    Raises:
        pulumi.RunError: The zone does not hold the domain.
    """
    everywhere = _global_provider(settings, provider)
    opts = pulumi.ResourceOptions(providers=[provider])
    return Rim(edge=_edge(settings, place, protect, everywhere, opts), provider=provider, everywhere=everywhere)


def surround(settings: Settings, place: Place, around: Around, protect: bool, outer: Rim) -> Surroundings:
    """Register what the settings ask for.

    Args:
        settings: The whole stack's.
        place: Where the stack is.
        around: What the cluster's variant knows.
        protect: Whether AWS and Pulumi refuse to delete what cannot be had again.
        outer: What came before.
    """
    opts = pulumi.ResourceOptions(providers=[outer.provider])
    edge, everywhere = outer.edge, outer.everywhere
    storage = _storage(settings, place, around, protect, opts)
    secrets = _secrets(settings, place, protect, opts)
    images = _images(settings, place, protect, everywhere, storage, edge, opts)
    return Surroundings(
        storage=storage,
        secrets=secrets,
        edge=edge,
        images=images,
        login=_login(settings, place, protect, secrets, opts),
        observability=_observability(settings, place, around, everywhere, storage, edge, opts),
    )


def _global_provider(settings: Settings, provider: AwsProvider) -> AwsProvider:
    """Return AWS in us-east-1, or the stack's own provider where that is it or nobody needs another."""
    if settings.aws.region == names.GLOBAL_REGION or settings.storage.buckets.images is None:
        return provider
    return AwsProvider(
        "aws-global",
        region=names.GLOBAL_REGION,
        allowed_account_ids=[settings.aws.account_id],
        default_tags=ProviderDefaultTagsArgs(tags=dict(settings.tags)),
    )


def _storage(settings: Settings, place: Place, around: Around, protect: bool, opts: pulumi.ResourceOptions) -> Storage:
    images = settings.storage.buckets.images
    where = {"partition": place.partition, "account_id": place.account_id}
    return Storage(
        "storage",
        StorageArgs(
            cluster_name=settings.cluster.name,
            vpc_id=around.vpc_id,
            subnet_ids=around.subnet_ids,
            node_security_group_id=around.node_security_group_id,
            logs_bucket=settings.storage.buckets.logs,
            backups_bucket=settings.storage.buckets.backups,
            file_system=settings.storage.file_system,
            repositories=settings.storage.repositories,
            pushers=settings.storage.pushers,
            backup_retention_days=settings.storage.backup_retention_days,
            key_statements=() if images is None else (distributions_decrypt(**where),),
            keep_data=settings.storage.keep_data,
            protect=protect,
            place=place,
        ),
        opts,
    )


def _secrets(settings: Settings, place: Place, protect: bool, opts: pulumi.ResourceOptions) -> Secrets:
    own = {names.LOGIN_SECRET: "clientId and clientSecret with which Argo CD logs people in"}
    return Secrets(
        "secrets",
        SecretsArgs(
            cluster_name=settings.cluster.name,
            prefix=settings.identity.secrets_prefix,
            entries={**settings.secrets.entries, **(own if settings.edge.login else {})},
            recovery_days=settings.secrets.recovery_days,
            protect=protect,
            place=place,
        ),
        opts,
    )


def _edge(
    settings: Settings, place: Place, protect: bool, everywhere: AwsProvider, opts: pulumi.ResourceOptions
) -> Edge | None:
    edge = settings.edge
    if edge.domain is None or edge.hosted_zone_id is None:
        return None
    return Edge(
        "edge",
        EdgeArgs(
            cluster_name=settings.cluster.name,
            domain=edge.domain,
            hosted_zone_id=edge.hosted_zone_id,
            delegate=edge.delegate,
            images=settings.storage.buckets.images is not None,
            firewall=edge.firewall,
            log_retention_days=settings.cluster.log_retention_days,
            keep_data=settings.storage.keep_data,
            protect=protect,
            global_provider=everywhere,
            place=place,
        ),
        opts,
    )


def _images(
    settings: Settings,
    place: Place,
    protect: bool,
    everywhere: AwsProvider,
    storage: Storage,
    edge: Edge | None,
    opts: pulumi.ResourceOptions,
) -> Images | None:
    bucket, domain = settings.storage.buckets.images, settings.edge.domain
    if bucket is None or domain is None or edge is None or edge.global_certificate_arn is None:
        return None
    return Images(
        "images",
        ImagesArgs(
            bucket=bucket,
            domain=domain,
            zone_id=edge.zone_id,
            certificate_arn=edge.global_certificate_arn,
            web_acl_arn=edge.global_web_acl_arn,
            key=storage.key.arn,
            log_bucket=storage.logs,
            global_provider=everywhere,
            keep_data=settings.storage.keep_data,
            protect=protect,
            place=place,
        ),
        opts,
    )


def _login(
    settings: Settings, place: Place, protect: bool, secrets: Secrets, opts: pulumi.ResourceOptions
) -> Login | None:
    if not settings.edge.login or settings.edge.domain is None:
        return None
    return Login(
        "login",
        LoginArgs(
            cluster_name=settings.cluster.name,
            domain=settings.edge.domain,
            secret_id=secrets.arns[names.LOGIN_SECRET],
            protect=protect,
            place=place,
        ),
        opts,
    )


def _observability(
    settings: Settings,
    place: Place,
    around: Around,
    everywhere: AwsProvider,
    storage: Storage,
    edge: Edge | None,
    opts: pulumi.ResourceOptions,
) -> Observability:
    images = None if edge is None else edge.global_certificate_arn
    return Observability(
        "observability",
        ObservabilityArgs(
            cluster_name=settings.cluster.name,
            emails=settings.observability.alarm_emails,
            monthly_budget=settings.observability.monthly_budget,
            cost_allocation_tags=settings.observability.cost_allocation_tags,
            nat_gateway_ids=around.nat_gateway_ids,
            subnet_ids=around.workload_subnet_ids,
            queue_name=around.queue_name,
            rule_names=around.rule_names,
            certificate_arns={} if edge is None else {"edge": edge.certificate_arn},
            global_certificate_arns={} if images is None else {"images": images},
            global_provider=everywhere,
            vault_name=storage.vault_name,
            free_addresses=_LEAST_FREE_ADDRESSES,
            log_retention_days=settings.cluster.log_retention_days,
            place=place,
        ),
        opts,
    )


def reach(settings: Settings) -> Reach:
    """Return what the controllers may reach beyond what carries the cluster's name."""
    return Reach(
        secrets_prefix=settings.identity.secrets_prefix,
        hosted_zone_ids=settings.identity.hosted_zone_ids,
        chart_repositories=settings.identity.chart_repositories,
        backups_bucket=settings.storage.buckets.backups,
        domain=settings.edge.domain,
        domain_zone_id=None if settings.edge.delegate else settings.edge.hosted_zone_id,
        firewall=settings.edge.firewall,
    )


def outputs(surroundings: Surroundings) -> dict[str, pulumi.Input[str]]:
    """Return what people and pipelines ask for, as far as it is there."""
    images, login, push_role_arn = surroundings.images, surroundings.login, surroundings.storage.push_role_arn
    found: dict[str, pulumi.Input[str]] = {"dashboardName": surroundings.observability.dashboard_name}
    if images is not None:
        found["imagesUrl"] = images.url
    if push_role_arn is not None:
        found["pushRoleArn"] = push_role_arn
    if login is not None:
        found["userPoolId"] = login.user_pool_id
    return found


def storage_handover(settings: Settings, surroundings: Surroundings) -> StorageHandover:
    """Return what the cluster's side is told of the storage."""
    storage, images = surroundings.storage, surroundings.images
    return StorageHandover(
        keep_data=settings.storage.keep_data,
        backups_bucket=storage.backups.bucket,
        file_system_id=storage.file_system_id,
        access_point_id=storage.access_point_id,
        images_url=None if images is None else images.url,
        repositories=storage.repository_urls,
    )


def secrets_handover(settings: Settings, surroundings: Surroundings) -> SecretsHandover:
    """Return what the cluster's side is told of secrets: their names."""
    return SecretsHandover(prefix=settings.identity.secrets_prefix, names=surroundings.secrets.names)


def edge_handover(settings: Settings, surroundings: Surroundings, protect: bool) -> EdgeHandover:
    """Return what the cluster's side is told of names, certificates and logins."""
    return EdgeHandover(
        domain=settings.edge.domain,
        login=_login_handover(surroundings),
        load_balancer=_load_balancer(settings, surroundings, protect),
        ingress_annotations={} if surroundings.edge is None else ingress.ingress_annotations(),
    )


def _login_handover(surroundings: Surroundings) -> LoginHandover | None:
    login = surroundings.login
    if login is None:
        return None
    secret = surroundings.secrets.names[names.LOGIN_SECRET]
    return LoginHandover(issuer=login.issuer, client_id=login.client_id, secret=secret)


def argocd_login(settings: Settings, surroundings: Surroundings) -> LoginClient | None:
    """Return with whom Argo CD's users log in."""
    login, domain = surroundings.login, settings.edge.domain
    if login is None or domain is None:
        return None
    return LoginClient(
        url=names.argocd_url(domain), issuer=login.issuer, client_id=login.client_id, logout_url=login.logout_url
    )


def _load_balancer(settings: Settings, surroundings: Surroundings, protect: bool) -> dict[str, Any]:
    """Return what every load balancer has to be; empty without a domain, for then there is no certificate either."""
    edge = surroundings.edge
    if edge is None:
        return {}
    return ingress.class_params(
        certificate_arn=edge.certificate_arn,
        logs_bucket=surroundings.storage.logs.bucket,
        protect=protect,
        web_acl_arn=edge.web_acl_arn,
        tags=settings.tags,
    )
