"""What a single value may be. Every refusal says the rule and, after a semicolon, the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from rules import ranges
from rules.instance_types import INSTANCE_TYPES, SIZES_OF_FAMILY, is_arm64
from rules.regions import PARTITION_OF_REGION

_Value = TypeVar("_Value")
_ROLE: Final = re.compile(r"arn:aws(-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_BOUNDARY: Final = re.compile(r"arn:aws(-[a-z]+)*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", re.ASCII)
_SSH: Final = re.compile(r"(ssh://)?git@[A-Za-z0-9.-]+(:\d+/|[:/])[\w./~-]+", re.ASCII)
_RESERVED_TAGS: Final = ("kubernetes.io/", "karpenter.sh/", "karpenter.k8s.aws/", "eks:")
_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _text(pattern: str, rule: str) -> Callable[[str], str]:
    """Return a check that the whole text matches the pattern."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(rule)
        return value

    return check


def ordered(value: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """Freeze a mapping in the order of its keys, which is how the engine hands it over anyway."""
    return MappingProxyType({key: value[key] for key in sorted(value)})


def _region(value: str) -> str:
    if value not in PARTITION_OF_REGION:
        raise ValueError("not a region that this platform knows; write one such as ap-northeast-2")
    return value


def _role_arn(value: str) -> str:
    if _ROLE.fullmatch(value):
        return value
    kind = next((kind for kind in (":user/", ":root", ":group/", ":assumed-role/") if kind in value), None)
    if kind is None:
        raise ValueError("not the ARN of an IAM role; write arn:aws:iam::123456789012:role/NAME")
    what = {":user/": "a user", ":root": "the root user", ":group/": "a group", ":assumed-role/": "a session"}[kind]
    raise ValueError(f"the ARN of {what}, and only roles are taken here; write the ARN of the role itself")


def _boundary_arn(value: str) -> str:
    if not _BOUNDARY.fullmatch(value):
        raise ValueError("not the ARN of an IAM policy; write arn:aws:iam::123456789012:policy/NAME")
    return value


def _instance_type(value: str) -> str:
    family = value.partition(".")[0]
    if is_arm64(family):
        raise ValueError("an arm64 type, and nodes run the x86_64 image; write one such as t3.medium")
    if value not in INSTANCE_TYPES:
        raise ValueError(
            "not a known x86_64 type; write one such as t3.medium, or add its row to rules/instance_types.py"
        )
    return value


def _family(value: str) -> str:
    if is_arm64(value):
        raise ValueError("an arm64 family, and nodes run the x86_64 image; write one such as t3")
    if value not in SIZES_OF_FAMILY:
        raise ValueError("not a known x86_64 family; write one such as t3, or add its rows to rules/instance_types.py")
    return value


def _https(value: str, example: str = "https://git.example.com/team/platform.git") -> str:
    try:
        url = urlsplit(value)
        plain = bool(url.hostname) and url.port != 0
    except ValueError:
        plain = False
    if not plain or url.scheme != "https" or not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"not an https URL; write one such as {example}")
    if url.username is not None or url.password is not None or "@" in value:
        raise ValueError("holds credentials, which everybody could read in the cluster; write the URL without them")
    if url.query or url.fragment or "?" in value or "#" in value:
        raise ValueError("holds a query or fragment; write the URL without it")
    return value


def _mirror(value: str) -> str:
    return _https(value, "https://charts.example.com/stable")


def _repository(value: str) -> str:
    if _SSH.fullmatch(value):
        return value
    if not value.startswith("https://"):
        raise ValueError(
            "neither an https nor an ssh URL; write https://git.example.com/team/platform.git or git@HOST:PATH"
        )
    return _https(value)


def _cluster_name(value: str) -> str:
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-create.html
    if value.lower() == "aws":
        raise ValueError("KMS keeps aliases that begin with aws/ for AWS, and keys are named so; choose another name")
    return value


def _retention(value: int) -> int:
    if value not in _RETENTION_DAYS:
        longer = next((days for days in _RETENTION_DAYS if days > value), _RETENTION_DAYS[-1])
        raise ValueError(f"not a retention that CloudWatch Logs has; write {longer}")
    return value


