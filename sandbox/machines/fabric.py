"""Where a connection to an API server ends: machines, private names and network load balancers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from sandbox.machines.clients import Clients
from sandbox.machines.instance import Instance
from sandbox.machines.network import Network, NetworkError
from sandbox.machines.tls_bootstrap import Server


class Fabric:
    """What instances there are, which of them serve an API, and how each is reached.

    Args:
        clients: Of the emulated AWS.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._instances: dict[str, Instance] = {}
        # By instance: the port that it listens on, and where that is on loopback.
        self._listening: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def network(self, region: str) -> Network:
        """Return a region's network."""
        return Network(self._clients.of(region))

    # What there is -------------------------------------------------------------------------------------------------

    def see(self, instances: Mapping[str, Instance]) -> None:
        """Take what AWS describes."""
        with self._lock:
            self._instances = dict(instances)

    def instance(self, identity: str) -> Instance:
        """Return an instance as it was described last."""
        with self._lock:
            return self._instances[identity]

    def instances(self) -> list[Instance]:
        """Return those that run."""
        with self._lock:
            return [one for one in self._instances.values() if one.running]

    def listen(self, identity: str, port: int, local: int) -> None:
        """Say that an instance's port answers, and where on loopback."""
        with self._lock:
            self._listening[identity] = (port, local)

    def listens(self, identity: str) -> bool:
        """Say whether an instance answers."""
        with self._lock:
            return identity in self._listening

    def silence(self, identity: str) -> bool:
        """Say that an instance no longer answers; return whether any other one still does."""
        with self._lock:
            self._listening.pop(identity, None)
            return bool(self._listening)

    def local(self, instance: Instance, port: int) -> int:
        """Return where an instance's port is on loopback. Raise `NetworkError` when nothing listens."""
        with self._lock:
            known, local = self._listening.get(instance.id, (0, 0))
        if not instance.running or known != port:
            raise NetworkError(f"nothing listens at {instance.address}:{port} ({instance.id})")
        return local

    # Who reaches whom ----------------------------------------------------------------------------------------------

    def server(self, client: Instance, endpoint: str) -> Server:
        """Return where `host:port` leads a machine. Raise `NetworkError` where the way ends."""
        host, _, port_text = endpoint.rpartition(":")
        port, network = int(port_text), self.network(client.region)
        addresses, alias = self._resolved(network, client, host)
        if alias:
            balancer = self.balancer(client.region, alias)
            return Server(port=self._through(network, balancer, client, port), name=host)
        for address in addresses:
            server = next((one for one in self.instances() if (one.vpc, one.address) == (client.vpc, address)), None)
            if server is not None:
                if server.id != client.id:
                    network.admit(client, server, port)
                return Server(port=self.local(server, port), name=host)
        raise NetworkError(f"{host} is {', '.join(addresses) or 'nowhere'}: no running instance has that address")

    def _resolved(self, network: Network, client: Instance, host: str) -> tuple[list[str], str]:
        try:
            return [str(ip_address(host))], ""
        except ValueError:
            return network.resolve(client.vpc, host)

    def balancer(self, region: str, name: str) -> Mapping[str, Any]:
        """Return the network load balancer of a DNS name. Raise `NetworkError` when there is none."""
        wanted = name.lower().removesuffix(".").removeprefix("dualstack.")
        for one in self._clients.of(region)("elbv2").describe_load_balancers()["LoadBalancers"]:
            if str(one["DNSName"]).lower() == wanted and one["Type"] == "network":
                return dict(one)
        raise NetworkError(f"no network load balancer is called {wanted}")

    def _through(self, network: Network, balancer: Mapping[str, Any], client: Instance, port: int) -> int:
        own, arn = balancer.get("SecurityGroups") or [], str(balancer["LoadBalancerName"])
        if balancer["VpcId"] != client.vpc:
            raise NetworkError(f"load balancer {arn} is in another VPC")
        network.leave(client.groups, client.id, self._address(client.region, balancer), own, port)
        if own:
            network.enter(own, arn, client.address, client.groups, port)
        return self.forwarded(client.region, balancer, port)

    def forwarded(self, region: str, balancer: Mapping[str, Any], port: int) -> int:
        """Return where a load balancer's port leads on loopback. Raise `NetworkError` where the way ends."""
        elb, name = self._clients.of(region)("elbv2"), balancer["LoadBalancerName"]
        listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        listener = next((one for one in listeners if (one["Port"], one["Protocol"]) == (port, "TCP")), None)
        if listener is None:
            raise NetworkError(f"load balancer {name} has no TCP listener on {port}")
        reasons: list[str] = []
        for group in _target_groups(listener):
            for target in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]:
                try:
                    return self._target(region, balancer, elb, group, target["Target"])
                except NetworkError as error:
                    reasons.append(str(error))
        raise NetworkError(f"load balancer {name} has no healthy target: {'; '.join(reasons) or 'none is registered'}")

    def _target(self, region: str, balancer: Mapping[str, Any], elb: Any, group: str, target: Mapping[str, Any]) -> int:
        port = int(target.get("Port") or elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["Port"])
        instance = next((one for one in self.instances() if target["Id"] in (one.id, one.address)), None)
        if instance is None:
            raise NetworkError(f"target {target['Id']} is no running instance")
        network, own = self.network(region), balancer.get("SecurityGroups") or []
        if own:
            network.leave(own, str(balancer["LoadBalancerName"]), instance.address, instance.groups, port)
        network.enter(instance.groups, instance.id, self._address(region, balancer), own, port)
        return self.local(instance, port)

    def _address(self, region: str, balancer: Mapping[str, Any]) -> str:
        """Return an address that the load balancer could have: the first that its first subnet gives."""
        wanted = [one["SubnetId"] for one in balancer["AvailabilityZones"]][:1]
        subnets = self._clients.of(region)("ec2").describe_subnets(SubnetIds=wanted)["Subnets"]
        return str(ip_network(subnets[0]["CidrBlock"])[4])


def _target_groups(listener: Mapping[str, Any]) -> Iterable[str]:
    for action in listener["DefaultActions"]:
        if action["Type"] == "forward":
            several = action.get("ForwardConfig", {}).get("TargetGroups", [])
            yield from dict.fromkeys([action.get("TargetGroupArn"), *(one["TargetGroupArn"] for one in several)])
