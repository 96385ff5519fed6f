"""Serves package `eks` to the real engine: builds pulumi-eks components out of aws resources, as the plugin does.

The tree was observed on the real plugin 4.4.0 (https://github.com/pulumi/pulumi-eks). What the stand-in does not
play it refuses by name: a component that looks right and is not would be worse than none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi import Inputs, ResourceOptions
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.eks.cluster import construct_cluster

VERSION = "4.4.0"

_COMPONENTS: Mapping[str, Callable[[str, Inputs, ResourceOptions], ConstructResult]] = {
    "eks:index:Cluster": construct_cluster,
}


class _Components(Provider):
    def __init__(self) -> None:
        super().__init__(VERSION)

    def construct(
        self, name: str, resource_type: str, inputs: Inputs, options: ResourceOptions | None = None
    ) -> ConstructResult:
        build = _COMPONENTS.get(resource_type)
        if build is None:
            played = ", ".join(_COMPONENTS)
            raise ValueError(
                f"{resource_type} is not played here ({played} is): add it to _COMPONENTS in sandbox/eks/host.py"
            )
        return build(name, inputs, options or ResourceOptions())


class _AttachedServicer(ProviderServicer):
    """The SDK's servicer takes the engine's address from the command line; an attached one learns it here."""

    async def Handshake(self, request: Any, context: Any) -> Any:
        self.engine_address = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    async def Attach(self, request: Any, context: Any) -> Any:
        self.engine_address = request.address
        return empty_pb2.Empty()

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class EksHost:
    """Host of package `eks` with an event loop of its own, as the SDK's component server is asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eks-host", daemon=True)
        self._server: grpc.aio.Server | None = None

    def serve(self) -> int:
        """Start on a free loopback port and return it."""
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Stop answering. Idempotent."""
        if self._server is None:
            return
        asyncio.run_coroutine_threadsafe(self._shut_down(self._server), self._loop).result(10)
        self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _shut_down(self, server: grpc.aio.Server) -> None:
        await server.stop(grace=None)
        # An engine that was killed leaves components half-made: outputs that nobody will ever resolve.
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=2)

    async def _start(self) -> int:
        server = grpc.aio.server()
        servicer = _AttachedServicer(_Components(), args=[], engine_address="")
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = int(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        self._server = server
        return port
