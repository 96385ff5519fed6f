"""Secrets that the cluster's controllers read, without their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws.secretsmanager import Secret, SecretPolicy

from components.encryption.key import DataKey, DataKeyArgs
from components.place import Place
from components.secrets.policy import secret_policy


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretsArgs:
    """What the secrets need to know.

    Attributes:
        cluster_name: Names the key's alias.
        prefix: Begins every name; external-secrets reads below it.
        entries: What each holds, by its name after the prefix.
        recovery_days: How long a deleted one can be had back: 7 to 30 days, or 0 for not at all. Unless it is 0, a
            destroy leaves the key: without it nothing that is had back could be read.
        protect: Whether Pulumi refuses to delete the key.
    """

    cluster_name: str
    prefix: str
    entries: Mapping[str, str]
    recovery_days: int
    protect: bool
    place: Place


class Secrets(pulumi.ComponentResource):
    """Empty entries under one key. Whoever reads one needs a value that `platform secrets` puts there.

    Values come neither from the program nor from its configuration: they would stand in the state. Nothing rotates
    them: they are tokens of third parties and passwords that a workload has to take over, and AWS can change neither.

    Attributes:
        names: Full names, by entry.
        arns: By entry; end in six characters of AWS's choice.
    """

    names: Mapping[str, pulumi.Output[str]]
    arns: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the key and the entries."""
        super().__init__("platform:secrets:Secrets", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # No statement of its own: who may read a secret uses the key with its own rights, through Secrets Manager.
        key = DataKey(
            name,
            DataKeyArgs(
                alias=f"{args.cluster_name}-secrets",
                description=f"Encrypts the secrets below {args.prefix}",
                keep=args.recovery_days > 0,
                protect=args.protect,
                place=args.place,
            ),
            child,
        )
        secrets = {}
        for entry, description in args.entries.items():
            secret = Secret(
                f"{name}-{entry}",
                name=f"{args.prefix}{entry}",
                description=description,
                kms_key_id=key.arn,
                recovery_window_in_days=args.recovery_days,
                tags=dict(args.place.tags),
                opts=child,
            )
            SecretPolicy(
                f"{name}-{entry}",
                secret_arn=secret.arn,
                policy=secret_policy(account_id=args.place.account_id),
                block_public_policy=True,
                opts=child,
            )
            secrets[entry] = secret
        self.names = {entry: secret.name for entry, secret in secrets.items()}
        self.arns = {entry: secret.arn for entry, secret in secrets.items()}
        self.register_outputs({"names": dict(self.names), "arns": dict(self.arns)})
