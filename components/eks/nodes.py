"""The base node group: the on-demand nodes that Karpenter itself, DNS and Argo CD run on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.ec2.launch_template import LaunchTemplate
from pulumi_aws.eks import NodeGroup
from pulumi_aws.iam import Role, RolePolicyAttachment

from components.eks import documents
from components.identity import policy as identity
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseNodeGroupArgs:
    """What the base node group needs to know.

    Attributes:
        cluster_name: Physical name, for names and tags.
        ready_cluster_name: The same name as an output of the add-ons that must be there before nodes.
        subnet_ids: Private subnets, one per zone.
        release_version: AMI release, `<kubernetes patch>-<date>`.
        disk_gib: Root volume, GiB.
        max_pods: Pods per node; 110 needs prefix delegation.
        after: What the nodes need besides the cluster, such as the way to the internet; it outlives them on destroy.
    """

    cluster_name: str
    ready_cluster_name: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    instance_type: str
    min_size: int
    desired_size: int
    max_size: int
    release_version: str
    disk_gib: int
    max_pods: int
    after: Sequence[pulumi.Resource]
    place: Place


class BaseNodeGroup(pulumi.ComponentResource):
    """On-demand managed node group with IMDSv2 at hop limit 1 and encrypted volumes.

    Its nodes never carry `karpenter.sh/nodepool`: Karpenter's affinity keeps it off nodes that it may remove itself.

    Attributes:
        cluster_name: Known once the nodes are active; take it as input to come after them.
        role_name: The nodes' IAM role.
    """

    cluster_name: pulumi.Output[str]
    role_name: pulumi.Output[str]

    def __init__(self, name: str, args: BaseNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:eks:BaseNodeGroup", name, None, opts)
        role, role_arn = self._create_role(name, args)
        template = self._create_launch_template(name, args)
        group = NodeGroup(
            name,
            cluster_name=args.ready_cluster_name,
            node_role_arn=role_arn,
            subnet_ids=args.subnet_ids,
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=[args.instance_type],
            # Without it EKS keeps the group at its old minor version and refuses the release of a newer one.
            version=".".join(args.release_version.split(".")[:2]),
            release_version=args.release_version,
            scaling_config={"min_size": args.min_size, "desired_size": args.desired_size, "max_size": args.max_size},
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            labels={"node-type": "base"},
            tags=dict(args.place.tags),
            # Somebody who scales by hand in an incident must not be undone by the next `up`.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=list(args.after), ignore_changes=["scalingConfig.desiredSize"]
            ),
        )
        self.cluster_name = group.cluster_name
        self.role_name = role.name
        self.register_outputs({"cluster_name": self.cluster_name, "role_name": self.role_name})

    def _create_role(self, name: str, args: BaseNodeGroupArgs) -> tuple[Role, pulumi.Output[str]]:
        child = pulumi.ResourceOptions(parent=self)
        role = Role(
            name,
            assume_role_policy=json.dumps(identity.node_trust(args.place.partition)),
            permissions_boundary=args.place.permissions_boundary,
            opts=child,
        )
        attachments = [
            RolePolicyAttachment(
                f"{name}-{key}",
                role=role.name,
                policy_arn=identity.managed_policy_arn(args.place.partition, policy),
                opts=child,
            )
            for key, policy in identity.NODE_POLICIES.items()
        ]
        # Nodes that start before their role's policies cannot join; nodes that outlive them cannot leave cleanly.
        ready = pulumi.Output.all(role.arn, *(attachment.policy_arn for attachment in attachments))
        return role, ready.apply(lambda values: str(values[0]))

    def _create_launch_template(self, name: str, args: BaseNodeGroupArgs) -> LaunchTemplate:
        tags = {"Name": f"{args.cluster_name}-base", **args.place.tags}
        return LaunchTemplate(
            name,
            update_default_version=True,
            user_data=documents.node_user_data(args.max_pods),
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_size": args.disk_gib,
                        "volume_type": "gp3",
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            # The provider's default tags do not reach what a launch template makes.
            tag_specifications=[
                {"resource_type": kind, "tags": tags} for kind in ("instance", "volume", "network-interface")
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
