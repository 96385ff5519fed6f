"""The cluster's API as hooks need it: while the program runs, and without holding up its event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pulumi

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Answer = Mapping[str, Any]
_T = TypeVar("_T")

# The SDK registers resources from threads of its own, all of which may be waiting for what a hook waits for.
_THREADS: Final = ThreadPoolExecutor(max_workers=16, thread_name_prefix="cluster-api")
_PATCH: Final = "application/merge-patch+json"
_PAGE: Final = 500
# Seconds. A hook holds one of the engine's few workers, and what the kubeconfig is made of may be in want of one.
_KNOWN: Final = 60.0


class ApiError(Exception):
    """The API refused, or nobody answered.

    Attributes:
        status: HTTP status; none when there was no answer.
    """

    def __init__(self, said: str, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


class ClusterApi:
    """Calls of one cluster's API; each raises `ApiError`.

    Args:
        kubeconfig: As text.
        timeout: Of each call, seconds.
    """

    def __init__(self, kubeconfig: str, timeout: float = 10) -> None:
        # Half a second that only a run with something to wait for should take.
        from kubernetes import client, config

        configuration = client.Configuration()
        # Who calls asks again, and says so; the client's own attempts end up as warnings on the terminal.
        configuration.retries = False
        config.load_kube_config_from_dict(json.loads(kubeconfig), client_configuration=configuration)
        self._client: ApiClient = client.ApiClient(configuration)
        self._timeout = timeout

    def unready(self) -> str | None:
        """Return why the API is of no use yet; none when it is ready and the administrator may use it.

        kubeadm grants that right after the API has become ready.
        """
        try:
            self._call("GET", "/readyz")
            self._call("GET", "/api/v1/namespaces/kube-system")
        except ApiError as error:
            return str(error)
        return None

    def version(self) -> str:
        """Return the server's version, such as `v1.36.4`."""
        return str(self._call("GET", "/version")["gitVersion"])

    def node(self, name: str) -> Answer | None:
        """Return a Node, or none."""
        try:
            return self._call("GET", f"/api/v1/nodes/{name}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def node_on(self, instance_id: str) -> Answer | None:
        """Return the Node of an instance, or none."""
        for node in self._list("/api/v1/nodes"):
            if str(node.get("spec", {}).get("providerID", "")).endswith(f"/{instance_id}"):
                return node
        return None

    def cordon(self, name: str) -> None:
        """Have no further pod scheduled to the node."""
        self._call("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}})

    def pods_on(self, name: str) -> list[Answer]:
        """Return the pods that are bound to the node."""
        return list(self._list("/api/v1/pods", fieldSelector=f"spec.nodeName={name}"))

    def evict(self, pod: Answer) -> str | None:
        """Ask for a pod's end; return what its budget says against it now, or none. A pod that is gone is no error."""
        metadata = pod["metadata"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            # A pod of a StatefulSet comes again under its name, elsewhere.
            "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        try:
            self._call("POST", path, eviction)
        except ApiError as error:
            if error.status == 429:
                return str(error)
            if error.status not in (404, 409):
                raise
        return None

    def delete_node(self, node: Answer) -> None:
        """Delete a Node, but not a later one of its name. One that is gone is no error."""
        metadata = node["metadata"]
        try:
            self._call("DELETE", f"/api/v1/nodes/{metadata['name']}", {"preconditions": {"uid": metadata["uid"]}})
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _list(self, path: str, **query: str) -> Iterator[Answer]:
        token = ""
        while True:
            page = self._call("GET", path, query={**query, "limit": str(_PAGE), "continue": token})
            yield from page["items"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    def _call(
        self, method: str, path: str, body: Answer | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        kind = _PATCH if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        try:
            # Not `call_api`: it breaks on what TLS refuses, for which there is no body.
            response = self._client.request(
                method,
                f"{self._client.configuration.host}{path}",
                query_params=[(key, value) for key, value in (query or {}).items() if value],
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=self._timeout,
            )
        except ApiException as error:
            if not error.status:
                raise ApiError(f"no answer: {error.reason}") from error
            raise ApiError(f"{error.status} {_message(error.body) or error.reason}", error.status) from error
        except (HTTPError, OSError) as error:
            raise ApiError(f"no answer: {error}") from error
        return _json(response.data)


class ClusterAccess:
    """The API of a cluster whose kubeconfig becomes known while the program runs."""

    def __init__(self, kubeconfig: pulumi.Input[str]) -> None:
        self._kubeconfig = pulumi.Output.from_input(kubeconfig)
        self._text: asyncio.Future[str | None] | None = None
        self._api: ClusterApi | None = None

    async def ask(self, call: Callable[[ClusterApi], _T]) -> _T:
        """Make a call in a thread.

        Raises:
            ApiError: As the call does; and where the kubeconfig is not to be known in this run.
        """
        if self._text is None:
            self._text = asyncio.ensure_future(self._kubeconfig.future())
        try:
            # Shielded: else giving up would take the value from everybody else, too.
            text = await asyncio.wait_for(asyncio.shield(self._text), _KNOWN)
        except TimeoutError as error:
            raise ApiError("no kubeconfig yet: what it is made of waits for this very call") from error
        if text is None:
            raise ApiError("no kubeconfig: what it is made of is not there")
        return await in_thread(lambda: call(self._connected(text)))

    def _connected(self, kubeconfig: str) -> ClusterApi:
        if self._api is None:
            self._api = ClusterApi(kubeconfig)
        return self._api


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run what blocks without holding up the program or other hooks."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def _json(data: bytes | str) -> dict[str, Any]:
    """Return an answer's object; /readyz answers with a word."""
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _message(body: bytes | str | None) -> str:
    """Return what a Status says."""
    answer = _json(body or "")
    details = answer.get("details") or {}
    causes = [str(cause.get("message", "")) for cause in details.get("causes") or []]
    return "; ".join(text for text in (str(answer.get("message", "")), *causes) if text)
