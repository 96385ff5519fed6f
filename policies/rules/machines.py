"""Machines of a self-managed cluster, each an instance of its own: controls W3, W4, P1, P7, P9, P10, T4 for them."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

from policies import tokens, topology
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import trusted

# EC2 takes 16 KB before base64 (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html), packed or not.
_USER_DATA: Final = 16 * 1024
# What opens something: AWS's keys, private keys, a join token, the key of `kubeadm init --upload-certs`, and what a
# line gives a telling name. Code that asks for a secret ends in a bracket, and a blank begins with @.
_SECRETS: Final = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\b[a-z0-9]{6}\.[a-z0-9]{16}\b"
    r"|certificate-?key\W+[0-9a-f]{64}|(password|secret|token)\"?\s*[:=]\s*[\"']?[\w+/-]{8,}[\"']?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_CLUSTER_TAG: Final = "kubernetes.io/cluster/"
_VOLUMES_TAG: Final = "ebs.csi.aws.com/cluster-name"
# Members of etcd: an odd number of which one may go.
_MEMBERS: Final = 3


@rule("W3", "P9", types=[tokens.INSTANCE])
def machine_user_data_holds_no_secret(machine: Resource) -> Iterator[Fault]:
    """A machine's user data fits and holds no secret, token or key: the machine's pods and EC2's readers see it."""
    key = "userDataBase64" if machine.get("userDataBase64") else "userData"
    given = str(machine.get(key) or "")
    packed = _decoded(given) if key == "userDataBase64" else given.encode()
    if not packed:
        yield Fault(key, "is missing, so that the machine never joins", "render it")
    if packed is None:
        yield Fault(key, "is no base64", "encode it")
        return
    if len(packed) > _USER_DATA:
        yield Fault(key, f"has {len(packed)} bytes of {_USER_DATA}", "shorten it")
    if _SECRETS.search(_unpacked(packed)):
        yield Fault(key, "holds what looks like a secret", "give the machine's role the right to read it")


@rule("W4", types=[tokens.INSTANCE])
def machine_image_is_pinned(machine: Resource) -> Iterator[Fault]:
    """A machine starts from an image that is said by its id: no alias chooses another one tomorrow."""
    if not re.fullmatch(r"ami-[0-9a-f]{8,17}", str(machine.get("ami"))):
        yield Fault("ami", f"{machine.get('ami')} is no image's id", "set one such as ami-0123456789abcdef0")
    if machine.get("launchTemplate"):
        yield Fault("launchTemplate", "may name another image", "leave it out")


@rule("P1", types=[tokens.INSTANCE])
def machine_is_watched(machine: Resource) -> Iterator[Fault]:
    """A machine is measured each minute, and what it sends has its own address."""
    if not machine.true("monitoring"):
        yield Fault("monitoring", "is not true: AWS then measures it every five minutes", "set true")
    if machine.get("sourceDestCheck") is not True:
        yield Fault("sourceDestCheck", "is not true, so that it may send under any address", "set true")
    if not machine.true("ebsOptimized"):
        yield Fault("ebsOptimized", "is not true: etcd's writes wait for the network", "set true")


@rule("D1", types=[tokens.INSTANCE])
def machine_disk_goes_with_it(machine: Resource) -> Iterator[Fault]:
    """A machine's own disk is gp3 and goes with it: nobody would look after what stayed."""
    if machine.get("rootBlockDevice.volumeType") != "gp3":
        yield Fault("rootBlockDevice.volumeType", "is not gp3", "set gp3")
    if not machine.true("rootBlockDevice.deleteOnTermination"):
        yield Fault("rootBlockDevice.deleteOnTermination", "is not true", "set true")


@rule("P10", types=[tokens.INSTANCE])
def machine_is_one_clusters(machine: Resource) -> Iterator[Fault]:
    """A machine has one cluster's tag and EBS's of the same one: the cloud controller gives up on two or none."""
    names = [key.removeprefix(_CLUSTER_TAG) for key in machine.tags if key.startswith(_CLUSTER_TAG)]
    if len(names) != 1:
        yield Fault("tags", f"name {len(names)} clusters", f"set {_CLUSTER_TAG}<name> once")
    elif machine.tags[f"{_CLUSTER_TAG}{names[0]}"] != "owned":
        yield Fault(f"tags.{_CLUSTER_TAG}{names[0]}", "is not owned", "set owned")
    if machine.tags.get(_VOLUMES_TAG) not in names:
        yield Fault(f"tags.{_VOLUMES_TAG}", "is not that cluster's name", "set it")


@rule("P10", types=[tokens.INSTANCE], whole=True)
def machine_has_its_role(machine: Resource, stack: Stack) -> Iterator[Fault]:
    """A machine's profile is of this program, and no control plane's is a worker's as well."""
    profiles = stack.source(machine, "iamInstanceProfile", tokens.INSTANCE_PROFILE)
    if not profiles or not machine.get("iamInstanceProfile"):
        yield Fault("iamInstanceProfile", "is none of this program", "pass the profile's name")
    planes = {plane.urn for plane in topology.control_planes(stack)}
    own = _roles(stack, machine)
    for other in stack.of(tokens.INSTANCE):
        if (machine.urn in planes) != (other.urn in planes) and own & _roles(stack, other):
            yield Fault(
                "iamInstanceProfile", f"has the role of {other.name}", "give control planes a role of their own"
            )
            return


