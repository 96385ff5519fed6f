"""What of the program's types holds something, and how that is had back: each type has a way, or a reason for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Means = Literal["plan", "versions", "window", "again", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """How what a type holds is had back.

    Attributes:
        means: `plan`: a selection of the backup plan names it, by ARN or by tag. `versions`: its objects' versions are
            kept. `window`: its deletion waits and can be taken back. `again`: the program, Git or a pipeline makes it
            again. `none`: it is not.
        how: The same in words, with what is lost all the same.
    """

    means: Means
    how: str


RECOVERY: Final[Mapping[str, Recovery]] = {
    "aws:backup/vault:Vault": Recovery(
        means="none", how="It is the backup. Its policy lets nobody delete one; there is no copy in another region."
    ),
    "aws:cloudwatch/logGroup:LogGroup": Recovery(
        means="none", how="Logs go after their retention; what has to stay longer is exported before."
    ),
    "aws:cognito/userPool:UserPool": Recovery(
        means="none", how="AWS has no backup of it. It is protected; users are invited again, and choose new passwords."
    ),
    "aws:dynamodb/table:Table": Recovery(means="plan", how="By its ARN in the backup plan."),
    "aws:ebs/volume:Volume": Recovery(
        means="plan",
        how="By the tag that the cluster's EBS driver puts on it: a snapshot a day. One of etcd by its control plane: "
        "a snapshot every 15 minutes, in the backups bucket under `etcd/`.",
    ),
    "aws:ec2/subnet:Subnet": Recovery(means="again", how="`make up`."),
    "aws:ec2/vpc:Vpc": Recovery(means="again", how="`make up`."),
    "aws:ecr/repository:Repository": Recovery(
        means="again", how="AWS Backup knows no images. A pipeline builds them again from their commit."
    ),
    "aws:efs/fileSystem:FileSystem": Recovery(means="plan", how="By its ARN in the backup plan: a copy a day."),
    "aws:eks/cluster:Cluster": Recovery(
        means="again", how="`make up` and Argo CD from Git; what is not in Git from the bucket under `argocd-backups/`."
    ),
    "aws:kms/key:Key": Recovery(means="window", how="Its deletion can be taken back for 30 days."),
    "aws:rds/cluster:Cluster": Recovery(means="plan", how="By its ARN in the backup plan."),
    "aws:rds/instance:Instance": Recovery(means="plan", how="By its ARN in the backup plan."),
    "aws:route53/zone:Zone": Recovery(
        means="again", how="`make up` and external-dns; a new zone has other name servers."
    ),
    "aws:s3/bucket:Bucket": Recovery(
        means="versions", how="An object's earlier versions stay for 30 days; the bucket itself has no copy."
    ),
    "aws:secretsmanager/secret:Secret": Recovery(
        means="window", how="Its deletion can be taken back within `secrets.recoveryDays`, which may be none."
    ),
    "kubernetes:argoproj.io/v1alpha1:Application": Recovery(means="again", how="`make up`; its tree is in Git."),
    "random:index/randomPassword:RandomPassword": Recovery(
        means="none",
        how="The key of what etcd holds is in the stack's state, encrypted, and in the parameters under "
        "`/kubernetes/`; what machines join by is made anew.",
    ),
    "tls:index/privateKey:PrivateKey": Recovery(
        means="none", how="It is in the stack's state, encrypted, and in the parameters under `/kubernetes/`."
    ),
    "tls:index/selfSignedCert:SelfSignedCert": Recovery(
        means="none", how="It is in the stack's state and in the parameters under `/kubernetes/`."
    ),
}
