"""Whether a controller is anybody for AWS: by EKS Pod Identity, or by its service account's role (IRSA)."""

from __future__ import annotations

from typing import Any, Final

from sandbox.kubernetes.api import ApiError, Manifest
from sandbox.kubernetes.row import Surroundings

_ROLE: Final = "eks.amazonaws.com/role-arn"


def has_role(around: Surroundings, cluster: str, deployment: Manifest) -> bool:
    """Say whether a Deployment's pods have a role.

    On EKS an annotation of the service account is enough, for a webhook adds the rest; elsewhere the pods need the
    variable AWS_ROLE_ARN as well.

    Args:
        around: Where they run.
        cluster: Its name.
        deployment: Whose pods they are.
    """
    spec, namespace = deployment["spec"]["template"]["spec"], deployment["metadata"]["namespace"]
    variables = [one for container in spec["containers"] for one in container.get("env") or []]
    if any(one["name"] == "AWS_ROLE_ARN" and one.get("value") for one in variables):
        return True
    account = spec.get("serviceAccountName", "default")
    if not _is_eks(around, cluster):
        return False
    return has_association(around, cluster, namespace, account) or _annotated(around, namespace, account)


def has_association(around: Surroundings, cluster: str, namespace: str, account: str) -> bool:
    """Say whether a Pod Identity association names the service account."""
    given = {"clusterName": cluster, "namespace": namespace, "serviceAccount": account}
    return bool(around.aws("eks").list_pod_identity_associations(**given)["associations"])


def _annotated(around: Surroundings, namespace: str, account: str) -> bool:
    try:
        found = around.api.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return bool((found["metadata"].get("annotations") or {}).get(_ROLE))


def _is_eks(around: Surroundings, cluster: str) -> bool:
    clusters: Any = around.aws("eks").list_clusters()["clusters"]
    return cluster in clusters
