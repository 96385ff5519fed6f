"""The stand-in for the CSI drivers over the running API server, scheduler, controller manager and the emulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.kubernetes.api import Api
from sandbox.kubernetes.controllers import Controllers
from sandbox.volumes.provisioner import Volumes
from tests.sandbox.kubernetes.conftest import ZONES, Aws, Cluster, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
_NAMESPACED = "/api/v1/namespaces/volumes"


@dataclass
class Place:
    """A cluster with StorageClasses, in an AWS whose EKS cluster has no driver yet."""

    cluster: Cluster
    api: Api
    aws: Aws

    def claim(self, name: str, storage_class: str) -> None:
        spec = {
            "storageClassName": storage_class,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1500Mi"}},
        }
        self.api.request("POST", f"{_NAMESPACED}/persistentvolumeclaims", {"metadata": {"name": name}, "spec": spec})

    def pod(self, name: str, claim: str, zone: str) -> None:
        spec = {
            "containers": [{"name": "main", "image": "example.com/x:1"}],
            "nodeSelector": {"topology.kubernetes.io/zone": zone},
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        }
        self.api.request("POST", f"{_NAMESPACED}/pods", {"metadata": {"name": name}, "spec": spec})

    def phase(self, plural: str, name: str) -> str:
        return str(self.api.request("GET", f"{_NAMESPACED}/{plural}/{name}")["status"].get("phase"))

    def told(self, text: str) -> bool:
        """Say whether an event tells that no volume came, and in such words."""
        events = self.api.request("GET", f"{_NAMESPACED}/events")["items"]
        return any(one["reason"] == "ProvisioningFailed" and text in one["message"] for one in events)

    def volumes(self) -> list[dict[str, Any]]:
        return list(self.aws.ec2.describe_volumes()["Volumes"])

    def install(self, addon: str, account: str, **more: str) -> None:
        given = {"namespace": "kube-system", "serviceAccount": account, "roleArn": self.aws.controller_role}
        self.aws.eks.create_pod_identity_association(clusterName="demo", **given)
        self.aws.eks.create_addon(clusterName="demo", addonName=addon, **more)

    def install_ebs(self) -> None:
        settings = '{"controller": {"extraVolumeTags": {"team": "platform"}}}'
        self.install("aws-ebs-csi-driver", "ebs-csi-controller-sa", configurationValues=settings)


def _storage_class(name: str, provisioner: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer"} | more


@pytest.fixture
def place(cluster: Cluster, aws: Aws) -> Iterator[Place]:
    api = cluster.control_plane.api
    encrypted = {"type": "gp3", "encrypted": "true"}
    classes = (
        _storage_class("gp3", "ebs.csi.aws.com", parameters=encrypted),
        _storage_class("gp3-retain", "ebs.csi.aws.com", parameters=encrypted, reclaimPolicy="Retain"),
        _storage_class("mistyped", "ebs.csi.aws.com", parameters={"tpye": "gp3"}),
    )
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "volumes"}})
    for one in classes:
        api.request("POST", _STORAGE, one)
    controllers = Controllers(cluster.control_plane, aws.endpoint, (), (Volumes(lambda: "demo"),))
    controllers.start()
    try:
        yield Place(cluster, api, aws)
    finally:
        api.request("DELETE", "/api/v1/namespaces/volumes")
        until(lambda: not cluster.get("namespace", "volumes"))
        controllers.stop()
        for one in classes:
            api.request("DELETE", f"{_STORAGE}/{one['metadata']['name']}")
        for volume in api.request("GET", "/api/v1/persistentvolumes")["items"]:
            path = f"/api/v1/persistentvolumes/{volume['metadata']['name']}"
            change = {"metadata": {"finalizers": None}}
            api.request("PATCH", path, change, content_type="application/merge-patch+json")
            api.request("DELETE", path)


def test_a_volume_comes_in_its_pods_zone_and_goes_with_its_claim(place: Place) -> None:
    """Only with the driver, encrypted, with the driver's tags; policy Delete takes it along."""
    place.claim("data", "gp3")
    place.pod("web", "data", ZONES[1])
    with pytest.raises(AssertionError):
        until(lambda: place.phase("pods", "web") == "Running", 4)
    assert place.volumes() == []
    place.install_ebs()
    until(lambda: place.phase("pods", "web") == "Running")
    assert place.phase("persistentvolumeclaims", "data") == "Bound"
    (volume,) = place.volumes()
    assert (volume["AvailabilityZone"], volume["Size"], volume["VolumeType"]) == (ZONES[1], 2, "gp3")
    assert volume["Encrypted"]
    tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert {
        "team": "platform",
        "kubernetes.io/created-for/pvc/name": "data",
        "ebs.csi.aws.com/cluster-name": "demo",
    }.items() <= tags.items()
    place.api.request("DELETE", f"{_NAMESPACED}/pods/web")
    place.api.request("DELETE", f"{_NAMESPACED}/persistentvolumeclaims/data")
    until(lambda: not place.volumes())
    until(lambda: not place.api.request("GET", "/api/v1/persistentvolumes")["items"])


