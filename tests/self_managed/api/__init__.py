"""A Kubernetes API that answers what a test tells it to: nodes, pods, evictions with budgets, and its own trouble."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Mapping[str, Any]]


class FakeApi:
    """The state, and what was asked.

    Attributes:
        refusals: How often an eviction of a pod is refused by its budget; for ever if negative.
        returns: Pods of which a new one is on the same node as soon as one has been evicted.
        lingers: How many listings a pod is still in after it was evicted.
        unready: HTTP status of /readyz; 0 hangs up.
        forbidden: Whether the administrator has no rights yet.
        version: Of the server.
        said: Every change that was asked for.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, int] = {}
        self.returns: set[str] = set()
        self.lingers: dict[str, int] = {}
        self.unready = 200
        self.forbidden = False
        self.version = "v1.36.4"
        self.said: list[str] = []
        self.lock = threading.Lock()
        self.url = ""

    @property
    def kubeconfig(self) -> str:
        cluster = {"name": "fake", "cluster": {"server": self.url}}
        context = {"name": "fake", "context": {"cluster": "fake", "user": "fake"}}
        user = {"name": "fake", "user": {"token": "none"}}
        return json.dumps({"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "fake"})

    def add_node(self, name: str, instance_id: str, *, ready: bool = True, **spec: Any) -> dict[str, Any]:
        condition = {"type": "Ready", "status": str(ready), "message": "kubelet is posting ready status"}
        node: dict[str, Any] = {
            "metadata": {"name": name, "uid": f"uid-{instance_id}", "labels": {}},
            "spec": {"providerID": f"aws:///ap-northeast-2a/{instance_id}", **spec},
            "status": {"conditions": [condition]},
        }
        self.nodes[name] = node
        return node

    def add_pod(self, name: str, node: str, owner: str = "ReplicaSet", **metadata: Any) -> dict[str, Any]:
        pod: dict[str, Any] = {
            "metadata": {
                "name": name,
                "namespace": "demo",
                "uid": f"uid-{name}",
                "ownerReferences": [{"kind": owner, "controller": True}],
                **metadata,
            },
            "spec": {"nodeName": node},
            "status": {"phase": "Running"},
        }
        self.pods[name] = pod
        return pod

    def answer(self, method: str, url: str, body: Mapping[str, Any]) -> Answer:
        address = urlsplit(url)
        words, query = address.path.strip("/").split("/"), parse_qs(address.query)
        open_to_all: dict[str, Answer] = {
            "readyz": (self.unready, {"message": "etcd is not ready"}),
            "version": (200, {"gitVersion": self.version}),
        }
        if words[0] in open_to_all:
            return open_to_all[words[0]]
        if self.forbidden:
            return 403, {"message": "nodes is forbidden"}
        if words[-1] == "eviction":
            return self._evict(words[-2], body)
        if words[2:3] == ["pods"]:
            return self._page(self._pods(query["fieldSelector"][0].removeprefix("spec.nodeName=")), query)
        if words[2:] == ["nodes"]:
            return self._page(list(self.nodes.values()), query)
        return self._node(method, words[3], body) if words[2:3] == ["nodes"] else (200, {})

    def _page(self, items: list[dict[str, Any]], query: Mapping[str, list[str]]) -> Answer:
        """Answer with two items at a time: who reads one page only misses the rest."""
        begin = int(query.get("continue", ["0"])[0])
        more = {"continue": str(begin + 2)} if len(items) > begin + 2 else {}
        return 200, {"items": items[begin : begin + 2], "metadata": more}

    def _node(self, method: str, name: str, body: Mapping[str, Any]) -> Answer:
        if name not in self.nodes:
            return 404, {"message": f'nodes "{name}" not found'}
        node = self.nodes[name]
        if method == "PATCH":
            self.said.append(f"cordon {name}")
            node["spec"].update(body["spec"])
        if method == "DELETE":
            if body["preconditions"]["uid"] != node["metadata"]["uid"]:
                return 409, {"message": "Precondition failed"}
            self.said.append(f"delete {name}")
            del self.nodes[name]
        return 200, node

    def _pods(self, node: str) -> list[dict[str, Any]]:
        for name in [name for name in self.lingers if "deletionTimestamp" in self.pods[name]["metadata"]]:
            self.lingers[name] -= 1
            if self.lingers[name] <= 0:
                del self.pods[name], self.lingers[name]
        return [pod for pod in self.pods.values() if pod["spec"]["nodeName"] == node]

    def _evict(self, name: str, body: Mapping[str, Any]) -> Answer:
        if name not in self.pods:
            return 404, {"message": "not found"}
        if body["deleteOptions"]["preconditions"]["uid"] != self.pods[name]["metadata"]["uid"]:
            return 409, {"message": "Precondition failed"}
        if self.refusals.get(name, 0):
            self.refusals[name] -= 1
            cause = {"message": "The disruption budget web needs 2 healthy pods and has 2 currently"}
            return 429, {"message": "Cannot evict pod", "details": {"causes": [cause]}}
        self.said.append(f"evict {name}")
        if name in self.returns:
            self.pods[name]["metadata"]["uid"] += "-again"
        elif name in self.lingers:
            self.pods[name]["metadata"]["deletionTimestamp"] = "2026-11-20T00:00:00Z"
        else:
            del self.pods[name]
        return 201, {}


@contextmanager
def served(api: FakeApi, context: ssl.SSLContext | None = None) -> Iterator[FakeApi]:
    """Serve it on a free loopback port, over TLS if told how."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            with api.lock:
                status, answer = api.answer(self.command, self.path, body)
            if not status:
                self.close_connection = True
                return
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up, because it does not believe the certificate, is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
