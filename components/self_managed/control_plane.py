"""What the API server reads besides its flags: who may ask without a name, what is recorded, how Secrets are kept.

All of it lies in one folder, which is mounted as a whole: a file that is mounted by itself keeps its old content when
another takes its place, and the encryption file is read again whenever it changes. JSON is YAML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

FOLDER: Final = "/etc/kubernetes/api-server"
AUDIT_POLICY: Final = f"{FOLDER}/audit-policy.yaml"
AUTHENTICATION: Final = f"{FOLDER}/authentication.yaml"
ADMISSION: Final = f"{FOLDER}/admission.yaml"
ENCRYPTION: Final = f"{FOLDER}/encryption.yaml"
_EVENT_RATE_LIMIT: Final = "event-rate-limit.yaml"
AUDIT_FOLDER: Final = "/var/log/kubernetes/audit"
AUDIT_LOG: Final = f"{AUDIT_FOLDER}/audit.log"

ENCRYPTION_TEMPLATE: Final = "/etc/platform/encryption.yaml"
ENCRYPTION_KEY_BLANK: Final = "@ENCRYPTION_KEY@"
# Where a template goes once its blanks are filled, by the template's path.
RENDERED: Final[Mapping[str, str]] = MappingProxyType({ENCRYPTION_TEMPLATE: ENCRYPTION})

# Paths are compared as a whole. A joining machine reads the ConfigMap before it has credentials; the token's signature
# in it is what it trusts. All else here says only that the server lives, and which version it is.
ANONYMOUS_PATHS: Final = (
    "/livez",
    "/readyz",
    "/healthz",
    "/version",
    "/api/v1/namespaces/kube-public/configmaps/cluster-info",
)
_WRITES: Final = ["create", "update", "patch", "delete", "deletecollection"]


def control_plane_files() -> Mapping[str, str]:
    """Return text by path. Only the template in it has a blank to fill; nothing is a secret."""
    return {
        AUDIT_POLICY: _text(_audit_policy()),
        AUTHENTICATION: _text(_authentication()),
        ADMISSION: _text(_admission()),
        f"{FOLDER}/{_EVENT_RATE_LIMIT}": _text(_event_rate_limit()),
        ENCRYPTION_TEMPLATE: _text(_encryption()),
    }


def _text(document: Mapping[str, Any]) -> str:
    return f"{json.dumps(document, indent=2)}\n"


def _audit_policy() -> Mapping[str, Any]:
    """Decide what is recorded of a request; the first rule that fits counts.

    Bodies are recorded only of what gives rights or runs code. What carries credentials (Secrets, ConfigMaps, tokens)
    is recorded by who, what and when, whoever asks: no rule above it may let it through or drop it.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "Metadata",
                "resources": [
                    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
                ],
            },
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version"]},
            # Several times a second from every node; what changes by them is to be seen in the objects.
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {"level": "None", "resources": [{"group": "events.k8s.io", "resources": ["events"]}]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {
                "level": "None",
                "userGroups": ["system:nodes"],
                "verbs": ["get", "list", "watch", "update", "patch"],
                "resources": [{"group": "", "resources": ["nodes", "nodes/status", "pods/status"]}],
            },
            {
                "level": "None",
                "users": ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "level": "Request",
                "verbs": _WRITES,
                "resources": [
                    {"group": "", "resources": ["pods", "nodes", "namespaces", "serviceaccounts"]},
                    {"group": "apps"},
                    {"group": "batch"},
                    {"group": "rbac.authorization.k8s.io"},
                    {"group": "certificates.k8s.io"},
                    {"group": "admissionregistration.k8s.io"},
                    {"group": "networking.k8s.io"},
                ],
            },
            {"level": "Metadata"},
        ],
    }


def _authentication() -> Mapping[str, Any]:
    """Let anonymous requests in at a few paths only; what they may do there is RBAC's to say."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [],
        "anonymous": {"enabled": True, "conditions": [{"path": path} for path in ANONYMOUS_PATHS]},
    }


def _admission() -> Mapping[str, Any]:
    """Configure admission plugins; a relative path starts at the folder of this file."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "EventRateLimit", "path": _EVENT_RATE_LIMIT}],
    }


def _event_rate_limit() -> Mapping[str, Any]:
    """Keep a pod that fails over and over from filling etcd; far above what a healthy cluster of 1,000 nodes sends."""
    limits = [("Server", 500, 5000), ("Namespace", 100, 1000), ("SourceAndObject", 10, 50)]
    return {
        "apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
        "kind": "Configuration",
        "limits": [{"type": kind, "qps": qps, "burst": burst} for kind, qps, burst in limits],
    }


def _encryption() -> Mapping[str, Any]:
    """Encrypt Secrets from the first one on; since none was ever stored in clear, reading one in clear is no use."""
    key = {"name": "key1", "secret": ENCRYPTION_KEY_BLANK}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}]}],
    }
