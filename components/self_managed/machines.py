"""The machines: named EC2 instances, and for each control plane a volume that its etcd keeps when it is replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws.ebs import Volume
from pulumi_aws.ec2 import (
    Instance,
    InstanceCreditSpecificationArgs,
    InstanceMetadataOptionsArgs,
    InstanceRootBlockDeviceArgs,
    VolumeAttachment,
)
from pulumi_aws.lb import TargetGroupAttachment

from components.place import Place
from components.self_managed.names import ETCD_SUFFIX
from components.self_managed.spec import API_PORT, ClusterSpec, NodeSpec

# What the attachment says; the kernel of a Nitro instance names it otherwise.
ETCD_DEVICE: Final = "/dev/sdf"


@dataclass(frozen=True, kw_only=True, slots=True)
class MachinesArgs:
    """What the machines need to know.

    Attributes:
        image: AMI id of the region.
        subnet_ids: Private subnets, by the zone's name.
        user_data: Base64 text by node; has to fit what the image runs at its first boot.
        control_plane_profile: Name of the instance profile, known once its rights are there; so is the workers'.
        node_group_id: Security group that every machine is in.
        target_group_arns: What control planes are put into, by a stable key.
        volume_key_arn: Encrypts all volumes; without one the account's key for EBS does.
        protect: Whether AWS refuses to terminate control planes, and Pulumi to delete them and their volumes.
        keep: Whether a destroy leaves the volumes of etcd behind.
        renew: Whether another image or other user data replaces control planes, too.
        after: What a machine needs when it boots: the way out, parameters, the API's name. It outlives the machines.
        hooks: Run around each instance's life; see `leaving`.
        volume_hooks: Run before etcd's volume is taken from its machine, which stops that.
    """

    spec: ClusterSpec
    image: str
    subnet_ids: Mapping[str, pulumi.Input[str]]
    user_data: Mapping[str, pulumi.Input[str]]
    control_plane_profile: pulumi.Input[str]
    worker_profile: pulumi.Input[str]
    node_group_id: pulumi.Input[str]
    control_plane_group_id: pulumi.Input[str]
    target_group_arns: Mapping[str, pulumi.Input[str]]
    volume_key_arn: pulumi.Input[str] | None = None
    protect: bool = False
    keep: bool = False
    renew: bool = False
    after: Sequence[pulumi.Resource] = ()
    hooks: pulumi.ResourceHookBinding | None = None
    volume_hooks: pulumi.ResourceHookBinding | None = None
    place: Place


class Machines(pulumi.ComponentResource):
    """All machines of a cluster; none knows of another, so that all boot at once and one more changes none.

    A worker is replaced when its image, user data or the rollout's number changes. A control plane keeps what it booted
    with, even when it is replaced, unless it is to be renewed.

    Attributes:
        instance_ids: By node.
        ready: Every machine with what belongs to it.
        control_planes: Those of them without which the API does not come up.
    """

    instance_ids: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]
    control_planes: list[pulumi.Resource]

    def __init__(self, name: str, args: MachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the machines."""
        super().__init__("platform:self_managed:Machines", name, None, opts)
        self._name = name
        self._args = args
        self.instance_ids, self.ready = {}, []
        for node in args.spec.control_planes:
            instance = self._create_control_plane(node)
            self._attach(node, instance)
        self.control_planes = list(self.ready)
        for node in args.spec.workers:
            self._create_worker(node)
        self.register_outputs({"instance_ids": self.instance_ids})

    def _tags(self, role: str) -> dict[str, str]:
        return {**self._args.place.tags, "Name": f"{self._args.spec.name}-{role}"}

    def _create_control_plane(self, node: NodeSpec) -> Instance:
        args = self._args
        return self._create_instance(
            node,
            groups=[args.node_group_id, args.control_plane_group_id],
            profile=args.control_plane_profile,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                protect=args.protect or None,
                ignore_changes=None if args.renew else ["ami", "userDataBase64"],
                # Its address and its volume are free again only when it is gone.
                delete_before_replace=True,
                hooks=args.hooks,
            ),
        )

    def _create_worker(self, node: NodeSpec) -> Instance:
        args = self._args
        return self._create_instance(
            node,
            groups=[args.node_group_id],
            profile=args.worker_profile,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                # A node of its name that is Ready refuses it.
                delete_before_replace=True,
                replacement_trigger=args.spec.rollout,
                hooks=args.hooks,
            ),
        )

    def _create_instance(
        self,
        node: NodeSpec,
        *,
        groups: Sequence[pulumi.Input[str]],
        profile: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> Instance:
        args, spec = self._args, self._args.spec
        control_plane = node.role == "control-plane"
        burstable = node.instance_type[:1] == "t" and node.instance_type[1:2].isdigit()
        instance = Instance(
            f"{self._name}-{node.name}",
            ami=args.image,
            instance_type=node.instance_type,
            subnet_id=args.subnet_ids[node.zone],
            private_ip=None if node.address is None else str(node.address),
            associate_public_ip_address=False,
            # Between nodes there are nodes' addresses only: Calico encapsulates all that pods send.
            source_dest_check=True,
            vpc_security_group_ids=list(groups),
            iam_instance_profile=profile,
            user_data_base64=args.user_data[node.name],
            user_data_replace_on_change=args.renew or not control_plane,
            disable_api_termination=control_plane and args.protect,
            metadata_options=InstanceMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                instance_metadata_tags="disabled",
            ),
            # A node without credits would miss its leases and lose its pods; what it bursts beyond them costs a little.
            credit_specification=InstanceCreditSpecificationArgs(cpu_credits="unlimited") if burstable else None,
            ebs_optimized=True,
            monitoring=True,
            root_block_device=self._root(node),
            tags={
                **self._tags(node.name),
                # The cloud controller wants exactly one of these; EBS CSI attaches volumes to what has the other.
                f"kubernetes.io/cluster/{spec.name}": "owned",
                "ebs.csi.aws.com/cluster-name": spec.name,
            },
            opts=opts,
        )
        self.instance_ids[node.name] = instance.id
        self.ready.append(instance)
        return instance

    def _root(self, node: NodeSpec) -> InstanceRootBlockDeviceArgs:
        return InstanceRootBlockDeviceArgs(
            volume_type="gp3",
            volume_size=node.disk_gib,
            encrypted=True,
            kms_key_id=self._args.volume_key_arn,
            delete_on_termination=True,
            # The provider's default tags do not reach what an instance brings along.
            tags=self._tags(node.name),
        )

    def _attach(self, node: NodeSpec, instance: Instance) -> None:
        """Give a control plane its etcd volume and put it behind the load balancers."""
        args = self._args
        key = f"{self._name}-{node.name}"
        volume = Volume(
            f"{key}{ETCD_SUFFIX}",
            availability_zone=node.zone,
            type="gp3",
            size=args.spec.etcd_gib,
            encrypted=True,
            kms_key_id=args.volume_key_arn,
            tags=self._tags(f"{node.name}-etcd"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None, retain_on_delete=args.keep or None),
        )
        targets = [
            TargetGroupAttachment(
                f"{key}-{role}",
                target_group_arn=arn,
                target_id=instance.id,
                port=API_PORT,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for role, arn in args.target_group_arns.items()
        ]
        attachment = VolumeAttachment(
            f"{key}{ETCD_SUFFIX}",
            device_name=ETCD_DEVICE,
            instance_id=instance.id,
            volume_id=volume.id,
            # etcd writes until its machine stands still.
            stop_instance_before_detaching=True,
            # It is taken away first, with a drain before it, for which the API has to be within reach.
            opts=pulumi.ResourceOptions(parent=self, depends_on=targets, hooks=args.volume_hooks),
        )
        self.ready += [attachment, *targets]
