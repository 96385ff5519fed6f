"""The administrator's way into the cluster."""

from __future__ import annotations

import base64
import json
from typing import Final

# In the certificate, so in the API server's audit log. The group is bound to cluster-admin by kubeadm; deleting that
# binding revokes every such certificate, which nothing does to one of system:masters
# (https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/).
ADMIN_USER: Final = "platform-admin"
ADMIN_GROUP: Final = "kubeadm:cluster-admins"


def kubeconfig(
    *, cluster: str, server: str, ca_pem: str, certificate_pem: str, key_pem: str, tls_server_name: str
) -> str:
    """Return a kubeconfig, in JSON, which every reader of YAML takes. It is a secret: it holds the private key.

    Args:
        cluster: Names cluster and context.
        server: URL under which the API is reached, such as a load balancer's or a port forward's.
        ca_pem: The cluster's authority.
        certificate_pem: The administrator's.
        key_pem: Its private key.
        tls_server_name: Name in the API server's certificate, whatever name it is reached under.
    """
    user = f"{cluster}-{ADMIN_USER}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": _encode(ca_pem),
                    "tls-server-name": tls_server_name,
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _encode(certificate_pem),
                    "client-key-data": _encode(key_pem),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return json.dumps(document)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
