"""Configurations that must be refused, each with the one line that the user reads.

The rows are numbered by the list of forty bad inputs that the platform is measured against; 0 marks rules beyond it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
# Inside the support window of the versions below, whenever the tests run.
TODAY: Final = date(2026, 11, 21)
REMOVED: Final = object()
_NUMBER: Final = "must be text, for a number loses its zeros (1.30 becomes 1.3, 012 becomes 12); put it in quotes"
_CIDR: Final = "not a CIDR range; write an address and a length such as 10.0.0.0/16"
_URL: Final = "write one such as https://git.example.com/team/platform.git"
_PINNED: Final = (
    "production pins the tree, for a branch changes under it; write a tag such as v1.2.3 or a full commit id"
)
_ZONE: Final = "not the name of an availability zone (ids and Local Zones are not); write one such as ap-northeast-2a"
_ADMIN: Final = "arn:aws:iam::123456789012:role/platform-admin"


def sections(stack: str) -> dict[str, Any]:
    """Return the sections of a stack's file."""
    stored = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    return {key.removeprefix("platform:"): value for key, value in stored["config"].items()}


def engine_config(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the sections as the engine hands them to the program."""
    return {
        f"platform:{name}": value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in content.items()
    }


def changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the sections with values set, or `REMOVED`, at slash-separated paths."""
    result = copy.deepcopy(dict(content))
    for path, value in changes.items():
        *parents, key = path.split("/")
        target = result
        for parent in parents:
            target = target[parent]
        if value is REMOVED:
            del target[key]
        else:
            target[key] = value
    return result


@dataclass(frozen=True, slots=True)
class BadInput:
    """One row.

    Attributes:
        number: Which of the forty.
        changes: What is done to the stack's sections.
        line: What the user reads, as a whole.
        stack: The stack that is changed.
    """

    number: int
    changes: Mapping[str, Any]
    line: str
    stack: str = "dev"

    @property
    def sections(self) -> dict[str, Any]:
        """The faulty configuration."""
        return changed(sections(self.stack), self.changes)

    @property
    def id(self) -> str:
        """Name of the test case."""
        return f"{self.number:02}-{self.line.partition(':')[2].partition(':')[0].split(' = ')[0]}"


def _network(number: int, cidr: object, text: str) -> BadInput:
    return BadInput(number, {"network/cidr": cidr}, f"platform:network.cidr = {json.dumps(cidr)}: {text}")


def _zone(number: int, zone: str, slot: int, text: str) -> BadInput:
    return BadInput(number, {f"network/zones/{zone}": slot}, f"platform:network.zones.{zone} = {slot}: {text}")


def _one(number: int, path: str, value: object, text: str, stack: str = "dev") -> BadInput:
    key = path.replace("/", ".")
    shown = "{...}" if isinstance(value, dict) else "[...]" if isinstance(value, list) else json.dumps(value)
    return BadInput(number, {path: value}, f"platform:{key} = {shown}: {text}", stack)


_CHINA: Final = {
    "aws/region": "cn-north-1",
    "network/zones": {"cn-north-1a": 0, "cn-north-1b": 3, "cn-north-1d": 4},
    "cluster/access/administrators/platform-team": "arn:aws-cn:iam::123456789012:role/platform-admin",
}
_PRIVATE = "not a private range; take one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
_OPEN = "opens the API to the internet; name the ranges of those who need it, or write [] for none"

NETWORK: Final = (
    _network(1, "ten", _CIDR),
    _network(1, "10.0.0.0", _CIDR),
    _network(1, "10.0.0.0/33", _CIDR),
    _network(1, "10.0.0.256/16", _CIDR),
    _network(2, "10.0.0.1/16", "has host bits set; write 10.0.0.0/16"),
    _network(3, "8.8.0.0/16", _PRIVATE),
    _network(3, "224.0.0.0/16", _PRIVATE),
    _network(4, "10.0.0.0/15", "larger than a VPC may be, which is /16; write 10.0.0.0/16"),
    _network(5, "10.0.8.0/21", "too small for the subnets of six zones, which take a /20; write 10.0.0.0/20"),
    _network(5, "10.0.0.0/20",
             "private subnet 10.0.0.0/23 has 23 /28 prefixes for 7 nodes x 5 = 35, when a zone is lost and "
             "4 base nodes + 10 of Karpenter share 2; write 10.0.0.0/19"),
    BadInput(5, {"karpenter/limits/cpu": "400", "karpenter/limits/nodes": 160},
             'platform:network.cidr = "10.0.0.0/16": private subnet 10.0.0.0/19 has 383 /28 prefixes for '
             "82 nodes x 5 = 410, when a zone is lost and 4 base nodes + 160 of Karpenter share 2; no range of AWS is "
             "large enough: lower karpenter.limits.nodes or maxPods, or give pods a podCidr"),
    BadInput(5, {"network/loadBalancers": 200},
             'platform:network.cidr = "10.0.0.0/16": public subnet 10.0.192.0/22 has 1019 addresses for '
             "200 load balancers x 8 + 1 NAT gateway x 1 = 1601; no range of AWS is large enough: lower loadBalancers"),
    BadInput(5, {"network/cidr": "10.0.0.0/20", "network/podCidr": "100.64.0.0/20"},
             'platform:network.podCidr = "100.64.0.0/20": pod subnet 100.64.0.0/23 has 23 /28 prefixes for '
             "7 nodes x 5 = 35, when a zone is lost and 4 base nodes + 10 of Karpenter share 2; write 100.64.0.0/19"),
    _network(6, "fd00::/56", "an IPv6 range where an IPv4 one is due; write one such as 10.0.0.0/16"),
    _network(40, 10, "must be text; write a range such as 10.0.0.0/16"),
    _zone(7, "ap-northeast-2b", 0, "its subnets would overlap those of ap-northeast-2a; take slot 1"),
    _zone(8, "ap-northeast-2b", 6, "outside the VPC, which has slots 0 to 5; take 1"),
    _zone(8, "ap-northeast-2b", -1, "outside the VPC, which has slots 0 to 5; take 1"),
    _one(9, "cluster/serviceCidr", "10.0.128.0/20",
         "overlaps the VPC's 10.0.0.0/16; take another range such as 172.20.0.0/16"),
    _one(9, "cluster/serviceCidr", "100.64.0.0/16",
         "not a private range; take one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
    _one(9, "cluster/serviceCidr", "172.20.0.0/25", "services take a range from /12 to /24; write 172.20.0.0/16"),
    BadInput(10, {"network/cidr": "100.64.0.0/16", "network/podCidr": "100.64.0.0/18"},
             'platform:network.podCidr = "100.64.0.0/18": overlaps the 100.64.0.0/16 of the VPC; '
             "take another range such as 100.65.0.0/16"),
    _one(10, "network/podCidr", "172.20.0.0/16",
         "not inside 100.64.0.0/10, which is there for such ranges; write one such as 100.64.0.0/16"),
    _one(10, "network/podCidr", "100.64.0.0/12", "a second range is /16 to /20 here; write 100.64.0.0/16"),
    _one(0, "network/nat", "none",
         "no node would reach AWS and join; write another one, or true at privateEndpoints"),
    _one(11, "network/zones", {"ap-northeast-2a": 0}, "needs at least 2 of them; add one"),
    _zone(12, "ap-northeast-1a", 3, "not a zone of ap-northeast-2; write one such as ap-northeast-2a"),
    _one(13, "network/zones", ["ap-northeast-2a", "ap-northeast-2a"],
         "must be a mapping; write one key: value per line under it"),
    BadInput(14, {"network/zones/apne2-az3": 2}, f"platform:network.zones.apne2-az3: {_ZONE}"),
    BadInput(14, {"network/zones/us-west-2-lax-1a": 2}, f"platform:network.zones.us-west-2-lax-1a: {_ZONE}"),
    _one(40, "network/nat", "no", "must be 'none', 'single', 'per-az' or 'regional'; write one of these"),
    _one(0, "network/flowLogRetentionDays", 45, "not a retention that CloudWatch Logs has; write 60"),
    _one(0, "cluster/logRetentionDays", 9999, "not a retention that CloudWatch Logs has; write 3653"),
)  # fmt: skip

ACCOUNT: Final = (
    _one(15, "aws/region", "ap-northeast-9", "not a region that this platform knows; write one such as ap-northeast-2"),
    _one(16, "aws/partition", "aws-cn", "no such key: follows from the region; remove it"),
    _one(16, "aws/permissionsBoundary", "arn:aws-cn:iam::123456789012:policy/boundary",
         "lies in partition aws-cn, the region ap-northeast-2 in aws; write arn:aws:..."),
    _one(16, "cluster/access/administrators/platform-team", "arn:aws-us-gov:iam::123456789012:role/platform-admin",
         "lies in partition aws-us-gov, the region ap-northeast-2 in aws; write arn:aws:..."),
    _one(17, "aws/accountId", 12345678901, _NUMBER),
    _one(17, "aws/accountId", "12345678901", "not an account id; write all 12 digits in quotes"),
    _one(17, "aws/accountId", "1234-5678-9012", "not an account id; write all 12 digits in quotes"),
    _one(0, "aws/permissionsBoundary", "arn:aws:iam::210987654321:policy/boundary",
         "a policy of another account; take one of 123456789012"),
    _one(0, "aws/permissionsBoundary", "boundary",
         "not the ARN of an IAM policy; write arn:aws:iam::123456789012:policy/NAME"),
)  # fmt: skip

CLUSTER: Final = (
    _one(21, "cluster/version", "1.37", 'not known to be on EKS; write "1.36" or add its row to rules/support.py'),
    _one(21, "cluster/version", "1.33", 'left standard support on 2026-07-29; write "1.36"'),
    _one(21, "cluster/version", "1.28", 'left standard support before 2026-07-29; write "1.36"'),
    _one(21, "cluster/version", "v1.36", 'not a Kubernetes minor version; write one such as "1.36"'),
    _one(22, "cluster/version", 1.3, _NUMBER),
    BadInput(24, {"cluster/name": "a" * 101}, f'platform:cluster.name = "{"a" * 79}...: '
             "EKS takes 1 to 100 letters, digits, - and _, a letter or digit first; shorten or respell it"),
    _one(24, "cluster/name", "platform.dev",
         "EKS takes 1 to 100 letters, digits, - and _, a letter or digit first; shorten or respell it"),
    _one(24, "cluster/name", "aws",
         "KMS keeps aliases that begin with aws/ for AWS, and keys are named so; choose another name"),
    BadInput(26, {"cluster/publicAccessCidrs": ["0.0.0.0/0"]},
             f'platform:cluster.publicAccessCidrs[0] = "0.0.0.0/0": {_OPEN}', "prod"),
    BadInput(26, {"cluster/publicAccessCidrs": ["203.0.113.0/24", "128.0.0.0/1"]},
             f'platform:cluster.publicAccessCidrs[1] = "128.0.0.0/1": {_OPEN}'),
    _one(27, "cluster/privateAccess", False,
         "no such key: nodes always reach the API inside the VPC, the private endpoint is never off; remove it"),
    _one(27, "cluster/publicAccess", False,
         "no such key: there is a public endpoint when publicAccessCidrs names somebody; write the ranges there"),
    _one(28, "cluster/access/administrators", {}, "needs at least 1 of them; add one"),
    _one(28, "cluster/access/administrators/alice", "alice",
         "not the ARN of an IAM role; write arn:aws:iam::123456789012:role/NAME"),
    _one(28, "cluster/access/administrators/alice", "arn:aws:iam::123456789012:user/alice",
         "the ARN of a user, and only roles are taken here; write the ARN of the role itself"),
    _one(28, "cluster/access/administrators/alice", "arn:aws:iam::123456789012:root",
         "the ARN of the root user, and only roles are taken here; write the ARN of the role itself"),
    _one(28, "cluster/access/administrators/alice", "arn:aws:sts::123456789012:assumed-role/platform-admin/alice",
         "the ARN of a session, and only roles are taken here; write the ARN of the role itself"),
    _one(29, "cluster/access/administrators/second", _ADMIN, "the same role as platform-team; remove one of them"),
    _one(40, "cluster/deletionProtection", "no", "must be true or false; write one of them, without quotes"),
)  # fmt: skip

NODES: Final = (
    _one(32, "nodes/count/desired", 5, "must lie between min 3 and max 4; put the three in order"),
    BadInput(32, {"nodes/count/min": 3, "nodes/count/desired": 3, "nodes/count/max": 2},
             "platform:nodes.count.desired = 3: must lie between min 3 and max 2; put the three in order"),
    _one(32, "nodes/count/min", 1, "must be at least 2; raise it"),
    _one(33, "nodes/instanceType", "t9.medium",
         "not a known x86_64 type; write one such as t3.medium, or add its row to rules/instance_types.py"),
    _one(33, "nodes/instanceType", "t4g.medium",
         "an arm64 type, and nodes run the x86_64 image; write one such as t3.medium"),
    BadInput(33, {"nodes/instanceType": "t3.micro", "nodes/maxPods": 110},
             'platform:nodes.instanceType = "t3.micro": '
             "has addresses for 34 pods, and nodes announce 110; write a larger type or 34 at nodes.maxPods"),
    _one(0, "nodes/maxPods", 150, "AWS advises against more than 110 with 2 vCPUs; write 110"),
    _one(34, "nodes/capacityType", "SPOT",
         "no such key: base nodes are always on demand, or an interruption would end Karpenter itself; remove it"),
    _one(36, "nodes/amiRelease", "latest", "not a release of the EKS image; write one such as 1.36.2-20260714"),
    _one(0, "nodes/amiRelease", "1.37.0-20261101",
         "nodes are never ahead of the control plane nor more than three minors behind; write a release of 1.36"),
    _one(40, "nodes/diskGiB", "20", "must be a whole number; write digits only, without quotes"),
    _one(0, "nodes/diskGiB", 8, "must be at least 20; raise it"),
)  # fmt: skip

KARPENTER: Final = (
    BadInput(33, {"karpenter/instanceFamilies": ["t3", "t4g"]},
             'platform:karpenter.instanceFamilies[1] = "t4g": '
             "an arm64 family, and nodes run the x86_64 image; write one such as t3"),
    BadInput(33, {"karpenter/instanceFamilies": ["t3", "t33"]},
             'platform:karpenter.instanceFamilies[1] = "t33": '
             "not a known x86_64 family; write one such as t3, or add its rows to rules/instance_types.py"),
    BadInput(33, {"karpenter/instanceFamilies": ["t3", "m5"], "karpenter/instanceSizes": ["medium"]},
             'platform:karpenter.instanceFamilies[1] = "m5": '
             "comes in none of the sizes in instanceSizes; remove it or add a size"),
    BadInput(35, {"karpenter/limits": REMOVED}, "platform:karpenter.limits: is missing; add it as in Pulumi.dev.yaml"),
    BadInput(35, {"karpenter/limits/memory": REMOVED},
             "platform:karpenter.limits.memory: is missing; add it as in Pulumi.dev.yaml"),
    BadInput(0, {"karpenter/instanceFamilies": ["t3a"], "karpenter/instanceSizes": ["small"], "karpenter/maxPods": 110},
             "platform:karpenter.maxPods = 110: t3a.small takes 98; write 98 or allow larger types only"),
    BadInput(33, {"karpenter/instanceFamilies": ["t3"], "karpenter/instanceSizes": ["nano", "medium"],
                  "karpenter/maxPods": 34},
             "platform:karpenter.instanceSizes = [...]: t3.nano keeps 0 MiB for pods; "
             "leave its size out or lower maxPods"),
    _one(0, "karpenter/maxPods", 150, "m5.large takes 110; write 110 or allow larger types only"),
    _one(35, "karpenter/limits/cpu", "many", 'not a number of vCPUs; write one such as "100"'),
    _one(36, "karpenter/amiAlias", "al2023@latest",
         "not a pinned release of Amazon Linux 2023; write one such as al2023@v20260714"),
    _one(36, "karpenter/amiAlias", "bottlerocket@v1.2.3",
         "not a pinned release of Amazon Linux 2023; write one such as al2023@v20260714"),
    _one(0, "karpenter/consolidateAfter", "soon", "not a duration; write one such as 1m or 1h30m, or Never"),
    _one(0, "karpenter/disruptionBudget", "120%", "not a share of the nodes; write one such as 10%"),
)  # fmt: skip

GITOPS: Final = (
    _one(37, "gitops/repository", "http://git.example.com/platform.git",
         "neither an https nor an ssh URL; write https://git.example.com/team/platform.git or git@HOST:PATH"),
    BadInput(37, {"gitops/repository": "https://bot:s3cr3t@git.example.com/platform.git"},
             'platform:gitops.repository = "https://***@git.example.com/platform.git": '
             "holds credentials, which everybody could read in the cluster; write the URL without them"),
    BadInput(37, {"gitops/repository": "https://git.example.com/platform.git?token=s3cr3t"},
             'platform:gitops.repository = "https://git.example.com/platform.git?***": '
             "holds a query or fragment; write the URL without it"),
    _one(37, "gitops/charts/mirror", "oci://charts.example.com", "not an https URL; write one such as https://charts.example.com/stable"),
    _one(38, "gitops/revision", "HEAD", _PINNED, "prod"),
    _one(38, "gitops/revision", "main", _PINNED, "prod"),
    _one(38, "gitops/revision", "0a1b2c3", _PINNED, "prod"),
    _one(0, "gitops/revision", "two words", "not a Git revision; write a tag such as v1.2.3"),
)  # fmt: skip

SHAPE: Final = (
    BadInput(40, {"cluster/logRetention": 30}, "platform:cluster.logRetention: unknown key; write logRetentionDays"),
    BadInput(40, {"gitops/charts/token": "s3cr3t"},
             "platform:gitops.charts.token: unknown key; remove it; known are mirror"),
    BadInput(40, {"clusters": {}}, "platform:clusters: unknown key; write cluster"),
    BadInput(40, {"policy": REMOVED}, "platform:policy: is missing; add the section as in Pulumi.dev.yaml"),
    BadInput(40, {"policy/tier": "test"},
             'platform:policy.tier = "test": must be \'production\' or \'development\'; write one of these'),
    _one(40, "gitops", "main", "must be a mapping; write one key: value per line under it"),
    _one(40, "karpenter/capacityTypes", "spot", "must be a list; write it as [first, second]"),
    BadInput(0, {"tags/aws:owner": "me"},
             'platform:tags["aws:owner"]: AWS keeps the prefix aws: for itself; choose another key'),
    BadInput(0, {"tags/a,b": "x"},
             'platform:tags["a,b"]: not 1 to 128 letters, digits, spaces and _ . : / = + - @; '
             "shorten or respell the key"),
    BadInput(0, {"tags/Name": "x"},
             "platform:tags.Name: a tag that the platform or Karpenter sets itself; choose another key"),
    BadInput(0, {"tags": {f"key{number}": "x" for number in range(39)} | {"Environment": "dev", "Project": "x"}},
             "platform:tags = {...}: there are 41 and room for 40 beside the platform's own; remove some"),
    _one(0, "tags/Owner", "a" * 20 + "!",
         "not 1 to 256 letters, digits, spaces and _ . : / = + - @; shorten or respell it"),
    _one(0, "tags/owner", "x", "differs from Owner in case only, which IAM takes for the same; remove one"),
    BadInput(0, {"tags/Project": REMOVED},
             "platform:tags.Project: is missing, and costs and sweeps are told apart by it; add it"),
    _one(40, "tags/CostCenter", 1234, _NUMBER),
)  # fmt: skip

PRODUCTION: Final = (
    BadInput(11, {"network/zones/ap-northeast-2c": REMOVED, "nodes/instanceType": "t3.large"},
             "platform:network.zones = {...}: production lies in three zones, so that two are left when one fails; "
             "add a zone", "prod"),
    _one(0, "network/nat", "single",
         "production has a way out in each zone, so that none depends on another; write per-az or regional", "prod"),
    _one(0, "network/flowLogRetentionDays", 180, "production keeps its flow log a year; write 365", "prod"),
    _one(0, "cluster/logRetentionDays", 180, "production keeps its audit log a year; write 365", "prod"),
    BadInput(26, {"cluster/publicAccessCidrs": ["203.0.112.0/20", "203.0.0.0/12"]},
             'platform:cluster.publicAccessCidrs[1] = "203.0.0.0/12": '
             "production shows its API to a /16 at most; name the ranges that need it", "prod"),
    _one(0, "cluster/deletionProtection", False, "production is protected from deletion; write true", "prod"),
    BadInput(0, {"nodes/count/min": 2, "nodes/instanceType": "t3.large"},
             "platform:nodes.count.min = 2: production has a base node in each of three zones; write 3", "prod"),
    _one(0, "karpenter/capacityTypes", ["spot"],
         "production falls back to on-demand when there is no spot capacity; add on-demand", "prod"),
    _one(0, "karpenter/replicas", 1, "production has a second controller to take over; write 2", "prod"),
    _one(0, "karpenter/disruptionBudget", "11%",
         "production gives away a tenth of its nodes at a time and no more; write 10%", "prod"),
)  # fmt: skip

# In `BAD_INPUTS` once `fit` of rules/base_nodes.py is among the rules.
SIZING: Final = (
    BadInput(33, {"nodes/instanceType": "t3.small", "nodes/maxPods": 110},
             'platform:nodes.instanceType = "t3.small": with all zones there, 3 x 0 MiB and 1500m are left for '
             "controllers that ask for 4812 MiB and 1725m, and no node holds karpenter; write t3.large"),
    BadInput(0, {"network/zones/ap-northeast-2c": REMOVED, "nodes/maxPods": 30},
             'platform:nodes.instanceType = "t3.medium": with a zone lost, 1 x 2542 MiB and 1500m are left for '
             "controllers that ask for 3638 MiB and 1135m, and no node holds aws-load-balancer-controller; "
             "write 4 at nodes.count.min or t3.large"),
    BadInput(0, {"nodes/instanceType": "t3.medium", "nodes/maxPods": 110},
             'platform:nodes.instanceType = "t3.medium": with a zone lost, 2 x 1662 MiB and 1500m are left for '
             "controllers that ask for 4812 MiB and 1725m, and no node holds argocd-server; "
             "write 40 at nodes.maxPods or 5 at nodes.count.min or t3.large", "prod"),
)  # fmt: skip

_PREFIX: Final = (
    "not letters, digits and /_+=.@- with a slash at the end, which keeps other stacks' secrets out; "
    "write one such as platform-dev/"
)

IDENTITY: Final = (
    BadInput(29, {"cluster/access/ciApply": {"apply": _ADMIN}},
             f'platform:cluster.access.ciApply.apply = "{_ADMIN}": the same role as platform-team; remove one of them'),
    BadInput(0, {"cluster/access/ciRead": {"platform-team": "arn:aws:iam::123456789012:role/preview"}},
             'platform:cluster.access.ciRead.platform-team = "arn:aws:iam::123456789012:role/preview": '
             "administrators has that name too; respell one of them"),
    BadInput(16, {"cluster/access/breakGlass": {"glass": "arn:aws-cn:iam::123456789012:role/glass"}},
             'platform:cluster.access.breakGlass.glass = "arn:aws-cn:iam::123456789012:role/glass": '
             "lies in partition aws-cn, the region ap-northeast-2 in aws; write arn:aws:..."),
    _one(0, "identity/secretsPrefix", "platform-dev", _PREFIX),
    _one(0, "identity/secretsPrefix", "/", _PREFIX),
    BadInput(39, {"identity/hostedZoneIds": ["example.com"]},
             'platform:identity.hostedZoneIds[0] = "example.com": '
             "not the id of a hosted zone; write one such as Z0123456789ABCDEFGHIJ"),
    BadInput(0, {"identity/chartRepositories": ["Charts"]},
             'platform:identity.chartRepositories[0] = "Charts": '
             "not the name of an ECR repository, without its registry; write one such as charts/platform"),
    BadInput(0, {"identity/chartRepositories": ["123456789012.dkr.ecr.eu-west-1.amazonaws.com/charts"]},
             'platform:identity.chartRepositories[0] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/charts": '
             "not the name of an ECR repository, without its registry; write one such as charts/platform"),
    BadInput(26, {"cluster/publicAccessCidrs": ["203.0.113.7"]},
             'platform:cluster.publicAccessCidrs[0] = "203.0.113.7": an address where a range is due; '
             "write 203.0.113.7/32"),
    BadInput(26, {"cluster/publicAccessCidrs": ["::/0"]},
             'platform:cluster.publicAccessCidrs[0] = "::/0": an IPv6 range, and the endpoint is reached by IPv4; '
             "write your network's public IPv4 range"),
    BadInput(26, {"cluster/publicAccessCidrs": ["10.0.0.0/8"]},
             'platform:cluster.publicAccessCidrs[0] = "10.0.0.0/8": a private range, from which nobody reaches a '
             "public endpoint; write the public one behind it"),
    BadInput(9, {"network/cidr": "172.20.0.0/16"},
             'platform:cluster.serviceCidr = "172.20.0.0/16": overlaps the VPC\'s 172.20.0.0/16; '
             "take another range such as 10.200.0.0/16"),
    BadInput(37, {"gitops/images": {"registry": "https://registry.example.com"}},
             'platform:gitops.images.registry = "https://registry.example.com": not a registry without a scheme; '
             "write one such as 123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/mirror"),
    BadInput(0, {"network/nat": "none", "network/privateEndpoints": True,
                 "gitops/charts/mirror": "https://charts.example.com"},
             "platform:gitops.images.registry: without NAT nodes do not reach the images' own registries; "
             "write an ECR registry that holds copies"),
    BadInput(0, {"karpenter/freezes": [{"schedule": "mornings", "duration": "8h"}]},
             'platform:karpenter.freezes[0].schedule = "mornings": not a schedule; write five fields of cron such as '
             '"0 8 * * mon-fri", or a word such as "@daily"'),
    BadInput(0, {"karpenter/freezes": [{"schedule": "@daily", "duration": "90s"}]},
             'platform:karpenter.freezes[0].duration = "90s": not hours and minutes, which Karpenter takes; '
             "write one such as 8h"),
    _one(0, "karpenter/instanceFamilies", ["t3", "t3a"],
         "8 types of 2 families, and spot capacity is dependable from 15 of 3 on; "
         "add families such as m5, m6i and c5, or sizes", "prod"),
    BadInput(0, {"network/nat": "none", "network/privateEndpoints": True,
                 "gitops/images/registry": "registry.example.com"},
             "platform:gitops.charts.mirror: without NAT Argo CD does not reach the charts' own repositories; "
             "write a Helm repository inside"),
    _one(0, "cluster/access/breakGlass", {},
         "production has a role for the day on which nobody else gets in; add one", "prod"),
)  # fmt: skip

SURROUNDINGS: Final = (
    _one(39, "edge/domain", "Example.com",
         "not a domain of at most 57 lower-case characters; write one such as dev.example.com"),
    BadInput(39, {"edge/hostedZoneId": REMOVED},
             "platform:edge.hostedZoneId: is missing, and certificates are proved by records; "
             "write the id of the zone that holds the domain"),
    BadInput(39, {"edge": {"hostedZoneId": "Z0123456789ABCDEFGHIJ"}, "storage/buckets/images": REMOVED},
             "platform:edge.domain: is missing, and a zone alone is for nothing; "
             "write what the stack is to be named, or remove the zone"),
    BadInput(39, {"edge": {"delegate": True}, "storage/buckets/images": REMOVED},
             "platform:edge.delegate = true: needs a domain; write one at edge.domain, or false"),
    BadInput(39, {"edge": {"login": True}, "storage/buckets/images": REMOVED},
             "platform:edge.login = true: needs a domain; write one at edge.domain, or false"),
    BadInput(0, {"edge": {"firewall": True}, "storage/buckets/images": REMOVED},
             "platform:edge.firewall = true: needs a domain; write one at edge.domain, or false"),
    BadInput(0, {"secrets/entries": {"argocd/oidc": "what Argo CD logs in with"}},
             'platform:secrets.entries["argocd/oidc"] = "what Argo CD logs in with": the login\'s own, which the '
             "platform fills itself; remove it or choose another name"),
    BadInput(0, {"observability/costAllocationTags": ["Team"]},
             'platform:observability.costAllocationTags[0] = "Team": not a tag of this stack; '
             "add it at tags, or remove it here"),
    BadInput(0, {"aws/region": "us-gov-west-1", "edge": {}, "storage/buckets/images": REMOVED,
                 "network/zones": {"us-gov-west-1a": 0, "us-gov-west-1b": 3, "us-gov-west-1c": 4},
                 "cluster/access/administrators/platform-team":
                     "arn:aws-us-gov:iam::123456789012:role/platform-admin",
                 "observability/costAllocationTags": ["Project"]},
             'platform:observability.costAllocationTags[0] = "Project": '
             "GovCloud's bills are split in the account that pays for it; remove it"),
    BadInput(0, {"edge": {}},
             'platform:storage.buckets.images = "platform-dev-images": CloudFront speaks TLS 1.2 only under a name of '
             "one's own; write one at edge.domain, or remove the bucket"),
    BadInput(0, {**_CHINA, "edge/login": False},
             'platform:storage.buckets.images = "platform-dev-images": there is no CloudFront in partition aws-cn; '
             "remove the bucket"),
    BadInput(0, {"aws/region": "us-gov-west-1",
                 "network/zones": {"us-gov-west-1a": 0, "us-gov-west-1b": 3, "us-gov-west-1c": 4},
                 "cluster/access/administrators/platform-team":
                     "arn:aws-us-gov:iam::123456789012:role/platform-admin"},
             'platform:storage.buckets.images = "platform-dev-images": there is no CloudFront in partition aws-us-gov; '
             "remove the bucket"),
    BadInput(0, {**_CHINA, "storage/buckets/images": REMOVED},
             "platform:edge.login = true: Cognito has no user pools in China; write false"),
    _one(0, "storage/buckets/logs", "Platform_Logs",
         "not 3 to 63 lower-case letters, digits and - between them; respell it"),
    _one(0, "storage/buckets/logs", "platform.logs",
         "not 3 to 63 lower-case letters, digits and - between them; respell it"),
    _one(0, "storage/buckets/logs", "platform-s3alias", "begins or ends as only names of AWS's own do; respell it"),
    _one(0, "storage/buckets/backups", "platform-dev-logs",
         "the bucket of logs too, and each has rules of its own; respell one of them"),
    _one(0, "storage/buckets/images", "platform-dev-backups",
         "the bucket of backups too, and each has rules of its own; respell one of them"),
    BadInput(0, {"storage/repositories": ["bubblepool", "bubblepool"]},
             'platform:storage.repositories[1] = "bubblepool": stands there twice; remove one'),
    BadInput(0, {"storage/repositories": [],
                 "storage/pushers": {"ci": "arn:aws:iam::123456789012:role/ci"}},
             "platform:storage.pushers = {...}: there is no repository to push to; "
             "add one at storage.repositories or remove them"),
    BadInput(16, {"storage/pushers": {"ci": "arn:aws-cn:iam::123456789012:role/ci"}},
             'platform:storage.pushers.ci = "arn:aws-cn:iam::123456789012:role/ci": lies in partition aws-cn, '
             "the region ap-northeast-2 in aws; write one of that"),
    BadInput(0, {"storage/pushers": {"ci": "arn:aws:iam::999999999999:role/ci"}},
             'platform:storage.pushers.ci = "arn:aws:iam::999999999999:role/ci": a role of another account; '
             "let it take one of 123456789012 that stands here"),
    BadInput(0, {"secrets/entries": {"platform-dev/gitops/github": "a token"}},
             'platform:secrets.entries["platform-dev/gitops/github"] = "a token": begins with identity.secretsPrefix, '
             "which is put before it; write gitops/github"),
    BadInput(0, {"secrets/entries": {"gitops/github": ""}},
             'platform:secrets.entries["gitops/github"] = "": not 1 to 2048 characters; '
             "say what it holds, such as a token with which Argo CD reads Git"),
    _one(0, "secrets/recoveryDays", 5,
         "Secrets Manager keeps a deleted secret 7 to 30 days or not at all; write 7, 30 or 0"),
    BadInput(0, {"secrets/entries": {"gitops/github-abc123": "a token"}},
             'platform:secrets.entries["gitops/github-abc123"]: not letters, digits and /_+=.@- without a '
             "hyphen and six characters at the end; write one such as gitops/github"),
    BadInput(0, {"observability/alarmEmails": ["platform"]},
             'platform:observability.alarmEmails[0] = "platform": not an address of e-mail; '
             "write one such as platform@example.com"),
    _one(0, "storage/keepData", False,
         "production's data outlive its stack; write true, or true at policy.decommission when all is to go", "prod"),
    _one(0, "storage/backupRetentionDays", 34, "production can go back five weeks; write 35", "prod"),
    _one(0, "edge/firewall", False, "production has a firewall before what it publishes; write true", "prod"),
    _one(0, "secrets/recoveryDays", 0, "production can have a deleted secret back; write 30", "prod"),
    _one(0, "observability/alarmEmails", [], "nobody would hear of production's alarms; add an address", "prod"),
)  # fmt: skip

WORKLOADS: Final = (
    _one(0, "workloads/overlay", "production", "must be 'dev', 'staging' or 'prod'; write one of these"),
    _one(0, "workloads/overlay", 1, "must be 'dev', 'staging' or 'prod'; write one of these"),
    BadInput(0, {"workloads": {}}, "platform:workloads.overlay: is missing; add it as in Pulumi.dev.yaml"),
    BadInput(40, {"workloads": REMOVED}, "platform:workloads: is missing; add the section as in Pulumi.dev.yaml"),
    BadInput(20, {"workloads": {"overlay": "dev"}},
             "platform:workloads: a section of variant eks, and this stack's is self-managed; "
             "remove it, or write eks at variant", "nodes14"),
)  # fmt: skip

_TOTAL: Final = "or put back what is missing"
_NODE_NAME: Final = (
    "not 1 to 63 lower-case letters, digits and - between them, or begins with i- as instances' ids do; respell it"
)
_WORKER: Final = "machines/workers/k8s-api-auth"
_REDIS: Final = "machines/workers/k8s-redis"
# Of the node that somebody's own pods share with nobody.
_OWN: Final = {"key": "workload", "value": "redis", "effect": "NoSchedule"}
_ONE_LABEL: Final = {"workload": "redis"}
_KUBERNETES_TAINT: Final = "Kubernetes sets and lifts the taints of its own domains; take a key of your own"


def _redis(key: str, value: str, rule: str, shown: str | None = None) -> BadInput:
    """A row of a label beside the node's own one."""
    path = f"{_REDIS.replace('/', '.')}.labels{shown or f'.{key}'}"
    labels = {**_ONE_LABEL, key: value}
    return BadInput(0, {f"{_REDIS}/labels": labels}, f'platform:{path} = "{value}": {rule}', "nodes14")


def _untainted(count: int) -> dict[str, Any]:
    """Return so many workers of one zone."""
    worker = {**sections("nodes14")["machines"]["workers"]["k8s-redis"], "taints": []}
    return {
        "machines/workers": {f"k8s-worker-{number}": worker for number in range(count)},
        "machines/total": count + 1,
    }


def _tainted(rule: str, **taint: str) -> BadInput:
    """A row of another taint than the node's own one."""
    other = {**_OWN, **taint}
    shown = f"{other['key']}={other['value']}:{other['effect']}"
    path = f"platform:{_REDIS.replace('/', '.')}.taints"
    return BadInput(0, {f"{_REDIS}/taints": [other]}, f'{path} = "{shown}": {rule}', "nodes14")


SELF_MANAGED: Final = (
    BadInput(19, {"variant": "kubeadm"},
             'platform:variant = "kubeadm": unknown variant; write eks or self-managed', "nodes14"),
    BadInput(19, {"variant": "EKS"}, 'platform:variant = "EKS": unknown variant; write eks or self-managed'),
    BadInput(20, {"karpenter": sections("dev")["karpenter"]},
             "platform:karpenter: a section of variant eks, and this stack's is self-managed; "
             "remove it, or write eks at variant", "nodes14"),
    BadInput(20, {"machines": sections("nodes14")["machines"]},
             "platform:machines: a section of variant self-managed, and this stack's is eks; "
             "remove it, or write self-managed at variant"),
    _one(30, "machines/controlPlanes", 2, "must be 1 or 3; write one of these", "nodes14"),
    _one(30, "machines/controlPlanes", 0, "must be 1 or 3; write one of these", "nodes14"),
    BadInput(31, {"machines/workers/k8s-redis": REMOVED},
             f"platform:machines.total = 14: there are 1 control planes and 12 workers; write 13, {_TOTAL}", "nodes14"),
    _one(31, "machines/total", 15, f"there are 1 control planes and 13 workers; write 14, {_TOTAL}", "nodes14"),
    BadInput(30, {"machines/controlPlanes": 3, "machines/total": 16},
             "platform:machines.controlPlane.zones = [...]: 1 of them for 3 control planes; write one for each",
             "nodes14"),
    BadInput(11, {"machines/controlPlanes": 3, "machines/total": 16,
                  "machines/controlPlane/zones": ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2a"]},
             'platform:machines.controlPlane.zones[2] = "ap-northeast-2a": stands there twice, and a zone lost would '
             "take the quorum; write another", "nodes14"),
    BadInput(12, {"machines/controlPlane/zones": ["us-east-1a"]},
             'platform:machines.controlPlane.zones[0] = "us-east-1a": not among network.zones; write one of '
             "ap-northeast-2a, ap-northeast-2b, ap-northeast-2c", "nodes14"),
    _one(12, f"{_WORKER}/zone", "ap-northeast-2d",
         "not among network.zones; write one of ap-northeast-2a, ap-northeast-2b, ap-northeast-2c", "nodes14"),
    _one(33, f"{_WORKER}/instanceType", "t4g.small",
         "an arm64 type, and nodes run the x86_64 image; write one such as t3.medium", "nodes14"),
    BadInput(0, {"machines/workers/i-0123": sections("nodes14")["machines"]["workers"]["k8s-redis"],
                 "machines/total": 15},
             f"platform:machines.workers.i-0123: {_NODE_NAME}", "nodes14"),
    BadInput(0, {"machines/workers/k8s-master": sections("nodes14")["machines"]["workers"]["k8s-redis"],
                 "machines/total": 15},
             "platform:machines.workers.k8s-master: a control plane has that name, and two nodes cannot share one; "
             "respell it", "nodes14"),
    _one(21, "cluster/version", "1.35",
         'versions.py has packages of 1.36.4; write "1.36" or change KUBERNETES_NODES there', "nodes14"),
    _one(10, "cluster/podCidr", "10.0.128.0/17",
         "overlaps the 10.0.0.0/16 of the VPC; take another range such as 192.168.0.0/16", "nodes14"),
    _one(10, "cluster/podCidr", "203.0.113.0/24", "not a private range; take one such as 192.168.0.0/16", "nodes14"),
    _one(10, "cluster/podCidr", "192.168.0.0/24",
         "each node takes blocks of 64 addresses out of a /12 to /20; write 192.168.0.0/16", "nodes14"),
    _one(10, "network/podCidr", "100.64.0.0/16",
         "pods of this variant have an overlay's addresses, cluster.podCidr; remove it", "nodes14"),
    BadInput(0, {"network/nat": "none", "network/privateEndpoints": True, "gitops/charts/mirror": "https://c.example.com",
                 "gitops/images/registry": "r.example.com/m"},
             'platform:network.nat = "none": no machine would reach the packages that it becomes a node with; '
             "write another one", "nodes14"),
    BadInput(0, {"storage/buckets/issuer": REMOVED},
             "platform:storage.buckets.issuer: is missing, and AWS knows the service accounts by what is in it; "
             "write a bucket's name", "nodes14"),
    _one(0, "storage/buckets/issuer", "platform-dev-issuer",
         "EKS publishes its issuer's documents itself; remove it"),
    _one(24, "cluster/name", "Platform_1",
         "not 1 to 40 lower-case letters, digits and - between them, for names in the VPC have it; respell it",
         "nodes14"),
    BadInput(0, {f"{_WORKER}/taints": []},
             'platform:machines.workers.k8s-api-auth.taints = "none": other APIs\' pods could take its room; '
             "add domain=auth:NoSchedule", "nodes14"),
    BadInput(0, {"machines/workers/k8s-worker-storage/taints": []},
             'platform:machines.workers.k8s-worker-storage.labels.domain = "scan": pods of the API scan select that '
             "label, too, and would come here; taint it by its workload", "nodes14"),
    BadInput(0, {"machines/workers/k8s-monitoring/taints":
                 [{"key": "workload", "value": "monitoring", "effect": "NoSchedule"}]},
             'platform:machines.workers = "13": each is tainted, and Argo CD and the controllers find no node; '
             "leave one without NoSchedule", "nodes14"),
    BadInput(0, {"machines/workers/k8s-redis/taints": [{"key": "workload", "value": "redis", "effect": "NoSchedul"}]},
             'platform:machines.workers.k8s-redis.taints[0].effect = "NoSchedul": must be \'NoSchedule\', '
             "'PreferNoSchedule' or 'NoExecute'; write one of these", "nodes14"),
    _one(33, "machines/controlPlane/instanceType", "t3.micro",
         "a control plane needs 2 vCPUs and 1,700 MB; take t3.small or larger", "nodes14"),
    BadInput(0, {"machines/workers/k8s-redis/labels": {"node-role.kubernetes.io/redis": "x"}},
             'platform:machines.workers.k8s-redis.labels[\"node-role.kubernetes.io/redis\"] = \"x\": a kubelet may not '
             "name its node's role; remove it, the node's role says it", "nodes14"),
    BadInput(0, {f"{_REDIS}/taints": [_OWN, {**_OWN, "value": "cache"}]},
             'platform:machines.workers.k8s-redis.taints = "workload=cache:NoSchedule": a node has one taint for each '
             "key and effect, and the API refuses the second; remove one", "nodes14"),
    _tainted("a taint's value has at most 63 of A-Z, a-z, 0-9, '-', '_' and '.'; respell it", value="redis cache"),
    _tainted(_KUBERNETES_TAINT, key="node-role.kubernetes.io/control-plane", value=""),
    _tainted(_KUBERNETES_TAINT, key="node.kubernetes.io/not-ready", value=""),
    _redis("tier", "in memory", "a label's value has at most 63 of A-Z, a-z, 0-9, '-', '_' and '.'; respell it"),
    _redis("-tier", "cache", "no key of Kubernetes, which is [domain/]name with at most 63 characters; respell it"),
    _redis("app.kubernetes.io/name", "redis",
           "a kubelet may set no such key of kubernetes.io or k8s.io; take one of your own",
           '["app.kubernetes.io/name"]'),
    _redis("topology.kubernetes.io/zone", "ap-northeast-2a",
           "kubelet and cloud controller set it to what is the case; remove it", '["topology.kubernetes.io/zone"]'),
    BadInput(0, {f"{_WORKER}/labels": {"domain": "auth", "phase": "1"}},
             'platform:machines.workers.k8s-api-auth.labels.workload = "none": an API\'s pods find their node by '
             "workload=api; add that label", "nodes14"),
    BadInput(0, {f"{_WORKER}/taints": [{"key": "domain", "value": "auth", "effect": "NoSchedule"},
                                       {"key": "workload", "value": "api", "effect": "NoExecute"}]},
             'platform:machines.workers.k8s-api-auth.taints = "workload=api:NoExecute": its own pods tolerate '
             "domain=auth:NoSchedule only and would wait for ever; remove it", "nodes14"),
    _one(0, f"{_WORKER}/role", "control-plane",
         "must be 'api', 'worker' or 'infrastructure'; write one of these", "nodes14"),
    BadInput(10, {"cluster/podCidr": "192.168.0.0/20", **_untainted(32)},
             'platform:cluster.podCidr = "192.168.0.0/20": 33 nodes take two blocks of 64 addresses each; '
             "write a larger range", "nodes14"),
    BadInput(0, {"network/cidr": "10.0.0.0/20", **_untainted(480)},
             'platform:network.cidr = "10.0.0.0/20": 480 machines of ap-northeast-2b share 10.0.2.0/23, which has room '
             "for 459; write a larger range or spread them", "nodes14"),
    _one(9, "cluster/serviceCidr", "10.96.0.0/25", "services take a range from /12 to /24; write 10.96.0.0/16",
         "nodes14"),
    _one(10, "cluster/serviceCidr", "10.0.0.0/16",
         "overlaps the VPC's 10.0.0.0/16; take another range such as 172.20.0.0/16", "nodes14"),
    BadInput(10, {"cluster/serviceCidr": "192.168.0.0/16"},
             'platform:cluster.podCidr = "192.168.0.0/16": overlaps the 192.168.0.0/16 of the services; '
             "take another range such as 172.16.0.0/16", "nodes14"),
    _one(0, "machines/controlPlane/name", "i-master", _NODE_NAME, "nodes14"),
    _one(0, "machines/etcdGiB", 4, "must be at least 8; raise it", "nodes14"),
    _one(0, "machines/rollout", 0, "must be at least 1; raise it", "nodes14"),
    _one(0, "storage/buckets/issuer", "platform-nodes14-logs",
         "the bucket of logs too, and each has rules of its own; respell one of them", "nodes14"),
    _one(0, "machines/image", "ubuntu-24.04",
         "not the id of an image; write one such as ami-0123456789abcdef0", "nodes14"),
)  # fmt: skip

BAD_INPUTS: Final = (
    *(*SELF_MANAGED, *NETWORK, *ACCOUNT, *CLUSTER, *NODES, *SIZING, *KARPENTER, *GITOPS, *IDENTITY, *SURROUNDINGS),
    *(*SHAPE, *WORKLOADS, *PRODUCTION),
)

# Which of the forty are not refused by the settings, and why.
ELSEWHERE: Final[Mapping[int, str]] = {
    18: "only AWS knows the account of the credentials; ops/guard.py asks it (tests/ops/test_guard.py), and the"
    " provider's allowedAccountIds refuses any other",
    23: "the recorded version is in the state, which ops/guard.py compares (tests/ops/test_guard.py); settings do not",
    25: "no cluster name of up to 100 characters overflows anything: names are shortened where AWS has shorter limits",
}
