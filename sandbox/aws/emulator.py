"""The emulated AWS: moto's server on a loopback port, and an inventory of what exists in it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from sandbox.aws import cloudfront_api
from sandbox.aws.balancer_gaps import HEALTH
from sandbox.aws.calls import Caller, pick, recipe
from sandbox.aws.console import CONSOLE
from sandbox.aws.dns import REGISTERED, public_zones
from sandbox.aws.eks_api import EKS, install
from sandbox.aws.gaps import fill_gaps
from sandbox.aws.images import IMAGES, add_image
from sandbox.aws.session import ACCOUNT

__all__ = ["AwsEmulator"]

# Service → kind → where the ids are. Entries of two items are an id and its VPC: those of default VPCs are moto's own,
# and those whose VPC is gone are network ACLs that moto forgets to remove.
KINDS: dict[str, dict[str, str]] = {
    "ec2": {
        "vpcs": "describe_vpcs -> Vpcs[?!IsDefault].VpcId",
        "subnets": "describe_subnets -> Subnets[?!DefaultForAz].SubnetId",
        "security groups": "describe_security_groups -> SecurityGroups[].[GroupId, VpcId]",
        "route tables": "describe_route_tables -> RouteTables[].[RouteTableId, VpcId]",
        "network ACLs": "describe_network_acls -> NetworkAcls[].[NetworkAclId, VpcId]",
        "internet gateways": "describe_internet_gateways -> InternetGateways[].InternetGatewayId",
        "addresses": "describe_addresses -> Addresses[].AllocationId",
        "NAT gateways": "describe_nat_gateways -> NatGateways[?State!='deleted'].NatGatewayId",
        "network interfaces": "describe_network_interfaces -> NetworkInterfaces[].NetworkInterfaceId",
        "VPC endpoints": "describe_vpc_endpoints -> VpcEndpoints[?State!='deleted'].VpcEndpointId",
        "flow logs": "describe_flow_logs -> FlowLogs[].FlowLogId",
        "launch templates": "describe_launch_templates {MaxResults: `200`} -> LaunchTemplates[].LaunchTemplateId",
        "instances": "describe_instances -> Reservations[].Instances[?State.Name!='terminated'][].InstanceId",
        "volumes": "describe_volumes -> Volumes[].VolumeId",
        "key pairs": "describe_key_pairs -> KeyPairs[].KeyName",
    },
    "iam": {
        "roles": "list_roles -> Roles[].RoleName",
        "policies": "list_policies {Scope: 'Local'} -> Policies[].Arn",
        "instance profiles": "list_instance_profiles -> InstanceProfiles[].InstanceProfileName",
        "OIDC providers": "list_open_id_connect_providers -> OpenIDConnectProviderList[].Arn",
        "users": "list_users -> Users[].UserName",
    },
    "kms": {"aliases": "list_aliases -> Aliases[?!starts_with(AliasName, 'alias/aws/')].AliasName"},
    "logs": {
        "log groups": "describe_log_groups -> logGroups[].logGroupName",
        "delivery sources": "describe_delivery_sources -> deliverySources[].name",
        "delivery destinations": "describe_delivery_destinations -> deliveryDestinations[].name",
        "deliveries": "describe_deliveries -> deliveries[].id",
    },
    "sqs": {"queues": "list_queues -> QueueUrls"},
    "events": {"rules": "list_rules -> Rules[].Name"},
    # A topic takes its subscriptions along, a user pool its groups and clients.
    "sns": {"topics": "list_topics -> Topics[].TopicArn"},
    "cognito-idp": {"user pools": "list_user_pools {MaxResults: `60`} -> UserPools[].Id"},
    "lambda": {"functions": "list_functions -> Functions[].FunctionName"},
    "cloudwatch": {
        "alarms": "describe_alarms -> MetricAlarms[].AlarmName",
        "dashboards": "list_dashboards -> DashboardEntries[].DashboardName",
    },
    "budgets": {"budgets": f"describe_budgets {{AccountId: '{ACCOUNT}'}} -> Budgets[].BudgetName"},
    "ce": {"cost allocation tags": "list_cost_allocation_tags {Status: 'Active'} -> CostAllocationTags[].TagKey"},
    "s3": {"buckets": "list_buckets -> Buckets[].Name"},
    "ssm": {"parameters": "describe_parameters -> Parameters[?!starts_with(Name, '/aws/')].Name"},
    "secretsmanager": {"secrets": "list_secrets -> SecretList[].Name"},
    "elbv2": {
        "load balancers": "describe_load_balancers -> LoadBalancers[].LoadBalancerArn",
        "target groups": "describe_target_groups -> TargetGroups[].TargetGroupArn",
    },
    "autoscaling": {"groups": "describe_auto_scaling_groups -> AutoScalingGroups[].AutoScalingGroupName"},
    "ecr": {"repositories": "describe_repositories -> repositories[].repositoryName"},
    "efs": {
        "file systems": "describe_file_systems -> FileSystems[].FileSystemId",
        "access points": "describe_access_points -> AccessPoints[].AccessPointId",
    },
    "backup": {
        "vaults": "list_backup_vaults -> BackupVaultList[].BackupVaultName",
        "plans": "list_backup_plans -> BackupPlansList[].BackupPlanId",
    },
    "dynamodb": {"tables": "list_tables -> TableNames"},
    "route53": {"zones": "list_hosted_zones -> HostedZones[].replace(Id, '/hostedzone/', '')"},
    "acm": {"certificates": "list_certificates -> CertificateSummaryList[].CertificateArn"},
    "cloudfront": {
        "distributions": "list_distributions -> DistributionList.Items[].Id",
        "origin access controls": "list_origin_access_controls -> OriginAccessControlList.Items[].Id",
        "response headers policies": "list_response_headers_policies"
        " -> ResponseHeadersPolicyList.Items[].ResponseHeadersPolicy.Id",
    },
    # moto keeps those of CloudFront in a region of its own, `aws`, and lists them there whatever scope is asked for.
    "wafv2": {
        "web ACLs": "list_web_acls {Scope: 'REGIONAL'} -> WebACLs[].Id",
        "logging configurations": "list_logging_configurations {Scope: 'REGIONAL'}"
        " -> LoggingConfigurations[].ResourceArn",
    },
}
GLOBAL = ("budgets", "ce", "cloudfront", "iam", "route53", "s3")
# Where moto calls a service otherwise than boto3.
MOTO_NAMES = {"cognito-idp": "cognitoidp", "lambda": "awslambda"}
PENDING = "pending deletion"
PENDING_SECRETS = "list_secrets {IncludePlannedDeletion: `true`} -> SecretList[?DeletedDate].Name"


class AwsEmulator:
    """AWS on a loopback port, in this process. moto keeps its state per process, so one emulator runs at a time.

    Args:
        folder: Folder for the log of requests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: ThreadedMotoServer | None = None
        self._log: logging.Handler | None = None
        self._caller: Caller | None = None

    def start(self) -> str:
        """Start empty on a free port and return the endpoint's URL."""
        # Read by moto when its IAM is first used; without it every AWS-managed policy is unknown.
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        install()
        cloudfront_api.install()
        fill_gaps()
        self.reset()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = logging.FileHandler(self.folder / "aws.log", mode="w")
        logger = logging.getLogger("werkzeug")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self._log)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        self._caller = Caller(endpoint, ACCOUNT)
        return endpoint

    def stop(self) -> None:
        """Stop and forget everything. Idempotent."""
        if self._server is not None:
            self._server.stop()
            self._server = None
            self.reset()
        if self._log is not None:
            logging.getLogger("werkzeug").removeHandler(self._log)
            self._log.close()
            self._log = None

    def add_zone(self, domain: str) -> str:
        """Make the public zone of a registered domain, as one that was there before, and return its id."""
        if self._caller is None:
            raise RuntimeError("start the emulator first")
        params = {"Name": domain, "CallerReference": f"registered {domain}"}
        made = self._caller.call("route53", "us-east-1", "create_hosted_zone", params)["HostedZone"]["Id"]
        unique = str(made).rpartition("/")[2]
        REGISTERED.add(unique)
        return unique

    def add_image(self, name: str) -> str:
        """Make a published machine image known in every region, as one that was there before, and return its id."""
        return add_image(name)

    def regions(self, service: str) -> list[str]:
        """Return the regions in which a service was used."""
        return _regions(service)

    def inventory(self, services: Collection[str] | None = None) -> dict[str, dict[str, list[str]]]:
        """Return what exists, of these services or of all: service → kind → ids with their region.

        Two equal answers mean that nothing was left behind.
        What AWS itself removes later (keys and secrets whose deletion is scheduled) stands apart, under
        "pending deletion".
        """
        if self._caller is None:
            raise RuntimeError("start the emulator first")
        found: dict[str, dict[str, list[str]]] = {}
        asked = {*KINDS, "eks"} if services is None else {*services}
        for service in asked & KINDS.keys():
            kinds = KINDS[service]
            for region in _regions(service):
                for kind, ids in self._service(service, region, kinds).items():
                    found.setdefault(service, {}).setdefault(kind, []).extend(f"{region}/{name}" for name in ids)
        for region in _regions("kms") if "kms" in asked else ():
            self._keys(region, found)
        for region in _regions("secretsmanager") if "secretsmanager" in asked else ():
            for name in self._list("secretsmanager", region, PENDING_SECRETS):
                found.setdefault(PENDING, {}).setdefault("secrets", []).append(f"{region}/{name}")
        if "route53" in asked:
            self._records(found)
        eks = EKS.state.snapshot()
        if eks and "eks" in asked:
            found["eks"] = {kind: list(names) for kind, names in eks.items()}
        return {
            service: {kind: sorted(ids) for kind, ids in sorted(kinds.items())}
            for service, kinds in sorted(found.items())
        }

    def _service(self, service: str, region: str, kinds: dict[str, str]) -> dict[str, list[str]]:
        vpcs = (
            set(self._list(service, region, "describe_vpcs -> Vpcs[?!IsDefault].VpcId")) if service == "ec2" else set()
        )
        found = {}
        for kind, text in kinds.items():
            entries = self._list(service, region, text)
            ids = [
                entry[0] if isinstance(entry, list) else entry
                for entry in entries
                if not isinstance(entry, list) or entry[1] in vpcs
            ]
            if ids:
                found[kind] = ids
        return found

    def _records(self, found: dict[str, dict[str, list[str]]]) -> None:
        """Add the records of all zones, less those that a zone is made with."""
        zones = found.get("route53", {})
        for zone in public_zones():
            for record in zone.records:
                if record.type not in ("NS", "SOA") or record.name != zone.name:
                    zones.setdefault("records", []).append(f"us-east-1/{zone.id}_{record.name}_{record.type}")

    def _keys(self, region: str, found: dict[str, dict[str, list[str]]]) -> None:
        assert self._caller is not None
        aliased = self._list(
            "kms", region, "list_aliases -> Aliases[?starts_with(AliasName, 'alias/aws/')].TargetKeyId"
        )
        for key in self._list("kms", region, "list_keys -> Keys[].KeyId"):
            if key in aliased:
                continue
            state = self._caller.call("kms", region, "describe_key", {"KeyId": key})["KeyMetadata"]["KeyState"]
            place, kind = (PENDING, "kms keys") if state == "PendingDeletion" else ("kms", "keys")
            found.setdefault(place, {}).setdefault(kind, []).append(f"{region}/{key}")

    def _list(self, service: str, region: str, text: str) -> list[Any]:
        assert self._caller is not None
        step = recipe(text)
        client = self._caller.client(service, region)
        params = pick(step.args, {}, {}) if step.args else {}
        if client.can_paginate(step.operation):
            pages = list(client.get_paginator(step.operation).paginate(**params))
        else:
            pages = [self._caller.call(service, region, step.operation, params)]
        return [entry for page in pages for entry in pick(step.result, page, {}) or []]

    def reset(self) -> None:
        """Forget everything."""
        moto_api_backend.reset()
        EKS.reset()
        cloudfront_api.CLOUDFRONT.reset()
        CONSOLE.reset()
        REGISTERED.clear()
        IMAGES.clear()
        HEALTH.clear()


def _regions(service: str) -> list[str]:
    """Return the regions in which a service was used; a service that moto never loaded holds nothing."""
    models = sys.modules.get(f"moto.{MOTO_NAMES.get(service, service)}.models")
    if models is None:
        return []
    if service in GLOBAL:
        return ["us-east-1"]
    backends = next(
        (value for value in vars(models).values() if isinstance(value, BackendDict) and value.service_name == service),
        None,
    )
    return sorted(backends[ACCOUNT].keys()) if backends else []