@rule("P10", types=[tokens.INSTANCE_PROFILE], whole=True)
def profile_is_for_machines(profile: Resource, stack: Stack) -> Iterator[Fault]:
    """An instance profile has a role of this program that EC2 alone may take."""
    roles = stack.source(profile, "role", tokens.ROLE)
    if not roles or not profile.get("role"):
        yield Fault("role", "is none of this program", "pass the role's name")
    for role in roles:
        names = {name for statement in trusted(role) for kind in statement.principals.values() for name in kind}
        if not names or not all(re.fullmatch(r"ec2\.amazonaws\.com(\.cn)?", name) for name in names):
            yield Fault("role", f"{role.name} is not EC2's alone", "trust ec2.amazonaws.com only")


@rule("P1", types=[tokens.VPC], whole=True)
def control_planes_outlive_a_zone(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """Three control planes lie in three zones, so that etcd's majority outlives each; so do machines."""
    machines = [one for one in stack.of(tokens.INSTANCE) if _lies_in(stack, one, vpc)]
    if not machines:
        return
    planes = topology.control_planes(stack)
    zones = [zone for plane in planes for zone in _zones(stack, plane)]
    if len(planes) < _MEMBERS or len(planes) % 2 == 0 or max(map(zones.count, zones)) * 2 >= len(planes):
        yield Fault("control planes", f"{len(planes)} lie in {', '.join(sorted(zones))}", "set three, in three zones")
    if len({zone for machine in machines for zone in _zones(stack, machine)}) < _MEMBERS:
        yield Fault("machines", "lie in fewer than three zones", "spread them")


@rule("P7", types=[tokens.VOLUME_ATTACHMENT], whole=True)
def etcd_keeps_its_volume(attachment: Resource, stack: Stack) -> Iterator[Fault]:
    """A volume of etcd is this program's, in its machine's zone, and taken away only when that stands still."""
    volumes = stack.source(attachment, "volumeId", tokens.VOLUME)
    machines = stack.source(attachment, "instanceId", tokens.INSTANCE)
    if not volumes or not machines:
        yield Fault("volumeId, instanceId", "are not both of this program", "pass their ids")
    for volume in volumes:
        for machine in machines:
            if {volume.get("availabilityZone")} != _zones(stack, machine):
                yield Fault("volumeId", f"{volume.name} lies in another zone than {machine.name}", "put both in one")
    if not attachment.true("stopInstanceBeforeDetaching"):
        yield Fault("stopInstanceBeforeDetaching", "is not true: etcd may be writing", "set true")
    if attachment.true("forceDetach"):
        yield Fault("forceDetach", "is true: what is not yet written is lost", "leave it out")


@rule("P7", types=[tokens.VOLUME], whole=True)
def volume_is_attached_once(volume: Resource, stack: Stack) -> Iterator[Fault]:
    """A volume is gp3, its size is said, and it belongs to one machine: nobody would find what lies beside."""
    if volume.get("type") != "gp3":
        yield Fault("type", "is not gp3", "set gp3")
    if not volume.get("size"):
        yield Fault("size", "is missing", "say it")
    found = stack.users(volume, "volumeId", tokens.VOLUME_ATTACHMENT)
    if len(found) != 1:
        yield Fault("attachments", f"there are {len(found)}", "attach it to one machine")


@rule("T4", types=[tokens.INSTANCE], whole=True)
def control_plane_is_protected(machine: Resource, stack: Stack) -> Iterator[Fault]:
    """In production AWS and Pulumi both refuse to delete a control plane."""
    if not stack.options.production or stack.options.decommission:
        return
    if machine.urn not in {plane.urn for plane in topology.control_planes(stack)}:
        return
    if not machine.true("disableApiTermination"):
        yield Fault("disableApiTermination", "is not true", "set true")
    if not machine.protect:
        yield Fault("protect", "is not set", "set the resource option")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _unpacked(content: bytes) -> str:
    """Return user data as the machine sees it: cloud-init unpacks gzip."""
    with contextlib.suppress(zlib.error):
        content = zlib.decompress(content, wbits=zlib.MAX_WBITS | 16)
    return content.decode(errors="replace")


def _zones(stack: Stack, machine: Resource) -> set[Any]:
    return {subnet.get("availabilityZone") for subnet in stack.source(machine, "subnetId", tokens.SUBNET)}


def _lies_in(stack: Stack, machine: Resource, vpc: Resource) -> bool:
    subnets = stack.source(machine, "subnetId", tokens.SUBNET)
    return any(vpc in stack.source(subnet, "vpcId", tokens.VPC) for subnet in subnets)


def _roles(stack: Stack, machine: Resource) -> set[str]:
    profiles = stack.source(machine, "iamInstanceProfile", tokens.INSTANCE_PROFILE)
    return {role.urn for profile in profiles for role in stack.source(profile, "role", tokens.ROLE)}
