"""What machines of one's own cost a month."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from ipaddress import IPv4Network

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line
from components.prices.table import instance_price
from components.self_managed.estimate import lines, shape
from components.self_managed.spec import ClusterSpec, NodeSpec, Role

SEOUL = "ap-northeast-2"


def node(name: str, instance_type: str, *, control_plane: bool = False) -> NodeSpec:
    role: Role = "control-plane" if control_plane else "worker"
    return NodeSpec(name=name, role=role, zone=f"{SEOUL}a", instance_type=instance_type, disk_gib=30)


def cluster(control_planes: int = 1) -> ClusterSpec:
    return ClusterSpec(
        name="one",
        version="1.36.4",
        region=SEOUL,
        service_cidr=IPv4Network("10.96.0.0/16"),
        pod_cidr=IPv4Network("192.168.0.0/16"),
        issuer="https://issuer.example.com",
        control_planes=tuple(node(f"cp-{at}", "t3.large", control_plane=True) for at in range(control_planes)),
        workers=(node("a", "t3.small"), node("b", "t3.small"), node("c", "t3.medium")),
        etcd_gib=20,
    )


def found(spec: ClusterSpec, public_zones: int, region: str = SEOUL) -> dict[tuple[str, str], Line]:
    made = lines(region, shape(spec, public_zones=public_zones), Assumptions())
    return {(line.item, line.assumption if line.item == Item.DISK else line.kind): line for line in made}


def test_each_type_is_counted_at_its_own_price() -> None:
    """Machines of one type are one line, whatever they do in the cluster."""
    lines_of = found(cluster(), 0)
    assert lines_of["t3.small on demand", "fixed"].quantity == 2
    price = instance_price("t3.small", SEOUL)
    assert price is not None
    assert lines_of["t3.small on demand", "fixed"].amount == price.monthly(Decimal(2))
    assert lines_of["t3.large on demand", "fixed"].quantity == 1


def test_disks_are_those_of_machines_and_of_etcd() -> None:
    """A root volume for each machine, and one of etcd for each control plane."""
    one, three = found(cluster(), 0), found(cluster(3), 0)
    assert one[Item.DISK, "root volumes of 4 machines"].quantity == 120
    assert one[Item.DISK, "volumes of etcd"].quantity == 20
    assert three[Item.DISK, "volumes of etcd"].quantity == 60


def test_balancers_come_with_what_needs_them() -> None:
    """None for one control plane reached inside the VPC; one for several, one for the internet with its addresses."""
    assert (Item.NETWORK_LOAD_BALANCER, "fixed") not in found(cluster(), 0)
    assert found(cluster(3), 0)[Item.NETWORK_LOAD_BALANCER, "fixed"].quantity == 1
    both = found(cluster(3), 3)
    assert both[Item.NETWORK_LOAD_BALANCER, "fixed"].quantity == 2
    assert both[Item.IPV4, "fixed"].quantity == 3


def test_a_type_without_a_price_is_no_free_type() -> None:
    """It has a line, without an amount."""
    spec = replace(cluster(), workers=(node("a", "m5.large"),))
    assert found(spec, 0)["m5.large on demand", "fixed"].amount is None
