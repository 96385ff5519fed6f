"""User data as it goes out: small, the same everywhere, accepted by cloud-init, without a secret."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import versions
from components.self_managed import user_data as subject
from components.self_managed.compression import compress
from components.self_managed.control_plane import RENDERED
from components.self_managed.kubelet import kubelet_configuration
from components.self_managed.names import CONTROL_PLANE_FILES
from components.self_managed.packages import packages
from components.self_managed.spec import ClusterSpec, NodeSpec, Taint
from components.self_managed.user_data import Boot, cloud_config, user_data
from tests.self_managed import nodes14, three_control_planes
from tests.self_managed.boot import BOOT

TESTS: Final = Path(__file__).parents[1]
GOLDEN: Final = TESTS / "golden"
# Of cloud-init 25.1.4, as Debian 13 packages it (cloudinit/config/schemas/schema-cloud-config-v1.json;
# https://github.com/canonical/cloud-init, Apache-2.0). Older ones let unknown keys pass.
SCHEMA: Final = json.loads((TESTS / "self_managed" / "schema-cloud-config-v1.json").read_text(encoding="utf-8"))
SPECS: Final = (nodes14(), three_control_planes())
NODES: Final = [
    pytest.param(spec, node, id=f"{len(spec.control_planes)}-{node.name}") for spec in SPECS for node in spec.nodes
]


def files(spec: ClusterSpec, node: NodeSpec) -> dict[str, dict[str, Any]]:
    rows = yaml.safe_load(cloud_config(spec, node, BOOT))["write_files"]
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row for row in rows}


def faults(config: Any) -> Iterator[str]:
    for error in jsonschema.Draft4Validator(SCHEMA).iter_errors(config):
        yield error.message


@pytest.mark.parametrize(("kind", "index"), [("control-plane", 0), ("worker", 1)])
def test_user_data_is_the_golden_text(kind: str, index: int) -> None:
    """A change of what machines are told replaces them: it is to be seen in review."""
    golden = GOLDEN / f"self-managed-{kind}.yaml"
    text = cloud_config(nodes14(), nodes14().nodes[index], BOOT)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(("spec", "node"), NODES)
def test_user_data_is_the_text_packed_below_the_limit(spec: ClusterSpec, node: NodeSpec) -> None:
    """EC2 takes 16 KiB before base64; what comes out of it is the text, the same at every call."""
    packed = base64.b64decode(user_data(spec, node, BOOT))
    assert len(packed) <= subject.USER_DATA_BYTES
    assert gzip.decompress(packed).decode() == cloud_config(spec, node, BOOT)
    assert user_data(spec, node, BOOT) == base64.b64encode(packed).decode()


def test_the_longest_names_fit() -> None:
    """Names, labels and taints at Kubernetes' own limits leave room; more is refused by name and number."""
    label = {f"{letter * 63}": letter.upper() * 63 for letter in "abcdefgh"}
    taints = tuple(Taint(key=key, value=value, effect="NoSchedule") for key, value in label.items())
    master = replace(
        three_control_planes().control_planes[0],
        name=f"k8s-{'n' * 59}", labels=label, taints=taints, address=IPv4Address("255.255.255.254"),
    )  # fmt: skip
    spec = replace(three_control_planes(), name="c" * 100, control_planes=(master,) * 3, issuer=f"https://{'i' * 63}")
    boot = Boot(ca_pin=BOOT.ca_pin, backups_bucket="b" * 63, logs_bucket="l" * 63)
    assert len(base64.b64decode(user_data(spec, master, boot))) <= subject.USER_DATA_BYTES
    huge = replace(
        master,
        labels={
            f"k{hashlib.sha512(bytes([i])).hexdigest()}": hashlib.sha512(bytes([i, i])).hexdigest() for i in range(60)
        },
    )
    with pytest.raises(ValueError, match=rf"^node={master.name}: user data of \d+ bytes, and EC2 takes 16384; shorten"):
        user_data(spec, huge, boot)


def test_the_bytes_are_no_matter_of_the_computer() -> None:
    """Another zlib, another version of Python, another system: the same bytes, or every node would be replaced."""
    sample = ("".join(chr(32 + (index * index) % 90) for index in range(3000)) * 3).encode()
    assert hashlib.sha256(compress(sample)).hexdigest() == (
        "7679dab2b11a651608eb60e1ddb992f911191381f415477f99ecb6e77b5f400d"
    )
    assert compress(sample)[4:10] == b"\0\0\0\0\x02\xff", "neither the time nor the system"


@given(st.binary(max_size=2000), st.integers(0, 40), st.integers(0, 2000))
def test_what_is_packed_comes_out_again(data: bytes, times: int, shared: int) -> None:
    """Whatever the text, and wherever a shared beginning ends."""
    text = data * times
    assert gzip.decompress(compress(text, shared=shared)) == text


def test_packing_is_worth_it() -> None:
    """At most a quarter more than the best that gzip does."""
    text = cloud_config(SPECS[0], SPECS[0].nodes[0], BOOT).encode()
    assert len(compress(text)) < 1.25 * len(gzip.compress(text, 9))


