"""Brings the emulated AWS to a model: load balancer, listeners with rules, target groups and a security group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.kubernetes.operators.load_balancers.model import Listener, Model
from sandbox.kubernetes.operators.load_balancers.placing import Place, subnets
from sandbox.kubernetes.operators.load_balancers.reading import Group, RefusedError
from sandbox.kubernetes.row import HeldError, Surroundings

__all__ = ["Stack"]

_CLUSTER: Final = "elbv2.k8s.aws/cluster"
_STACK: Final = "ingress.k8s.aws/stack"
_MODEL: Final = "sandbox/model"


class Stack:
    """What exists in AWS of one group of Ingresses.

    Args:
        around: Whose controller works.
        where: The cluster.
        group: The Ingresses.
    """

    def __init__(self, around: Surroundings, where: Place, group: Group) -> None:
        self._elb, self._ec2 = around.aws("elbv2", where.region), around.aws("ec2", where.region)
        self._aws, self._where = around.aws, where
        self._own = {_CLUSTER: where.cluster, _STACK: group.text}

    def bring(self, model: Model) -> str:
        """Bring AWS to the model and return the load balancer's name in DNS.

        Raises:
            RefusedError: No certificate or no subnet fits.
            HeldError: A load balancer that has to be replaced is protected.
        """
        present = self._balancer()
        if (
            present is not None
            and self._tags([present["LoadBalancerArn"]])[present["LoadBalancerArn"]].get(_MODEL) == model.digest
        ):
            return str(present["DNSName"]).lower()
        certificates = {port: self._certificates(one) for port, one in model.listeners.items()}
        if present is not None and (present["LoadBalancerName"], present["Scheme"]) != (model.name, model.scheme):
            self.remove()
            present = None
        tags = [{"Key": key, "Value": value} for key, value in {**model.tags, **self._own}.items()]
        group = self._security_group(model, tags)
        if present is None:
            present = self._elb.create_load_balancer(
                Name=model.name,
                Type="application",
                Scheme=model.scheme,
                Subnets=subnets(self._ec2, self._where, model.scheme, model.named_subnets),
                SecurityGroups=[group],
                Tags=tags,
            )["LoadBalancers"][0]
        arn = str(present["LoadBalancerArn"])
        if model.attributes:
            self._require_bucket(model.attributes)
            attributes = [{"Key": key, "Value": value} for key, value in model.attributes.items()]
            self._elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
        self._listen(arn, model, certificates, self._target_groups(model, tags))
        self._drop_target_groups(model.targets)
        if model.firewall:
            self._aws("wafv2", self._where.region).associate_web_acl(WebACLArn=model.firewall, ResourceArn=arn)
        self._elb.add_tags(ResourceArns=[arn], Tags=[{"Key": _MODEL, "Value": model.digest}])
        return str(present["DNSName"]).lower()

    def remove(self) -> None:
        """Remove all of it. Raise `HeldError` where AWS refuses."""
        present = self._balancer()
        if present is not None:
            arn = str(present["LoadBalancerArn"])
            attributes = self._elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
            if {"Key": "deletion_protection.enabled", "Value": "true"} in attributes:
                raise HeldError(
                    "Failed deploy model due to OperationNotPermitted: "
                    f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
                )
            self._clear(arn)
            self._elb.delete_load_balancer(LoadBalancerArn=arn)
        self._drop_target_groups(())
        for group in self._security_groups():
            self._ec2.delete_security_group(GroupId=group)

    def _balancer(self) -> Mapping[str, Any] | None:
        found = {one["LoadBalancerArn"]: one for one in self._elb.describe_load_balancers()["LoadBalancers"]}
        return next((found[arn] for arn in self._mine(found)), None)

    def _mine(self, arns: Iterable[str]) -> list[str]:
        return [arn for arn, tags in self._tags([*arns]).items() if self._own.items() <= tags.items()]

    def _tags(self, arns: list[str]) -> dict[str, dict[str, str]]:
        # AWS takes twenty at a time.
        parts = [arns[start : start + 20] for start in range(0, len(arns), 20)]
        found = [one for part in parts for one in self._elb.describe_tags(ResourceArns=part)["TagDescriptions"]]
        return {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}

    def _security_groups(self) -> list[str]:
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in self._own.items()]
        return [one["GroupId"] for one in self._ec2.describe_security_groups(Filters=filters)["SecurityGroups"]]

    def _security_group(self, model: Model, tags: list[dict[str, str]]) -> str:
        if present := self._security_groups():
            return str(present[0])
        made = self._ec2.create_security_group(
            GroupName=model.name,
            Description="[k8s] Managed SecurityGroup for LoadBalancer",
            VpcId=self._where.vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
        )["GroupId"]
        ranges = [{"CidrIp": one} for one in model.cidrs]
        rules = [{"IpProtocol": "tcp", "FromPort": one, "ToPort": one, "IpRanges": ranges} for one in model.listeners]
        self._ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=rules)
        return str(made)

    def _target_groups(self, model: Model, tags: list[dict[str, str]]) -> dict[str, str]:
        """Return the ARN of each target group by its name."""
        found = {one["TargetGroupName"]: one["TargetGroupArn"] for one in self._every_target_group()}
        for name, target in model.targets.items():
            if name not in found:
                made = self._elb.create_target_group(
                    Name=name,
                    Protocol=target.protocol,
                    Port=target.port,
                    VpcId=self._where.vpc,
                    TargetType=target.kind,
                    Tags=tags,
                )
                found[name] = made["TargetGroups"][0]["TargetGroupArn"]
        return found

    def _every_target_group(self) -> list[Mapping[str, Any]]:
        return list(self._elb.describe_target_groups()["TargetGroups"])

    def _drop_target_groups(self, wanted: Iterable[str]) -> None:
        kept = {*wanted}
        names = {one["TargetGroupArn"]: one["TargetGroupName"] for one in self._every_target_group()}
        for arn in self._mine(names):
            if names[arn] not in kept:
                self._elb.delete_target_group(TargetGroupArn=arn)

    def _clear(self, arn: str) -> None:
        for listener in self._elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
            self._elb.delete_listener(ListenerArn=listener["ListenerArn"])

    def _listen(
        self, arn: str, model: Model, certificates: Mapping[int, list[str]], targets: Mapping[str, str]
    ) -> None:
        self._clear(arn)
        for port, listener in sorted(model.listeners.items()):
            secure: dict[str, Any] = {}
            default = {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
            }
            if listener.protocol == "HTTPS":
                secure = {"SslPolicy": model.policy, "Certificates": [{"CertificateArn": certificates[port][0]}]}
            elif model.redirect:
                config = {"Protocol": "HTTPS", "Port": str(model.redirect), "StatusCode": "HTTP_301"}
                default = {"Type": "redirect", "RedirectConfig": config}
            made = self._elb.create_listener(
                LoadBalancerArn=arn, Protocol=listener.protocol, Port=port, DefaultActions=[default], **secure
            )["Listeners"][0]["ListenerArn"]
            if more := certificates[port][1:]:
                wanted = [{"CertificateArn": one} for one in more]
                self._elb.add_listener_certificates(ListenerArn=made, Certificates=wanted)
            if listener.protocol == "HTTPS" or not model.redirect:
                self._rules(made, model, targets)

    def _rules(self, listener: str, model: Model, targets: Mapping[str, str]) -> None:
        for priority, (host, path, weights) in enumerate(model.rules, start=1):
            action: dict[str, Any] = {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"},
            }
            if weights:
                groups = [{"TargetGroupArn": targets[name], "Weight": weight} for name, weight in weights.items()]
                action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
            conditions = [{"Field": "path-pattern", "Values": [path if path == "/" else f"{path.rstrip('/')}/*"]}]
            conditions[0]["Values"] = ["/*"] if path == "/" else conditions[0]["Values"]
            if host:
                conditions.append({"Field": "host-header", "Values": [host]})
            self._elb.create_rule(ListenerArn=listener, Conditions=conditions, Priority=priority, Actions=[action])

    def _certificates(self, listener: Listener) -> list[str]:
        """Return the certificates of an HTTPS port. Raise `RefusedError` where a host has none that is issued."""
        if listener.protocol != "HTTPS":
            return []
        acm = self._aws("acm", self._where.region)
        issued = acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
        known = {one["CertificateArn"] for one in issued}
        if lost := sorted({*listener.certificates} - known):
            raise RefusedError(f"CertificateNotFound: Certificate '{lost[0]}' not found")
        found: set[str] = set()
        names = {arn: _names(acm, arn) for arn in listener.certificates or sorted(known)}
        for host in sorted(listener.hosts):
            fitting = {arn for arn, domains in names.items() if any(_fits(one, host) for one in domains)}
            if not fitting:
                # Named certificates are taken unseen by the real one; then every browser refuses the site.
                raise RefusedError(f"no certificate found for host: {host}")
            found |= fitting
        if not found and not listener.certificates:
            raise RefusedError("A certificate must be specified for HTTPS listeners")
        return listener.certificates or sorted(found)

    def _require_bucket(self, attributes: Mapping[str, str]) -> None:
        if attributes.get("access_logs.s3.enabled") != "true":
            return
        bucket = attributes.get("access_logs.s3.bucket", "")
        try:
            self._aws("s3", self._where.region).head_bucket(Bucket=bucket)
        except ClientError as error:
            raise RefusedError(f"InvalidConfigurationRequest: S3Bucket: {bucket} does not exist") from error


def _names(acm: Any, arn: str) -> list[str]:
    found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    return [found["DomainName"], *(found.get("SubjectAlternativeNames") or [])]


def _fits(domain: str, host: str) -> bool:
    """Say whether a certificate's name covers a host; a star stands for one label."""
    if domain.startswith("*."):
        return domain.count(".") == host.count(".") and domain.partition(".")[2] == host.partition(".")[2]
    return domain == host
