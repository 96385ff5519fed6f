"""Where machines find what they must know and nobody else may: parameters under keys of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws.ssm import Parameter

from components.encryption.key import DataKey, DataKeyArgs
from components.identity.policies.scope import Scope
from components.place import Place
from components.self_managed import policy
from components.self_managed.names import CONTROL_PLANE_FILES, ENCRYPTION_KEY, JOIN_TOKEN, plan_names


@dataclass(frozen=True, kw_only=True, slots=True)
class ParametersArgs:
    """What the parameters hold, and for whom.

    Attributes:
        values: The control planes' secrets by the last word of their parameter's name.
        token: By which machines join.
        issuer: Of the cluster's service accounts, which are kept from all of it.
        protect: Whether Pulumi refuses to delete the control planes' key and parameters.
    """

    cluster_name: str
    values: Mapping[str, pulumi.Input[str]]
    token: pulumi.Input[str]
    issuer: str
    protect: bool = False
    place: Place

    def __post_init__(self) -> None:
        """Refuse a set of secrets with which no control plane would come up."""
        wanted = {*CONTROL_PLANE_FILES, ENCRYPTION_KEY}
        if wrong := wanted ^ self.values.keys():
            raise ValueError(f"values: {', '.join(sorted(wrong))} missing or unknown; give {', '.join(sorted(wanted))}")


class Parameters(pulumi.ComponentResource):
    """One encrypted parameter per secret, under one key for control planes and one for whoever joins.

    A parameter of that name that is there already is left as it is, and the `up` fails: it is another cluster's.

    Attributes:
        control_plane_key_arn: Of the key of what only control planes may read.
        join_key_arn: Of the join token's key.
        ready: Every parameter; machines come after them.
    """

    control_plane_key_arn: pulumi.Output[str]
    join_key_arn: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: ParametersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register keys and parameters."""
        super().__init__("platform:self_managed:Parameters", name, None, opts)
        self._name = name
        self._args = args
        names = plan_names(args.cluster_name)
        scope = Scope(cluster_name=args.cluster_name, **args.place.where)
        control_plane = self._create_key(
            "control-plane", policy.control_plane_key_denials(scope, issuer=args.issuer), protect=args.protect
        )
        join = self._create_key("join", policy.join_key_denials(scope, issuer=args.issuer))
        kept = [
            self._create_parameter(key, names.control_plane_parameter(key), value, control_plane, protect=args.protect)
            for key, value in args.values.items()
        ]
        token = self._create_parameter(JOIN_TOKEN, names.join_token_parameter, args.token, join)
        self.control_plane_key_arn = control_plane.arn
        self.join_key_arn = join.arn
        self.ready = [*kept, token]
        self.register_outputs({"control_plane_key_arn": control_plane.arn, "join_key_arn": join.arn})

    def _create_key(self, purpose: str, denials: Sequence[Mapping[str, Any]], *, protect: bool = False) -> DataKey:
        args = self._args
        return DataKey(
            f"{self._name}-{purpose}",
            DataKeyArgs(
                alias=f"{args.cluster_name}-{purpose}",
                description=f"Encrypts what machines of {args.cluster_name} read: {purpose}",
                statements=denials,
                protect=protect,
                place=args.place,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_parameter(
        self, key: str, name: str, value: pulumi.Input[str], encryption: DataKey, *, protect: bool = False
    ) -> Parameter:
        args = self._args
        return Parameter(
            f"{self._name}-{key}",
            name=name,
            type="SecureString",
            # Takes 4,096 characters and costs nothing; the longest here, an RSA key, has less than half of them. Said
            # aloud, for an account may have the paid tier as its default.
            tier="Standard",
            key_id=encryption.arn,
            value=value,
            description=f"{key} of {args.cluster_name}",
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, protect=protect or None),
        )
