"""What kubeadm is told on each machine: JSON documents, which are YAML, with blanks for what only the machine knows.

Version v1beta4 of its configuration, in which arguments are lists of name and value and a name may come twice. kubeadm
reads them strictly, but judges neither labels nor the effects of taints: `rules` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from components.self_managed import control_plane
from components.self_managed.kubelet import (
    IMAGE_CREDENTIALS,
    TLS_CIPHER_SUITES,
    TLS_MIN_VERSION,
    kubelet_configuration,
)
from components.self_managed.registration import registered_taints
from components.self_managed.spec import API_PORT, ClusterSpec, NodeSpec, Taint
from components.self_managed.tasks import LIBRARY

# A machine fills these in before kubeadm reads them.
TOKEN_BLANK: Final = "@JOIN_TOKEN@"
PROVIDER_ID_BLANK: Final = "@PROVIDER_ID@"
NODE_IP_BLANK: Final = "@NODE_IP@"

ETCD_DATA: Final = "/var/lib/etcd-volume/etcd"
_API: Final = "kubeadm.k8s.io/v1beta4"
_PKI: Final = "/etc/kubernetes/pki"
_CLUSTER_ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
_DAYS: Final = 24
# How long a worker asks for the API: the instance of a first control plane may come late, and waiting costs nothing.
_TIMEOUTS: Final = {"discovery": "30m0s", "tlsBootstrap": "10m0s", "kubernetesAPICall": "2m0s"}
_AUDIT_DAYS, _AUDIT_FILES, _AUDIT_MB = 30, 10, 100


def init_configuration(spec: ClusterSpec, node: NodeSpec) -> str:
    """Return what `kubeadm init` reads on the control plane that begins the cluster.

    The token in it lives for a day; the control plane itself renews it (see `boot`).

    Raises:
        ValueError: The node is no control plane, or has no fixed address.
    """
    token = {
        "token": TOKEN_BLANK,
        "ttl": "24h0m0s",
        "usages": ["signing", "authentication"],
        "groups": ["system:bootstrappers:kubeadm:default-node-token"],
    }
    begin = {
        "apiVersion": _API,
        "kind": "InitConfiguration",
        "bootstrapTokens": [token],
        "localAPIEndpoint": _local_endpoint(node),
        "nodeRegistration": _registration(node),
        "timeouts": _TIMEOUTS,
    }
    return _documents([begin, _cluster_configuration(spec), kubelet_configuration()])


def join_configuration(spec: ClusterSpec, node: NodeSpec, ca_pin: str) -> str:
    """Return what `kubeadm join` reads: on a worker, and on a control plane that joins others.

    Args:
        spec: The cluster that it joins.
        node: What it becomes.
        ca_pin: Of the cluster's authority, as `sha256:` and 64 hexadecimal digits; without it, whoever answers first
            would be believed.

    Raises:
        ValueError: The pin has another form, or a control plane no fixed address.
    """
    algorithm, _, digest = ca_pin.partition(":")
    if algorithm != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("ca_pin: is not sha256: and 64 lower-case hexadecimal digits; take it from pki_math.ca_pin")
    join: dict[str, Any] = {
        "apiVersion": _API,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {
                "apiServerEndpoint": f"{spec.endpoint}:{API_PORT}",
                "token": TOKEN_BLANK,
                "caCertHashes": [ca_pin],
            },
            "tlsBootstrapToken": TOKEN_BLANK,
        },
        "nodeRegistration": _registration(node),
        "timeouts": _TIMEOUTS,
    }
    if node.role == "control-plane":
        join["controlPlane"] = {"localAPIEndpoint": _local_endpoint(node)}
    return _documents([join])


def _registration(node: NodeSpec) -> dict[str, Any]:
    labels = ",".join(f"{key}={value}" for key, value in sorted(node.labels.items()))
    arguments = {
        "cloud-provider": "external",
        "image-credential-provider-bin-dir": LIBRARY,
        "image-credential-provider-config": IMAGE_CREDENTIALS,
        "node-ip": NODE_IP_BLANK,
        "provider-id": PROVIDER_ID_BLANK,
        **({"node-labels": labels} if labels else {}),
    }
    if node.role == "control-plane":
        # kubeadm taints a control plane by and by, and once; its node may be registered anew when its machine is.
        arguments["register-with-taints"] = ",".join(_short(taint) for taint in registered_taints(node))
    return {
        "name": node.name,
        "criSocket": "unix:///run/containerd/containerd.sock",
        "imagePullSerial": False,
        # Always a list: without one, kubeadm would choose.
        "taints": [_taint(taint) for taint in registered_taints(node)],
        "kubeletExtraArgs": _arguments(arguments.items()),
    }


def _taint(taint: Taint) -> dict[str, str]:
    return {"key": taint.key, **({"value": taint.value} if taint.value else {}), "effect": taint.effect}


def _short(taint: Taint) -> str:
    return f"{taint.key}{f'={taint.value}' if taint.value else ''}:{taint.effect}"


def _local_endpoint(node: NodeSpec) -> dict[str, Any]:
    """Say where this member listens: by its fixed address, since a guess may be a pod's or another interface's."""
    if node.role != "control-plane" or node.address is None:
        raise ValueError(f"node={node.name}: no control plane with a fixed address to serve the API at; give it one")
    return {"advertiseAddress": str(node.address), "bindPort": API_PORT}


def _cluster_configuration(spec: ClusterSpec) -> dict[str, Any]:
    tls = {"tls-min-version": TLS_MIN_VERSION, "tls-cipher-suites": ",".join(TLS_CIPHER_SUITES)}
    controllers = {
        # Calico gives nodes their ranges; a /24 for each would end at 256 nodes of a /16.
        "allocate-node-cidrs": "false",
        "cloud-provider": "external",
        "profiling": "false",
        "terminated-pod-gc-threshold": "1000",
        **tls,
    }
    return {
        "apiVersion": _API,
        "kind": "ClusterConfiguration",
        "clusterName": spec.name,
        "kubernetesVersion": f"v{spec.version}",
        "controlPlaneEndpoint": f"{spec.endpoint}:{API_PORT}",
        "certificatesDir": _PKI,
        "encryptionAlgorithm": "ECDSA-P256",
        "certificateValidityPeriod": f"{365 * _DAYS}h0m0s",
        "caCertificateValidityPeriod": f"{3650 * _DAYS}h0m0s",
        "networking": {
            "dnsDomain": "cluster.local",
            "serviceSubnet": str(spec.service_cidr),
            "podSubnet": str(spec.pod_cidr),
        },
        "apiServer": _api_server(spec, tls),
        "controllerManager": {"extraArgs": _arguments(controllers.items())},
        "scheduler": {"extraArgs": _arguments({"profiling": "false", **tls}.items())},
        "etcd": {
            "local": {
                "dataDir": ETCD_DATA,
                "extraArgs": _arguments(
                    [("cipher-suites", ",".join(TLS_CIPHER_SUITES)), ("tls-min-version", "TLS1.2")]
                ),
            }
        },
    }


def _api_server(spec: ClusterSpec, tls: Mapping[str, str]) -> dict[str, Any]:
    addresses = [str(node.address) for node in spec.control_planes if node.address is not None]
    arguments = [
        ("admission-control-config-file", control_plane.ADMISSION),
        ("audit-log-maxage", str(_AUDIT_DAYS)),
        ("audit-log-maxbackup", str(_AUDIT_FILES)),
        ("audit-log-maxsize", str(_AUDIT_MB)),
        ("audit-log-path", control_plane.AUDIT_LOG),
        ("audit-policy-file", control_plane.AUDIT_POLICY),
        ("authentication-config", control_plane.AUTHENTICATION),
        ("enable-admission-plugins", "NodeRestriction,EventRateLimit"),
        ("encryption-provider-config", control_plane.ENCRYPTION),
        ("encryption-provider-config-automatic-reload", "true"),
        ("kubelet-certificate-authority", f"{_PKI}/ca.crt"),
        ("profiling", "false"),
        ("request-timeout", "1m0s"),
        ("service-account-extend-token-expiration", "false"),
        # Both are accepted, and the first signs: AWS asks at that address whether a token is real.
        ("service-account-issuer", spec.issuer),
        ("service-account-issuer", _CLUSTER_ISSUER),
        ("service-account-jwks-uri", f"{spec.issuer}/keys.json"),
        *tls.items(),
    ]
    return {
        "certSANs": [spec.endpoint, *addresses, "127.0.0.1"],
        "extraArgs": _arguments(arguments),
        "extraVolumes": [
            _volume("api-server-files", control_plane.FOLDER, read_only=True),
            _volume("audit-log", control_plane.AUDIT_FOLDER, read_only=False),
        ],
    }


def _volume(name: str, path: str, *, read_only: bool) -> dict[str, Any]:
    # A folder that is not there yet is made only where the server writes: one with files in it must be there.
    kind = "Directory" if read_only else "DirectoryOrCreate"
    return {"name": name, "hostPath": path, "mountPath": path, "readOnly": read_only, "pathType": kind}


def _arguments(items: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in items]


def _documents(documents: Iterable[Mapping[str, Any]]) -> str:
    return "---\n".join(f"{json.dumps(document, indent=2)}\n" for document in documents)
