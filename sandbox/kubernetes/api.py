"""A small client of the Kubernetes API: plain dicts in and out, kinds found by discovery."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from sandbox.protocol import HostError

Manifest = dict[str, Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class ApiError(HostError):
    """The API server refused.

    Attributes:
        status: HTTP status, 0 when the server was not reached.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind that the server serves."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of an object, or of the collection when there is no name."""
        root = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


class Api:
    """Talks to one API server.

    Args:
        endpoint: URL of the server.
        authority: File with the certificate authority to trust.
        token: Bearer token; none for a client that shows a certificate, or nothing.
        server_name: Name that the server's certificate is to have, if not the endpoint's.
        certificate: Files of the client's certificate and its key.
    """

    def __init__(
        self,
        endpoint: str,
        authority: Path,
        token: str = "",
        *,
        server_name: str = "",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.endpoint = endpoint
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        more: dict[str, Any] = {"server_hostname": server_name, "assert_hostname": server_name} if server_name else {}
        if certificate:
            more |= {"cert_file": str(certificate[0]), "key_file": str(certificate[1])}
        self._pool = urllib3.PoolManager(maxsize=16, ca_certs=str(authority), headers=headers, retries=False, **more)
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        *,
        content_type: str = "application/json",
        timeout: float = 30.0,
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Send a request and return the answer. Raise `ApiError` on a refusal."""
        url = f"{self.endpoint}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._pool.headers, "Content-Type": content_type}
        payload = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, url, body=payload, headers=headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"the API server at {self.endpoint} does not answer: {error}") from error
        found = _decode(answer.data)
        if answer.status >= 400:
            raise ApiError(answer.status, str(found.get("message") or answer.data.decode(errors="replace")))
        return found

    def ready(self) -> bool:
        """Say whether the server takes requests."""
        try:
            self.request("GET", "/readyz", timeout=2.0)
        except ApiError:
            return False
        return True

    def kind(self, api_version: str, name: str) -> Kind | None:
        """Find a kind, or None when the server does not serve it (yet)."""
        with self._lock:
            known = self._kinds.get(api_version, {}).get(name)
        # Only hits are kept: a CRD may come at any time.
        return known or self._discover(api_version).get(name)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        """Return an object, or None when it does not exist."""
        try:
            return self.request("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        """Return the objects of a kind, in one namespace or in all."""
        items = self.request("GET", kind.path(namespace)).get("items") or []
        return [item for item in items if isinstance(item, dict)]

    def apply(
        self, kind: Kind, manifest: Mapping[str, Any], manager: str, *, force: bool = False, dry_run: bool = False
    ) -> Manifest:
        """Apply on the server's side and return the object as it is then."""
        metadata = manifest["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = kind.path(metadata.get("namespace"), metadata["name"])
        return self.request("PATCH", path, dict(manifest), content_type=APPLY, query=query)

    def patch(
        self, kind: Kind, namespace: str | None, name: str, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        """Merge a change into an object, or into its status with `subresource="status"`."""
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, change, content_type=MERGE)

    def delete(self, kind: Kind, namespace: str | None, name: str, *, propagation: str = "Foreground") -> None:
        """Ask for an object's deletion; finalizers may hold it. No error when it does not exist."""
        options: Manifest = {"propagationPolicy": propagation}
        try:
            self.request("DELETE", kind.path(namespace, name), options)
        except ApiError as error:
            if error.status != 404:
                raise

    def _discover(self, api_version: str) -> dict[str, Kind]:
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        try:
            found = self.request("GET", root)
        except ApiError as error:
            if error.status == 404:
                return {}
            raise
        kinds = {
            item["kind"]: Kind(
                api_version=api_version, name=item["kind"], plural=item["name"], namespaced=item["namespaced"]
            )
            for item in found["resources"]
            if "/" not in item["name"]
        }
        with self._lock:
            self._kinds[api_version] = kinds
        return kinds


def _decode(data: bytes) -> Manifest:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
