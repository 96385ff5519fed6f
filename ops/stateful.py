"""By resource type: what is lost for good when one is deleted or replaced. A type more is a row more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True)
class Stateful:
    """A type that holds what no program brings back.

    Attributes:
        loss: What goes with it.
        instead: What leads to the same aim without the loss.
        within: Type of what holds it; when that goes, it goes along.
        names: Pattern of the logical names of those that hold something, where others of the type do not.
    """

    loss: str
    instead: str
    within: str = ""
    names: str = "*"


_COPY_FIRST: Final = "make the new one beside it under another name, copy, and let the old one go last"

STATEFUL: Final[Mapping[str, Stateful]] = {
    "aws:eks/cluster:Cluster": Stateful(
        "with it go etcd and all that runs in the cluster",
        "bring a second stack up beside it and move over",
    ),
    "aws:kms/key:Key": Stateful(
        "what it encrypted can never be read again",
        "keep the key; EKS takes no other one for a cluster's Secrets, and rotation is on",
    ),
    "aws:ec2/vpc:Vpc": Stateful(
        "cluster, nodes and load balancers lie in it, and others may have its ranges in their routes",
        "bring a second stack up beside it and move over; for pods alone a second range will do",
    ),
    # EKS keeps the zones that a control plane began with: https://github.com/aws/containers-roadmap/issues/2258.
    "aws:ec2/subnet:Subnet": Stateful(
        "nodes, load balancers or the control plane have interfaces in it, and EKS lets no zone of a control plane go",
        "keep the zone and its slot, and give a new zone a free one",
        within="aws:ec2/vpc:Vpc",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Stateful(
        "its events go with it, audit logs among them", "export it first (aws logs create-export-task)"
    ),
    # Its finalizer makes Argo CD delete all that it made.
    "kubernetes:argoproj.io/v1alpha1:Application": Stateful(
        "Argo CD deletes every object of its tree, volumes included", "change the tree in Git"
    ),
    "aws:backup/vault:Vault": Stateful(
        "its recovery points go with it", "copy them into the new vault first (aws backup start-copy-job)"
    ),
    "aws:cognito/userPool:UserPool": Stateful(
        "its users go with it, and nobody can log in", "invite the users into a pool beside it first"
    ),
    "aws:dynamodb/table:Table": Stateful("its items go with it", _COPY_FIRST),
    "aws:ebs/volume:Volume": Stateful("its blocks go with it", _COPY_FIRST),
    "aws:ecr/repository:Repository": Stateful("its images go with it, those that run among them", _COPY_FIRST),
    "aws:efs/fileSystem:FileSystem": Stateful("its files go with it", _COPY_FIRST),
    "aws:rds/cluster:Cluster": Stateful("its data go with it", _COPY_FIRST),
    "aws:rds/instance:Instance": Stateful("its data go with it", _COPY_FIRST),
    "aws:route53/zone:Zone": Stateful(
        "its records go with it, and the new one has other name servers", "delegate to the new zone before the old goes"
    ),
    "aws:s3/bucket:Bucket": Stateful("its objects go with it", _COPY_FIRST),
    "aws:secretsmanager/secret:Secret": Stateful("its value goes with it", _COPY_FIRST),
    # The authorities of a cluster that runs itself.
    "tls:index/privateKey:PrivateKey": Stateful(
        "what it signed is trusted no more: nodes and people are shut out, service accounts' tokens end",
        "keep the key; renew the certificates that it signs",
    ),
    "tls:index/selfSignedCert:SelfSignedCert": Stateful(
        "with a new authority nodes and people are shut out until each has it", "keep the inputs of an authority"
    ),
    # Those that machines join by are made anew with every rollout.
    "random:index/randomPassword:RandomPassword": Stateful(
        "no control plane that boots afterwards reads a Secret that etcd holds",
        "change the key by docs/runbooks/encryption-key.md",
        names="*-encryption-key",
    ),
}


def row_of(type_: str, name: str) -> Stateful | None:
    """Return what is lost with a resource of that type and logical name; None when nothing is."""
    row = STATEFUL.get(type_)
    return row if row is not None and fnmatchcase(name, row.names) else None