@pytest.mark.parametrize(("spec", "node"), NODES)
def test_a_machine_may_wait_for_its_pods(spec: ClusterSpec, node: NodeSpec) -> None:
    """Logind grants what the kubelet asks for: Ubuntu's own file, which grants 30 seconds, is shadowed by its name."""
    name = "/etc/systemd/logind.conf.d/unattended-upgrades-logind-maxdelay.conf"
    granted = files(spec, node)[name]["content"]
    asked = str(kubelet_configuration()["shutdownGracePeriod"]).removesuffix("s")
    assert granted == f"[Login]\nInhibitDelayMaxSec={asked}\n"


@pytest.mark.parametrize(("spec", "node"), NODES)
def test_cloud_init_accepts_it(spec: ClusterSpec, node: NodeSpec) -> None:
    """Cloud-init's own schema has nothing against it."""
    text = cloud_config(spec, node, BOOT)
    assert text.startswith("#cloud-config\n")
    assert list(faults(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"write_file": []},
        {"write_files": [{"path": "/etc/x", "mode": "0600"}]},
        {"write_files": [{"path": "/etc/x", "permissions": 644}]},
        {"runcmd": "reboot"},
        {"ssh_pwauth": {"no": 1}},
    ],
)
def test_cloud_init_refuses_mistakes(change: dict[str, Any]) -> None:
    """The schema that accepts our user data is able to refuse."""
    config = yaml.safe_load(cloud_config(nodes14(), nodes14().workers[0], BOOT)) | change
    assert list(faults(config))


def test_description_of_a_worker() -> None:
    """What the scripts, and whoever plays the machine, go by: these keys, and the token only."""
    spec = nodes14()
    described = json.loads(files(spec, spec.workers[0])["/etc/platform/machine.json"]["content"])
    assert described == {
        "region": "ap-northeast-2",
        "cluster": "nodes14",
        "node": "k8s-api-auth",
        "role": "worker",
        "first": False,
        "kubernetes": "1.36.4",
        "files": {},
        "blanks": {"@JOIN_TOKEN@": "/kubernetes/nodes14/join/token"},
        "rendered": {"/etc/platform/kubeadm.yaml": "/run/platform/kubeadm.yaml"},
    }


def test_description_of_control_planes() -> None:
    """All read all secrets; the first of several can begin the cluster and can join it."""
    for spec in SPECS:
        for index, node in enumerate(spec.control_planes):
            written = files(spec, node)
            described = json.loads(written["/etc/platform/machine.json"]["content"])
            assert described["first"] == (index == 0)
            assert described["role"] == "control-plane"
            assert described["files"] == {
                path: f"/kubernetes/nodes14/control-plane/{key}" for key, path in CONTROL_PLANE_FILES.items()
            }
            assert described["blanks"]["@ENCRYPTION_KEY@"] == "/kubernetes/nodes14/control-plane/encryption-key"
            both = index == 0 and len(spec.control_planes) > 1
            assert ("/etc/platform/kubeadm-join.yaml" in described["rendered"]) == both
            assert described["rendered"].items() >= RENDERED.items()
            assert set(described["rendered"]) <= set(written), "every template is written"
            kind = "InitConfiguration" if index == 0 else "JoinConfiguration"
            assert f'"{kind}"' in written["/etc/platform/kubeadm.yaml"]["content"]


@pytest.mark.parametrize(("spec", "node"), NODES)
def test_no_secret_is_in_it(spec: ClusterSpec, node: NodeSpec) -> None:
    """Whoever may describe instances reads user data: where a secret belongs there is a blank."""
    text = cloud_config(spec, node, BOOT)
    assert "PRIVATE KEY" not in text
    for path in ("/etc/platform/kubeadm.yaml", "/etc/platform/kubeadm-join.yaml"):
        written = files(spec, node).get(path)
        if written:
            documents = list(yaml.safe_load_all(written["content"]))
            tokens = [
                *(row["token"] for row in documents[0].get("bootstrapTokens", [])),
                *([documents[0]["discovery"]["bootstrapToken"]["token"]] if "discovery" in documents[0] else []),
            ]
            assert tokens == ["@JOIN_TOKEN@"]
    assert not set(files(spec, node)) & set(CONTROL_PLANE_FILES.values())


def test_workers_get_nothing_of_the_control_plane() -> None:
    """Neither its files nor its tasks nor the buckets' names."""
    text = cloud_config(nodes14(), nodes14().workers[0], BOOT)
    for word in ("@ENCRYPTION_KEY@", "nodes14/control-plane/", BOOT.backups_bucket, BOOT.logs_bucket, ".timer"):
        assert word not in text
    written = {Path(path).name for path in files(nodes14(), nodes14().workers[0])}
    assert not written & {"etcd-restore", "etcd-snapshot", "etcd-volume", "certificates", "encryption.yaml"}


def test_packages_follow_the_version() -> None:
    """Kubernetes' own packages have the cluster's version; another minor has no pinned tools."""
    assert packages(versions.KUBERNETES_NODES)[:2] == ("kubelet=1.36.4-1.1", "kubeadm=1.36.4-1.1")
    assert packages("1.36.2")[0] == "kubelet=1.36.2-2.1"
    with pytest.raises(ValueError, match=r"^version=1\.37\.0: packages are pinned for 1\.36"):
        packages("1.37.0")
    major, minor, patch = map(int, versions.CONTAINERD.split("."))
    assert (major, minor) >= (2, 2)
    assert (major, minor, patch) not in {(2, 3, bad) for bad in range(4)}