def test_policy_retain_leaves_the_volume(place: Place) -> None:
    """As AWS would have it: somebody has to look for it."""
    place.install_ebs()
    place.claim("data", "gp3-retain")
    place.pod("web", "data", ZONES[0])
    until(lambda: place.phase("pods", "web") == "Running")
    place.api.request("DELETE", f"{_NAMESPACED}/pods/web")
    place.api.request("DELETE", f"{_NAMESPACED}/persistentvolumeclaims/data")
    volumes = "/api/v1/persistentvolumes"
    until(lambda: place.api.request("GET", volumes)["items"][0]["status"]["phase"] == "Released")
    with pytest.raises(AssertionError):
        until(lambda: not place.volumes(), 3)


def test_a_parameter_that_the_driver_does_not_know_is_told(place: Place) -> None:
    """The claim stays Pending, with the driver's words in an event."""
    place.install_ebs()
    place.claim("data", "mistyped")
    place.pod("web", "data", ZONES[0])

    until(lambda: place.told("tpye"))
    assert place.phase("persistentvolumeclaims", "data") == "Pending"
    assert place.volumes() == []


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, "has neither a Pod Identity association nor AWS_ROLE_ARN"),
        ({"serviceAccountRoleArn": "arn:aws:iam::123456789012:role/controller"}, "not serviceAccountRoleArn"),
    ],
    ids=["no role", "a role that is not played"],
)
def test_a_driver_that_is_nobody_for_aws_says_so(place: Place, more: dict[str, str], error: str) -> None:
    """No volume comes of it, and the claim tells why."""
    place.aws.eks.create_addon(clusterName="demo", addonName="aws-ebs-csi-driver", **more)
    place.claim("data", "gp3")
    place.pod("web", "data", ZONES[0])
    until(lambda: place.told(error))
    assert place.volumes() == []


def test_a_file_systems_volume_is_an_access_point(place: Place) -> None:
    """At once, in no zone, on a file system that can be mounted; it goes with its claim."""
    system = place.aws.efs.create_file_system(CreationToken="x")["FileSystemId"]
    place.aws.efs.create_mount_target(FileSystemId=system, SubnetId=place.aws.subnets[0])
    parameters = {"provisioningMode": "efs-ap", "fileSystemId": system, "directoryPerms": "700"}
    mode = {"volumeBindingMode": "Immediate", "parameters": parameters}
    place.api.request("POST", _STORAGE, _storage_class("efs", "efs.csi.aws.com", **mode))
    place.install("aws-efs-csi-driver", "efs-csi-controller-sa")
    place.claim("files", "efs")
    until(lambda: place.phase("persistentvolumeclaims", "files") == "Bound")
    (point,) = place.aws.efs.describe_access_points()["AccessPoints"]
    assert point["FileSystemId"] == system
    place.api.request("DELETE", f"{_NAMESPACED}/persistentvolumeclaims/files")
    until(lambda: not place.aws.efs.describe_access_points()["AccessPoints"])
    place.api.request("DELETE", f"{_STORAGE}/efs")