def _bucket(value: str) -> str:
    """Check a name against https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.

    A dot would break TLS: the certificate of S3 covers one label below its own name.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", value, re.ASCII):
        raise ValueError("not 3 to 63 lower-case letters, digits and - between them; respell it")
    if value.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or value.endswith(("-s3alias", "--ol-s3", "--x-s3")):
        raise ValueError("begins or ends as only names of AWS's own do; respell it")
    return value


def _domain(value: str) -> str:
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    # The first name of a certificate has at most 64 characters, and one of them is for images.<domain>.
    if not re.fullmatch(rf"({label}\.)+[a-z]{{2,63}}", value, re.ASCII) or len(value) > 57:
        raise ValueError("not a domain of at most 57 lower-case characters; write one such as dev.example.com")
    return value


def _holding(value: object) -> object:
    if not isinstance(value, str) or not 1 <= len(value) <= 2048:
        raise ValueError("not 1 to 2048 characters; say what it holds, such as a token with which Argo CD reads Git")
    return value


def _recovery(value: int) -> int:
    if value != 0 and not 7 <= value <= 30:
        raise ValueError("Secrets Manager keeps a deleted secret 7 to 30 days or not at all; write 7, 30 or 0")
    return value


def _tag_key(value: str) -> str:
    if value.lower().startswith("aws:"):
        raise ValueError("AWS keeps the prefix aws: for itself; choose another key")
    if value == "Name" or value.startswith(_RESERVED_TAGS):
        raise ValueError("a tag that the platform or Karpenter sets itself; choose another key")
    if not 1 <= len(value) <= 128 or not _is_tag_text(value):
        raise ValueError("not 1 to 128 letters, digits, spaces and _ . : / = + - @; shorten or respell the key")
    return value


def _tag_value(value: str) -> str:
    if not 1 <= len(value) <= 256 or not _is_tag_text(value):
        raise ValueError("not 1 to 256 letters, digits, spaces and _ . : / = + - @; shorten or respell it")
    return value


def _is_tag_text(value: str) -> bool:
    return all(character.isalnum() or character in " _.:/=+-@" for character in value)


AccountId = Annotated[str, AfterValidator(_text(r"\d{12}", "not an account id; write all 12 digits in quotes"))]
Region = Annotated[str, AfterValidator(_region)]
RoleArn = Annotated[str, AfterValidator(_role_arn)]
BoundaryArn = Annotated[str, AfterValidator(_boundary_arn)]
ClusterName = Annotated[
    str,
    AfterValidator(
        _text(
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
            "EKS takes 1 to 100 letters, digits, - and _, a letter or digit first; shorten or respell it",
        )
    ),
    AfterValidator(_cluster_name),
]
LabelName = Annotated[
    str,
    AfterValidator(
        _text(
            r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?",
            "not 1 to 40 lower-case letters, digits and - between them, for names in the VPC have it; respell it",
        )
    ),
    AfterValidator(_cluster_name),
]
KubernetesVersion = Annotated[
    str, AfterValidator(_text(r"1\.\d{1,3}", 'not a Kubernetes minor version; write one such as "1.36"'))
]
RoleName = Annotated[
    str,
    AfterValidator(
        _text(r"[a-z][a-z0-9-]{0,31}", "not 1 to 32 lower-case letters, digits and -, a letter first; respell it")
    ),
]
ZoneName = Annotated[
    str,
    AfterValidator(
        _text(
            r"[a-z]{2,4}(-[a-z]+)+-\d+[a-z]",
            "not the name of an availability zone (ids and Local Zones are not); write one such as ap-northeast-2a",
        )
    ),
]
TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, AfterValidator(_tag_value)]
VpcNetwork = Annotated[IPv4Network, AfterValidator(ranges.vpc), BeforeValidator(ranges.parse)]
ServiceNetwork = Annotated[IPv4Network, AfterValidator(ranges.services), BeforeValidator(ranges.parse)]
PublicCidr = Annotated[str, BeforeValidator(ranges.public)]
PodNetwork = Annotated[IPv4Network, AfterValidator(ranges.pods), BeforeValidator(ranges.parse)]
Roles = Annotated[Mapping[RoleName, RoleArn], AfterValidator(ordered)]
Administrators = Annotated[Mapping[RoleName, RoleArn], Field(min_length=1), AfterValidator(ordered)]
OptionalRoles = Annotated[Roles, Field(default_factory=lambda: MappingProxyType({}))]
Zones = Annotated[Mapping[ZoneName, int], Field(min_length=2), AfterValidator(ordered)]
Tags = Annotated[Mapping[TagKey, TagValue], AfterValidator(ordered)]
NodeName = Annotated[
    str,
    AfterValidator(
        _text(
            r"(?!i-)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
            "not 1 to 63 lower-case letters, digits and - between them, or begins with i- as instances' ids do; "
            "respell it",
        )
    ),
]
ImageId = Annotated[
    str,
    AfterValidator(
        _text(r"ami-([0-9a-f]{17}|[0-9a-f]{8})", "not the id of an image; write one such as ami-0123456789abcdef0")
    ),
]
OverlayNetwork = Annotated[IPv4Network, AfterValidator(ranges.overlay), BeforeValidator(ranges.parse)]
RetentionDays = Annotated[int, AfterValidator(_retention)]
# The kubelet's own limit; how many a type has addresses for is another matter.
MaxPods = Annotated[int, Field(ge=10, le=250)]
InstanceTypeName = Annotated[str, AfterValidator(_instance_type)]
Family = Annotated[str, AfterValidator(_family)]
Size = Annotated[
    str, AfterValidator(_text(r"(nano|micro|small|medium|\d*x?large)", "not an instance size; write one such as large"))
]
AmiRelease = Annotated[
    str,
    AfterValidator(_text(r"1\.\d+\.\d+-20\d{6}", "not a release of the EKS image; write one such as 1.36.2-20260714")),
]
AmiAlias = Annotated[
    str,
    AfterValidator(
        _text(r"al2023@v20\d{6}", "not a pinned release of Amazon Linux 2023; write one such as al2023@v20260714")
    ),
]
Cpu = Annotated[str, AfterValidator(_text(r"[1-9]\d{0,5}", 'not a number of vCPUs; write one such as "100"'))]
Memory = Annotated[
    str, AfterValidator(_text(r"[1-9]\d{0,6}(Gi|Ti)", "not a quantity of memory; write one such as 200Gi"))
]
Volume = Annotated[
    str, AfterValidator(_text(r"([2-9]\d|[1-9]\d{2,3})Gi", "not 20Gi to 9999Gi; write one such as 50Gi"))
]
Duration = Annotated[
    str, AfterValidator(_text(r"(\d+[smh])+|Never", "not a duration; write one such as 1m or 1h30m, or Never"))
]
Schedule = Annotated[
    str,
    AfterValidator(
        _text(
            r"@(annually|yearly|monthly|weekly|daily|midnight|hourly)|\S+( \S+){4}",
            'not a schedule; write five fields of cron such as "0 8 * * mon-fri", or a word such as "@daily"',
        )
    ),
]
Hours = Annotated[
    str,
    AfterValidator(
        _text(r"[1-9]\d*h(\d+m)?|[1-9]\d*m", "not hours and minutes, which Karpenter takes; write one such as 8h")
    ),
]
Share = Annotated[str, AfterValidator(_text(r"(100|[1-9]?\d)%", "not a share of the nodes; write one such as 10%"))]
SecretsPrefix = Annotated[
    str,
    AfterValidator(
        _text(
            r"[A-Za-z0-9][A-Za-z0-9/_+=.@-]{1,98}/",
            "not letters, digits and /_+=.@- with a slash at the end, which keeps other stacks' secrets out; "
            "write one such as platform-dev/",
        )
    ),
]
HostedZoneId = Annotated[
    str,
    AfterValidator(_text(r"Z[A-Z0-9]{5,31}", "not the id of a hosted zone; write one such as Z0123456789ABCDEFGHIJ")),
]
BucketName = Annotated[str, AfterValidator(_bucket)]
Domain = Annotated[str, AfterValidator(_domain)]
Email = Annotated[
    str,
    AfterValidator(
        _text(
            r"[\w.+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
            "not an address of e-mail; write one such as platform@example.com",
        )
    ),
]
RecoveryDays = Annotated[int, AfterValidator(_recovery)]
SecretName = Annotated[
    str,
    AfterValidator(
        _text(
            # Secrets Manager itself appends a hyphen and six characters to tell ARNs apart.
            r"(?!.*-[A-Za-z0-9]{6}$)[A-Za-z0-9][A-Za-z0-9/_+=.@-]{0,199}",
            "not letters, digits and /_+=.@- without a hyphen and six characters at the end; "
            "write one such as gitops/github",
        )
    ),
]
# A description of Secrets Manager has at most 2,048 characters.
SecretEntries = Annotated[Mapping[SecretName, Annotated[str, BeforeValidator(_holding)]], AfterValidator(ordered)]
RepositoryName = Annotated[
    str,
    AfterValidator(
        _text(
            r"(?=.{2,256}$)(?!.*\.dkr\.ecr\.)[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*",
            "not the name of an ECR repository, without its registry; write one such as charts/platform",
        )
    ),
]
Repository = Annotated[str, AfterValidator(_repository)]
Registry = Annotated[
    str,
    AfterValidator(
        _text(
            r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]+(:\d{2,5})?(/[a-z0-9]+([._-][a-z0-9]+)*)*",
            "not a registry without a scheme; write one such as "
            "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/mirror",
        )
    ),
]
Mirror = Annotated[str, AfterValidator(_mirror)]
Revision = Annotated[
    str, AfterValidator(_text(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}", "not a Git revision; write a tag such as v1.2.3"))
]
