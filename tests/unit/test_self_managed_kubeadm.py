"""What kubeadm is told on each of the fourteen machines, judged by the text."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from components.self_managed.control_plane import AUDIT_FOLDER, FOLDER
from components.self_managed.kubeadm import init_configuration, join_configuration
from components.self_managed.kubelet import KERNEL_SETTINGS, TLS_CIPHER_SUITES
from components.self_managed.spec import ClusterSpec, NodeSpec
from tests.self_managed import (
    BLANKS,
    JOINING,
    MACHINES,
    NODES14,
    PIN,
    THREE,
    WORKER_NAMES,
    arguments,
    documents,
    filled,
    node,
    rendered,
    with_node,
)

GOLDEN: Final = Path(__file__).resolve().parents[1] / "golden" / "self_managed"


def cluster(spec: ClusterSpec = NODES14) -> dict[str, Any]:
    return documents(init_configuration(spec, spec.control_planes[0]))["ClusterConfiguration"]


@pytest.mark.parametrize("name", MACHINES)
def test_golden_documents_of_each_machine(name: str) -> None:
    """Every text that a machine is made from is to be seen in review."""
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(rendered(name), encoding="utf-8")
    assert rendered(name) == golden.read_text(encoding="utf-8")


def test_there_is_a_golden_text_for_each_machine_and_no_other() -> None:
    """A machine that was renamed leaves no text behind."""
    assert {golden.stem for golden in GOLDEN.glob("*.yaml")} == set(MACHINES)


def test_the_version_is_pinned() -> None:
    """Without it kubeadm asks the internet for the newest, and two machines may get two."""
    assert cluster()["kubernetesVersion"] == "v1.36.4"


def test_the_certificate_names_all_that_the_api_is_called() -> None:
    """The name, each fixed address and the machine itself; a leaf is not made anew when one is added later."""
    assert cluster()["apiServer"]["certSANs"] == ["api.nodes14.internal", "10.0.0.20", "127.0.0.1"]
    assert cluster(THREE)["apiServer"]["certSANs"][1:-1] == ["10.0.0.20", "10.0.32.21", "10.0.64.22"]


def test_certificates_are_elliptic_and_live_for_a_year() -> None:
    """Leaves are renewed when kubeadm upgrades; authorities are ours, with ten years."""
    found = cluster()
    assert found["encryptionAlgorithm"] == "ECDSA-P256"
    assert (found["certificateValidityPeriod"], found["caCertificateValidityPeriod"]) == ("8760h0m0s", "87600h0m0s")


def test_etcd_lies_below_its_volume() -> None:
    """A new file system has a folder in it already, which kubeadm would stop at."""
    assert cluster()["etcd"]["local"]["dataDir"] == "/var/lib/etcd-volume/etcd"


def test_only_the_cloud_providers_two_parts_are_told_of_it() -> None:
    """The kubelet of each machine and the controller manager; the API server ends at such a flag."""
    assert "cloud-provider" not in arguments(cluster()["apiServer"])
    assert arguments(cluster()["controllerManager"])["cloud-provider"] == ["external"]
    for name in MACHINES:
        (begin, *_) = documents(rendered(name)).values()
        assert arguments(begin["nodeRegistration"], "kubeletExtraArgs")["cloud-provider"] == ["external"]


def test_folders_of_the_server_are_mounted() -> None:
    """What a flag names lies in a folder that the static pod sees: read-only but for the log."""
    server = cluster()["apiServer"]
    mounts = {volume["mountPath"]: volume["readOnly"] for volume in server["extraVolumes"]}
    assert mounts == {FOLDER: True, AUDIT_FOLDER: False}
    paths = {value for values in arguments(server).values() for value in values if value.startswith("/")}
    assert {path for path in paths if not path.startswith((FOLDER, AUDIT_FOLDER, "/etc/kubernetes/pki/"))} == set()


@pytest.mark.parametrize("name", WORKER_NAMES)
def test_a_worker_registers_as_its_spec_says(name: str) -> None:
    """With its name, its labels and its taints, by provider id and address; without taints, with none."""
    wanted, join = node(name), documents(filled(rendered(name)))["JoinConfiguration"]
    found = join["nodeRegistration"]
    told = arguments(found, "kubeletExtraArgs")
    assert found["name"] == name
    assert dict(label.split("=") for label in told["node-labels"][0].split(",")) == dict(wanted.labels)
    assert [(taint["key"], taint["value"], taint["effect"]) for taint in found["taints"]] == [
        (taint.key, taint.value, taint.effect) for taint in wanted.taints
    ]
    assert (told["provider-id"], told["node-ip"]) == ([BLANKS["@PROVIDER_ID@"]], [BLANKS["@NODE_IP@"]])
    assert "controlPlane" not in join


def test_a_node_without_labels_has_no_such_argument() -> None:
    """An empty one would be a flag without a value."""
    bare = with_node("k8s-redis", labels={}, taints=())
    join = documents(join_configuration(bare, node("k8s-redis", bare), PIN))["JoinConfiguration"]
    assert "node-labels" not in arguments(join["nodeRegistration"], "kubeletExtraArgs")
    assert join["nodeRegistration"]["taints"] == []


@pytest.mark.parametrize("name", [*WORKER_NAMES, *JOINING])
def test_a_machine_waits_for_the_api_and_trusts_one_authority(name: str) -> None:
    """All boot at once: discovery asks for half an hour, and never without the pin."""
    join = documents(rendered(name))["JoinConfiguration"]
    discovery = join["discovery"]
    assert discovery["bootstrapToken"] == {
        "apiServerEndpoint": "api.nodes14.internal:6443",
        "token": "@JOIN_TOKEN@",
        "caCertHashes": [PIN],
    }
    assert discovery["tlsBootstrapToken"] == "@JOIN_TOKEN@"
    assert join["timeouts"] == {"discovery": "30m0s", "tlsBootstrap": "10m0s", "kubernetesAPICall": "2m0s"}


@pytest.mark.parametrize("name", JOINING)
def test_a_control_plane_joins_at_its_own_address(name: str) -> None:
    """With its taint, and without a certificate key: the authorities lie on it before it joins."""
    spec = documents(rendered(name))["JoinConfiguration"]
    address = str(node(name, THREE).address)
    assert spec["controlPlane"] == {"localAPIEndpoint": {"advertiseAddress": address, "bindPort": 6443}}
    assert spec["nodeRegistration"]["taints"] == [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize("name", ["k8s-master", *JOINING])
def test_a_control_planes_kubelet_knows_its_taint(name: str) -> None:
    """Kubeadm leaves it out of the kubelet's arguments, and a node that is registered anew would be open to all."""
    (begin, *_) = documents(rendered(name)).values()
    told = arguments(begin["nodeRegistration"], "kubeletExtraArgs")
    assert told["register-with-taints"] == ["node-role.kubernetes.io/control-plane:NoSchedule"]


