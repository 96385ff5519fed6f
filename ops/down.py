"""What stands in the way of a destroy: protection, and syncs that wait for something to become healthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import yaml

from ops.errors import OpsError

_SECONDS: Final = 30
_PLACE: Final = ("argoproj.io", "v1alpha1", "argocd", "applications")
# What Argo CD itself writes when somebody asks it to end a sync
# (https://github.com/argoproj/argo-cd/blob/master/server/application/application.go, TerminateOperation).
_END: Final = {"status": {"operationState": {"phase": "Terminating"}}}


def refuse_protected(state: Mapping[str, Any]) -> None:
    """Raise `OpsError` when a stack's state holds protected resources: nothing is to be ended for a destroy in vain."""
    resources = (state.get("deployment") or {}).get("resources") or []
    names = sorted(one["urn"].rpartition("::")[2] for one in resources if one.get("protect"))
    if names:
        raise OpsError(
            f"{len(names)} resources are protected ({', '.join(names[:3])}{', …' if len(names) > 3 else ''}); "
            "docs/runbooks/decommission.md says how protection is taken off"
        )


def end_syncs(kubeconfig: str) -> list[str]:
    """End every sync that is under way, and return the names of their Applications.

    Argo CD deletes no Application before its sync has ended, and a sync waits for up to half an hour.

    Args:
        kubeconfig: Text of a kubeconfig, YAML or JSON, whose current context may patch Applications.

    Raises:
        OpsError: The cluster does not answer within 30 s, or refuses.
    """
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        objects = client.CustomObjectsApi(config.new_client_from_config_dict(yaml.safe_load(kubeconfig)))
        # Without Argo CD there is nothing to end.
        found = _unless_gone(lambda: objects.list_namespaced_custom_object(*_PLACE, _request_timeout=_SECONDS)) or {}
        names = [one["metadata"]["name"] for one in found.get("items", ()) if _under_way(one)]
        return [name for name in names if _unless_gone(partial(_end, objects, name)) is not None]
    except ApiException as error:
        raise OpsError(f"the cluster refuses: {error.status} {error.reason}") from error
    except (config.ConfigException, HTTPError, OSError) as error:
        raise OpsError(f"the cluster does not answer: {error}") from error


def _end(objects: Any, name: str) -> Any:
    return objects.patch_namespaced_custom_object(*_PLACE, name, _END, _request_timeout=_SECONDS)


def _unless_gone(ask: Callable[[], Any]) -> Any:
    """Return what is answered, or None for what is not there, or not any more."""
    from kubernetes.client.exceptions import ApiException

    try:
        return ask()
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def _under_way(application: Mapping[str, Any]) -> bool:
    state = (application.get("status") or {}).get("operationState") or {}
    return bool(state.get("phase") == "Running")
