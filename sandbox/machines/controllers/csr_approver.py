"""kubelet-csr-approver: judges kubelets' requests for serving certificates by the variables of its own pod.

https://github.com/postfinance/kubelet-csr-approver
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.kubernetes.api import Manifest
from sandbox.machines.controllers.view import View
from sandbox.machines.tls_bootstrap import SERVING_SIGNER

_CSRS: Final = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_USER: Final = "system:node:"


def approve(view: View) -> None:
    """Do the approver's work, if it runs."""
    pods = view.running(**{"app.kubernetes.io/name": "kubelet-csr-approver"})
    if not pods:
        return
    environment = _environment(pods[0])
    for request in view.api.request("GET", _CSRS).get("items") or []:
        if request["spec"]["signerName"] == SERVING_SIGNER and not (request.get("status") or {}).get("conditions"):
            _answer(view, request, _objection(view, request, environment))


def _environment(pod: Manifest) -> dict[str, str]:
    variables = pod["spec"]["containers"][0].get("env") or []
    return {str(one["name"]): str(one.get("value", "")) for one in variables}


def _objection(view: View, request: Manifest, environment: Mapping[str, str]) -> str:
    """Return why a request is denied; empty when it is not."""
    parsed = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
    user = str(request["spec"]["username"])
    common = str(parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    if not user.startswith(_USER) or common != user:
        return f"{common} was asked for by {user}"
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "neither a DNS name nor an address is asked for"
    dns = names.get_values_for_type(x509.DNSName)
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    if len(dns) > int(environment.get("ALLOWED_DNS_NAMES") or 1):
        return f"{len(dns)} DNS names are asked for"
    if not _truth(environment.get("BYPASS_HOSTNAME_CHECK")):
        node = user.removeprefix(_USER)
        if strange := [name for name in dns if not name.startswith(node)]:
            return f"{', '.join(strange)} does not begin with the node's name {node}"
    prefixes = [
        ip_network(one) for one in (environment.get("PROVIDER_IP_PREFIXES") or "0.0.0.0/0,::/0").split(",") if one
    ]
    if strange := [one for one in addresses if not any(ip_address(one) in prefix for prefix in prefixes)]:
        return f"{', '.join(strange)} is outside PROVIDER_IP_PREFIXES"
    return "" if _truth(environment.get("BYPASS_DNS_RESOLUTION")) else _unresolved(view, dns, addresses, environment)


def _unresolved(view: View, dns: list[str], addresses: list[str], environment: Mapping[str, str]) -> str:
    pattern = environment.get("PROVIDER_REGEX") or ".*"
    for name in dns:
        if not re.search(pattern, name):
            return f"{name} does not match PROVIDER_REGEX {pattern}"
        found = {one.address for one in view.fabric.instances() if one.described.get("PrivateDnsName") == name}
        if not found:
            return f"{name} cannot be resolved"
        if strange := set(addresses) - found:
            return f"{name} resolves to {', '.join(sorted(found))}, not to {', '.join(sorted(strange))}"
    return ""


def _answer(view: View, request: Manifest, objection: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition: dict[str, Any] = {
        "type": "Denied" if objection else "Approved",
        "status": "True",
        "reason": "kubelet-csr-approver",
        "message": objection or "all checks passed",
        "lastUpdateTime": now,
    }
    request["status"] = {"conditions": [condition]}
    view.api.request("PUT", f"{_CSRS}/{request['metadata']['name']}/approval", request)


def _truth(value: str | None) -> bool:
    return str(value).lower() in ("1", "t", "true")
