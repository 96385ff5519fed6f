"""Zone, certificates and firewalls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pulumi
from pulumi_aws.route53 import Record, Zone

from components.edge import names
from components.edge.certificate import ProvedCertificate, ProvedCertificateArgs
from components.edge.firewall import Firewall, FirewallArgs
from components.edge.zone import check_zone
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeArgs:
    """What the edge needs to know.

    Attributes:
        domain: What everything published is named under: lower case, at most 57 characters.
        hosted_zone_id: A public zone that exists, whose name is the domain or what it ends in.
        delegate: Whether the domain gets a zone of its own, delegated from that one; else its records go into that one.
        images: Whether there is to be a CDN, which wants a certificate and a firewall in us-east-1.
        firewall: Whether AWS WAF stands before the load balancers and the CDN.
        log_retention_days: Of the firewalls' logs; one of the periods that CloudWatch Logs offers.
        keep_data: Whether a destroy leaves a zone that was made here behind, and its delegation.
        protect: Whether Pulumi refuses to delete such a zone.
        global_provider: AWS in us-east-1; where the stack lies there, its own.
    """

    cluster_name: str
    domain: str
    hosted_zone_id: str
    delegate: bool
    images: bool
    firewall: bool
    log_retention_days: int
    keep_data: bool
    protect: bool
    global_provider: pulumi.ProviderResource
    place: Place


class Edge(pulumi.ComponentResource):
    """The zone of the domain, certificates for what is published under it, and web ACLs to stand before it.

    Attributes:
        zone_id: Where the domain's records go.
        name_servers: Of the zone that was made here; empty for one that was there.
        certificate_arn: For the domain and every name one label below, in the stack's region; known once issued.
        global_certificate_arn: For the CDN, in us-east-1; none without images.
        web_acl_arn: For load balancers; none without a firewall.
        global_web_acl_arn: For the CDN; none without a firewall or without images.
    """

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[list[str]]
    certificate_arn: pulumi.Output[str]
    global_certificate_arn: pulumi.Output[str] | None = None
    web_acl_arn: pulumi.Output[str] | None = None
    global_web_acl_arn: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Check the zone that is given and register the rest.

        Raises:
            pulumi.RunError: The zone does not hold the domain.
        """
        super().__init__("platform:edge:Edge", name, None, opts)
        self._name = name
        self._args = args
        # Before anything is made here.
        check_zone(args.domain, args.hosted_zone_id, delegate=args.delegate, opts=pulumi.InvokeOptions(parent=self))
        after = self._create_zone() if args.delegate else self._given_zone()
        self._create_certificates(after)
        if args.firewall:
            self._create_firewalls()
        self.register_outputs(
            {
                "zone_id": self.zone_id,
                "name_servers": self.name_servers,
                "certificate_arn": self.certificate_arn,
                "global_certificate_arn": self.global_certificate_arn,
                "web_acl_arn": self.web_acl_arn,
                "global_web_acl_arn": self.global_web_acl_arn,
            }
        )

    def _given_zone(self) -> list[pulumi.Resource]:
        self.zone_id = pulumi.Output.from_input(self._args.hosted_zone_id)
        self.name_servers = pulumi.Output.from_input([])
        return []

    def _create_zone(self) -> list[pulumi.Resource]:
        args = self._args
        kept = pulumi.ResourceOptions(
            parent=self, retain_on_delete=args.keep_data or None, protect=args.protect or None
        )
        zone = Zone(
            f"{self._name}-zone",
            name=args.domain,
            comment=f"{args.domain} of {args.cluster_name}",
            # Records of external-dns would hold a zone that is to go.
            force_destroy=not args.keep_data,
            tags=dict(args.place.tags),
            opts=kept,
        )
        delegation = Record(
            f"{self._name}-delegation",
            zone_id=args.hosted_zone_id,
            name=args.domain,
            type="NS",
            records=zone.name_servers,
            # One that a former destroy left stands there still; no tag says whose it is.
            allow_overwrite=args.keep_data or None,
            # A zone made anew has other name servers, and the world remembers the former ones for so long.
            ttl=300,
            opts=kept,
        )
        self.zone_id = zone.zone_id
        self.name_servers = zone.name_servers.apply(list)
        return [delegation]

    def _create_certificates(self, after: list[pulumi.Resource]) -> None:
        args = self._args
        common = ProvedCertificateArgs(
            domain=args.domain, wildcard=True, zone_id=self.zone_id, after=after, place=args.place
        )
        self.certificate_arn = ProvedCertificate(
            f"{self._name}-certificate", common, pulumi.ResourceOptions(parent=self)
        ).arn
        if args.images:
            self.global_certificate_arn = ProvedCertificate(
                f"{self._name}-global-certificate",
                replace(common, domain=names.images_name(args.domain), wildcard=False),
                self._everywhere(),
            ).arn

    def _create_firewalls(self) -> None:
        args = self._args
        common = FirewallArgs(
            firewall=names.firewall_name(args.cluster_name),
            scope="REGIONAL",
            log_retention_days=args.log_retention_days,
            place=args.place,
        )
        self.web_acl_arn = Firewall(f"{self._name}-firewall", common, pulumi.ResourceOptions(parent=self)).arn
        if args.images:
            self.global_web_acl_arn = Firewall(
                f"{self._name}-global-firewall",
                replace(
                    common,
                    firewall=names.global_firewall_name(args.cluster_name, args.place.region),
                    scope="CLOUDFRONT",
                    place=replace(args.place, region=names.GLOBAL_REGION),
                ),
                self._everywhere(),
            ).arn

    def _everywhere(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self._args.global_provider])
