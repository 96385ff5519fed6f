"""The drivers' controllers as a work of `sandbox.kubernetes.controllers`: provisioner, attacher and deletion.

The controller manager binds what comes of it, and the scheduler then its pods. Volumes are never attached to instances:
pods run nothing that would write to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from botocore.exceptions import ClientError

from sandbox.kubernetes.api import Api, ApiError, Manifest
from sandbox.kubernetes.children import Children
from sandbox.kubernetes.identity import RightsError, role_of_account, role_of_pods
from sandbox.kubernetes.row import Surroundings
from sandbox.volumes.drivers import DRIVERS, Driver, RefusedError, Wish, bytes_of, extra_tags

_SELECTED: Final = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
_FINALIZER: Final = "external-provisioner.volume.kubernetes.io/finalizer"
_ZONE: Final = "topology.kubernetes.io/zone"
_CORE: Final = "/api/v1"
_STORAGE: Final = "/apis/storage.k8s.io/v1"


class Volumes:
    """Makes, attaches and removes volumes while the drivers' controllers run.

    Args:
        cluster: Returns the name of the cluster.
    """

    def __init__(self, cluster: Callable[[], str | None]) -> None:
        self._cluster = cluster

    def __call__(self, around: Surroundings) -> None:
        """Work one round."""
        cluster = self._cluster()
        for driver in DRIVERS:
            try:
                settings = _settings(around, driver, cluster) if cluster else None
            except RightsError as error:
                for claim, _, _ in _waiting(around.api, driver):
                    _tell(around.api, driver, claim, error)
                continue
            if cluster is not None and settings is not None:
                self._provision(around, driver, cluster, extra_tags(settings))
                _release(around, driver)
                _attach(around.api, driver)

    def _provision(self, around: Surroundings, driver: Driver, cluster: str, tags: Mapping[str, str]) -> None:
        for claim, found, place in _waiting(around.api, driver):
            metadata = claim["metadata"]
            wish = Wish(
                name=f"pvc-{metadata['uid']}",
                namespace=metadata["namespace"],
                claim=metadata["name"],
                cluster=cluster,
                parameters=found.get("parameters") or {},
                size=bytes_of(claim),
                zone=place,
                tags=tags,
            )
            try:
                self._make(around, driver, found, claim, wish)
            except (ClientError, RefusedError) as error:
                _tell(around.api, driver, claim, error)

    def _make(self, around: Surroundings, driver: Driver, storage_class: Manifest, claim: Manifest, wish: Wish) -> None:
        path = f"{_CORE}/persistentvolumes"
        if any(one["metadata"]["name"] == wish.name for one in _items(around.api, path)):
            return
        if driver.zonal and not wish.zone:
            raise RefusedError("the StorageClass does not wait for a first consumer, so no zone is chosen")
        aws = around.aws(driver.client)
        handle = driver.make(aws, wish)
        try:
            around.api.request("POST", path, _volume(driver, storage_class, claim, wish, handle))
        except ApiError:
            driver.remove(aws, handle)
            raise


def _waiting(api: Api, driver: Driver) -> Iterator[tuple[Manifest, Manifest, str]]:
    """Return the claims that wait for a volume, each with its StorageClass and the zone, empty when none is chosen."""
    classes = {
        one["metadata"]["name"]: one
        for one in _items(api, f"{_STORAGE}/storageclasses")
        if one["provisioner"] == driver.name
    }
    for claim in _items(api, f"{_CORE}/persistentvolumeclaims") if classes else []:
        metadata, spec = claim["metadata"], claim["spec"]
        found = classes.get(spec.get("storageClassName", ""))
        if found is not None and "volumeName" not in spec and "deletionTimestamp" not in metadata:
            place = _place(api, found, claim)
            if place is not None:
                yield claim, found, place


def _tell(api: Api, driver: Driver, claim: Manifest, error: Exception) -> None:
    about = {**claim, "apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    Children(api, driver.name).tell(about, "Warning", "ProvisioningFailed", f"failed to provision volume: {error}")


def _settings(around: Surroundings, driver: Driver, cluster: str) -> str | None:
    """Return the settings of a driver whose controller runs; None when none does.

    Raise `RightsError` when its pods have no role.
    """
    query = {"fieldSelector": f"metadata.name={driver.deployment}"}
    for one in _items(around.api, "/apis/apps/v1/deployments", query):
        conditions = (one.get("status") or {}).get("conditions") or []
        if any((said["type"], said["status"]) == ("Available", "True") for said in conditions):
            role_of_pods(around, one)
            return str((one["metadata"].get("annotations") or {}).get("sandbox/received-values", ""))
    try:
        addon = around.aws("eks").describe_addon(clusterName=cluster, addonName=driver.addon)["addon"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    if addon["status"] != "ACTIVE":
        return None
    if addon.get("serviceAccountRoleArn"):
        raise RightsError(f"add-on {driver.addon}: the sandbox plays Pod Identity, not serviceAccountRoleArn")
    role_of_account(around, "kube-system", driver.account)
    return str(addon.get("configurationValues") or "")


def _place(api: Api, storage_class: Manifest, claim: Manifest) -> str | None:
    """Return the zone for a claim, empty when none is chosen; None while it waits for a pod."""
    if storage_class.get("volumeBindingMode") != "WaitForFirstConsumer":
        return ""
    name = (claim["metadata"].get("annotations") or {}).get(_SELECTED)
    if not name:
        return None
    nodes = _items(api, f"{_CORE}/nodes", {"fieldSelector": f"metadata.name={name}"})
    labels = nodes[0]["metadata"].get("labels") or {} if nodes else {}
    return str(labels[_ZONE]) if _ZONE in labels else None


def _volume(driver: Driver, storage_class: Manifest, claim: Manifest, wish: Wish, handle: str) -> Manifest:
    metadata, spec = claim["metadata"], claim["spec"]
    affinity = {"matchExpressions": [{"key": _ZONE, "operator": "In", "values": [wish.zone]}]}
    source = {"driver": driver.name, "volumeHandle": handle}
    if driver.zonal:
        source["fsType"] = wish.parameters.get("csi.storage.k8s.io/fstype", "ext4")
    reference = {key: metadata[key] for key in ("name", "namespace", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": wish.name,
            "annotations": {_PROVISIONED_BY: driver.name},
            "finalizers": [_FINALIZER],
        },
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "csi": source,
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            **({"mountOptions": storage_class["mountOptions"]} if storage_class.get("mountOptions") else {}),
            **({"nodeAffinity": {"required": {"nodeSelectorTerms": [affinity]}}} if driver.zonal else {}),
        },
    }


def _release(around: Surroundings, driver: Driver) -> None:
    """Delete what a Released volume of policy Delete stands for, then the volume; let go of those being deleted."""
    for volume in _items(around.api, f"{_CORE}/persistentvolumes"):
        metadata, spec = volume["metadata"], volume["spec"]
        if (metadata.get("annotations") or {}).get(_PROVISIONED_BY) != driver.name:
            continue
        deletes = spec["persistentVolumeReclaimPolicy"] == "Delete"
        released = (volume.get("status") or {}).get("phase") == "Released"
        if not (released and deletes) and "deletionTimestamp" not in metadata:
            continue
        if deletes and _attached(around.api, metadata["name"]):
            continue
        if deletes:
            driver.remove(around.aws(driver.client), spec["csi"]["volumeHandle"])
        path = f"{_CORE}/persistentvolumes/{metadata['name']}"
        kept = [one for one in metadata.get("finalizers") or [] if one != _FINALIZER]
        change = {"metadata": {"finalizers": kept or None}}
        around.api.request("PATCH", path, change, content_type="application/merge-patch+json")
        if "deletionTimestamp" not in metadata:
            around.api.request("DELETE", path)


def _attached(api: Api, volume: str) -> bool:
    found = _items(api, f"{_STORAGE}/volumeattachments")
    return any(one["spec"]["source"].get("persistentVolumeName") == volume for one in found)


def _attach(api: Api, driver: Driver) -> None:
    """Say of every attachment that it has been made."""
    for one in _items(api, f"{_STORAGE}/volumeattachments"):
        if one["spec"]["attacher"] == driver.name and not (one.get("status") or {}).get("attached"):
            path = f"{_STORAGE}/volumeattachments/{one['metadata']['name']}/status"
            api.request("PATCH", path, {"status": {"attached": True}}, content_type="application/merge-patch+json")


def _items(api: Api, path: str, query: Mapping[str, str] | None = None) -> list[Manifest]:
    return list(api.request("GET", path, query=query).get("items") or [])
