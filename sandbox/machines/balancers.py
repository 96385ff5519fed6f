"""Network load balancers that face the internet, as TCP forwarders on loopback."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.machines.clients import Clients
from sandbox.machines.fabric import Fabric
from sandbox.machines.loopback import balancer_address, internal_name
from sandbox.machines.network import NetworkError

_CHUNK: Final = 65536
_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 350.0
_TRIES: Final = 10
_TRY_SECONDS: Final = 0.5


class Balancers:
    """Forwards connections for as long as a load balancer has a listener.

    A connection that AWS would drop (nobody may pass, or no target is healthy) ends at once here.

    Args:
        clients: Of the emulated AWS.
        fabric: The network.
        operator: Address that connections from this computer come from.
    """

    def __init__(self, clients: Clients, fabric: Fabric, operator: str) -> None:
        self._clients = clients
        self._fabric = fabric
        self._operator = operator
        self._servers: dict[tuple[str, int], _Server] = {}

    def balancer_created(self, name: str, scheme: str) -> str:
        """Return the DNS name of a load balancer: its address here, if it faces the internet."""
        return internal_name(name) if scheme == "internal" else balancer_address(name)

    def balancer_deleted(self, name: str) -> None:
        """Nothing: the next look sees that its listeners are gone."""

    def look(self, regions: Iterable[str]) -> None:
        """Look once at all listeners: listen where there is one, and nowhere else."""
        wanted = {
            (str(balancer["DNSName"]), int(listener["Port"])): (region, balancer)
            for region in regions
            for balancer, listener in self._listeners(region)
        }
        for place in [one for one in self._servers if one not in wanted]:
            self._servers.pop(place).stop()
        for place, (region, balancer) in wanted.items():
            if place not in self._servers:
                # The port may be somebody else's for a moment; the next look tries again.
                with contextlib.suppress(OSError):
                    self._servers[place] = _Server(place, self._target(region, balancer, place[1]))

    def listens(self, address: str, port: int) -> bool:
        """Say whether a load balancer takes connections."""
        return (address, port) in self._servers

    def stop(self) -> None:
        """Forward nothing any more."""
        for place in list(self._servers):
            self._servers.pop(place).stop()

    def _listeners(self, region: str) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        elb = self._clients.of(region)("elbv2")
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            if (balancer["Type"], balancer["Scheme"]) == ("network", "internet-facing"):
                for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                    if listener["Protocol"] == "TCP" and str(balancer["DNSName"]).startswith("127."):
                        yield balancer, listener

    def _target(self, region: str, balancer: Mapping[str, Any], port: int) -> Callable[[], int]:
        """Return a function that says where the next connection goes on loopback."""

        def target() -> int:
            network, groups = self._fabric.network(region), balancer.get("SecurityGroups") or []
            subnet = balancer["AvailabilityZones"][0]["SubnetId"]
            network.faces_internet(subnet, balancer["VpcId"])
            if groups:
                network.enter(groups, str(balancer["LoadBalancerName"]), self._operator, (), port)
            return self._fabric.forwarded(region, balancer, port)

        return target


class _Server(socketserver.ThreadingTCPServer):
    """Listens at one place."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], target: Callable[[], int]) -> None:
        super().__init__(place, _Connection)
        self.target = target
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=f"balancer-{place[0]}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no connection any more and free the port."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        port = self._port()
        if port is None:
            return  # closed without a word
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS) as behind:
            behind.settimeout(None)
            _pump(self.request, behind)

    def _port(self) -> int | None:
        """Return where the connection goes; None where the network does not let it."""
        for _ in range(_TRIES):
            try:
                return self.server.target()
            except NetworkError:
                return None
            except (BotoCoreError, ClientError, ResponseParserError):
                # The emulator trips over lists that change while it reads them. A load balancer asks nobody.
                time.sleep(_TRY_SECONDS)
        return None


def _pump(client: socket.socket, behind: socket.socket) -> None:
    """Carry bytes both ways until one side ends or nobody says anything for as long as AWS waits."""
    other = {client: behind, behind: client}
    while True:
        readable, _, _ = select.select([client, behind], [], [], _IDLE_SECONDS)
        if not readable:
            return
        for one in readable:
            data = one.recv(_CHUNK)
            if not data:
                return
            other[one].sendall(data)