@pytest.mark.parametrize("pin", ["", "ab" * 32, f"sha256:{'AB' * 32}", f"sha256:{'ab' * 31}", f"sha1:{'ab' * 32}"])
def test_no_machine_joins_without_a_pin(pin: str) -> None:
    """Else whoever answers first is believed."""
    with pytest.raises(ValueError, match="ca_pin"):
        join_configuration(NODES14, node("k8s-redis"), pin)


@pytest.mark.parametrize("wrong", [node("k8s-redis"), replace(node("k8s-master"), address=None)])
def test_only_a_control_plane_with_an_address_begins_a_cluster(wrong: NodeSpec) -> None:
    """Without one, kubeadm takes the address of the default route, which no certificate names."""
    with pytest.raises(ValueError, match="fixed address"):
        init_configuration(NODES14, wrong)


def test_the_token_lives_for_a_day_and_lets_machines_join_only() -> None:
    """It is in the group that may bootstrap a node, and in no other."""
    (token,) = documents(rendered("k8s-master"))["InitConfiguration"]["bootstrapTokens"]
    assert (token["ttl"], token["groups"]) == ("24h0m0s", ["system:bootstrappers:kubeadm:default-node-token"])


def test_the_kubelet_shows_nothing_to_strangers() -> None:
    """No anonymous requests, no open port, certificates of the cluster that renew themselves, strong TLS."""
    kubelet = documents(rendered("k8s-master"))["KubeletConfiguration"]
    assert kubelet["authentication"] == {"anonymous": {"enabled": False}, "webhook": {"enabled": True}}
    assert (kubelet["authorization"], kubelet["readOnlyPort"]) == ({"mode": "Webhook"}, 0)
    assert kubelet["rotateCertificates"] is True
    assert kubelet["serverTLSBootstrap"] is True
    assert (kubelet["tlsMinVersion"], kubelet["tlsCipherSuites"]) == ("VersionTLS12", list(TLS_CIPHER_SUITES))
    assert not [
        suite for suite in TLS_CIPHER_SUITES if "CBC" in suite or "_RSA_WITH_" in suite.replace("ECDHE_RSA", "")
    ]


def test_the_kernel_is_set_to_what_the_kubelet_compares() -> None:
    """It may not set them itself, and ends at the first that differs (k8s.io/component-helpers/node/util/sysctl)."""
    assert documents(rendered("k8s-master"))["KubeletConfiguration"]["protectKernelDefaults"] is True
    compared = {
        "vm.overcommit_memory": "1",
        "vm.panic_on_oom": "0",
        "kernel.panic": "10",
        "kernel.panic_on_oops": "1",
        "kernel.keys.root_maxkeys": "1000000",
        "kernel.keys.root_maxbytes": str(1000000 * 25),
    }
    assert compared.items() <= KERNEL_SETTINGS.items()


def test_a_small_machine_keeps_room_for_itself() -> None:
    """Of 2 GiB, kubelet, system and eviction keep about half a gigabyte from pods."""
    kubelet = documents(rendered("k8s-master"))["KubeletConfiguration"]
    kept = [
        kubelet["kubeReserved"]["memory"],
        kubelet["systemReserved"]["memory"],
        kubelet["evictionHard"]["memory.available"],
    ]
    assert sum(int(amount.removesuffix("Mi")) for amount in kept) == 484


def test_one_machine_changes_no_others_documents() -> None:
    """Adding or removing a worker leaves every other machine's text as it was, so that nothing is replaced."""
    fewer = replace(NODES14, workers=NODES14.workers[:-1])
    assert init_configuration(fewer, node("k8s-master")) == rendered("k8s-master")
    for worker in fewer.workers:
        assert join_configuration(fewer, worker, PIN) == rendered(worker.name)


def test_no_secret_lies_in_the_text() -> None:
    """Only blanks where the secrets come, in each of the documents."""
    for name in MACHINES:
        assert rendered(name).count("@JOIN_TOKEN@") == (1 if name == "k8s-master" else 2)
        assert "PRIVATE KEY" not in rendered(name)
