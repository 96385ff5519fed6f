"""The row of Ingresses: a group's load balancer comes with its first Ingress and goes with its last."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import ClientError, ParamValidationError

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.identity import RightsError, role_of
from sandbox.kubernetes.operators.load_balancers.deploying import Stack
from sandbox.kubernetes.operators.load_balancers.model import Model, build
from sandbox.kubernetes.operators.load_balancers.placing import Place, place
from sandbox.kubernetes.operators.load_balancers.reading import (
    Group,
    RefusedError,
    group_of,
    is_ours,
    members,
    notes,
    parameters,
)
from sandbox.kubernetes.row import HeldError, Row, Surroundings, Verdict

__all__ = ["ROWS"]

_FINALIZERS: Final = ("ingress.k8s.aws/resources", "group.ingress.k8s.aws/*")


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Bring the load balancer of an Ingress's group to what its members ask for, and tell its name."""
    try:
        group = group_of(manifest, parameters(around, manifest))
        model, name = _brought(around, group)
    except (RefusedError, RightsError) as error:
        return Verdict(event=("Warning", "FailedBuildModel", f"Failed build model due to {error}"))
    except (ClientError, ParamValidationError, HeldError) as error:
        return Verdict(event=("Warning", "FailedDeployModel", f"Failed deploy model due to {error}"))
    own = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
    if own in model.lacking:
        return Verdict(event=("Warning", "FailedBuildModel", f"Failed build model due to {model.lacking[own]}"))
    ports = [{"port": port, "protocol": "TCP"} for port in sorted(model.listeners)]
    return Verdict(status={"loadBalancer": {"ingress": [{"hostname": name, "ports": ports}]}})


def release(around: Surroundings, manifest: Manifest) -> None:
    """Take a deleted Ingress out of its groups; the last one takes the load balancer along."""
    if "deletion_protection.enabled=true" in notes(manifest).get("load-balancer-attributes", ""):
        name = manifest["metadata"]["name"]
        raise HeldError(f"Failed build model due to deletion_protection is enabled, cannot delete the ingress: {name}")
    try:
        for group in _held(manifest):
            if members(around, group):
                _brought(around, group)
            else:
                role_of(around)
                Stack(around, place(around), group).remove()
    except (RefusedError, RightsError) as error:
        raise HeldError(f"Failed build model due to {error}") from error
    except ClientError as error:
        raise HeldError(f"Failed deploy model due to {error}") from error


def _brought(around: Surroundings, group: Group) -> tuple[Model, str]:
    """Bring a group's load balancer to its model, once in a round, and return it with its name in DNS."""
    known = around.memory.get(group)
    if isinstance(known, Exception):
        raise known
    if known is None:
        try:
            role_of(around)
            where: Place = place(around)
            model = build(around, where, group, members(around, group))
            known = around.memory[group] = (model, Stack(around, where, group).bring(model))
        except (RefusedError, RightsError, ClientError, ParamValidationError, HeldError) as error:
            around.memory[group] = error
            raise
    found: tuple[Model, str] = known
    return found


def _held(manifest: Manifest) -> list[Group]:
    metadata = manifest["metadata"]
    found = []
    for name in metadata.get("finalizers", []):
        if name == _FINALIZERS[0]:
            found.append(Group(metadata["name"], metadata["namespace"]))
        elif name.startswith(_FINALIZERS[1][:-1]):
            found.append(Group(name.removeprefix(_FINALIZERS[1][:-1])))
    return found


def _hold(around: Surroundings, manifest: Manifest) -> str:
    try:
        return group_of(manifest, parameters(around, manifest)).finalizer
    except RefusedError:
        return ""


ROWS: Final[tuple[Row, ...]] = (
    Row(
        api_version="networking.k8s.io/v1",
        kind="Ingress",
        controller="aws-load-balancer-controller",
        judge=judge,
        finalizers=_FINALIZERS,
        summary=False,
        concerns=is_ours,
        hold=_hold,
        release=release,
        every=3,
    ),
)
