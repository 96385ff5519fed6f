"""The restore drill: a real etcd, a snapshot by the machine's own task, and the machine's own way back."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from sandbox.kubernetes.processes import free_ports
from sandbox.tools import load_tools
from tests.self_managed import nodes14
from tests.self_managed.boot import BOOT, DATA, PROVIDER_ID, SNAPSHOTS, Machine, aws, metadata

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = ("etcd", "etcdctl", "etcdutl", "kubeadm")
BUMP: Final = 1_000_000_000
pytestmark = pytest.mark.cluster

# crictl as it would find etcd's container: the paths in it are the machine's, the port is another one here.
CRICTL: Final = r"""#!/bin/bash
echo "crictl $*" >>"$PLAY/calls"
case "$1 $3" in
  'ps ^etcd$') if [ -e "$PLAY/etcd.pid" ]; then echo etcd-container; fi ;;
  "stop 30")
    pid=$(cat "$PLAY/etcd.pid"); kill "$pid"
    # Until it has ended; the test is its parent and takes note later.
    until [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status"; do sleep 0.1; done ;;
esac
if [ "$1" = exec ]; then
  shift 2
  words=()
  for word in "$@"; do
    word=${word//\/etc\/kubernetes/$PLATFORM_ROOT/etc/kubernetes}
    word=${word//\/var\/lib/$PLATFORM_ROOT/var/lib}
    words+=("${word//:2379/:$CLIENT_PORT}")
  done
  exec "${words[@]}"
fi
"""


class Etcd:
    """The etcd of a machine, on ports of its own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.client, self.peer = free_ports(2)
        self._pki = machine.path("/etc/kubernetes/pki/etcd")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start with the certificates that kubeadm makes, on the data that are there."""
        own, peers = f"https://127.0.0.1:{self.client}", f"https://127.0.0.1:{self.peer}"
        command = {
            "name": self.machine.node.name,
            "data-dir": str(self.machine.path(DATA)),
            "listen-client-urls": own,
            "advertise-client-urls": own,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"{self.machine.node.name}={peers}",
            "cert-file": str(self._pki / "server.crt"),
            "key-file": str(self._pki / "server.key"),
            "trusted-ca-file": str(self._pki / "ca.crt"),
            "client-cert-auth": "true",
            "peer-cert-file": str(self._pki / "peer.crt"),
            "peer-key-file": str(self._pki / "peer.key"),
            "peer-trusted-ca-file": str(self._pki / "ca.crt"),
            "peer-client-cert-auth": "true",
            "log-level": "error",
        }
        self.stop()
        words = ["etcd", *(f"--{key}={value}" for key, value in command.items())]
        with (self.machine.folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log)
        (self.machine.play / "etcd.pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + 30
        while self.ask("endpoint", "health").returncode:
            assert time.monotonic() < deadline, (self.machine.folder / "etcd.log").read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    @property
    def environment(self) -> dict[str, str]:
        return {**self.machine.environment, "CLIENT_PORT": str(self.client)}

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run etcdctl with the certificate that the snapshots are taken with."""
        client = self._pki / "healthcheck-client"
        command = ["etcdctl", f"--endpoints=https://127.0.0.1:{self.client}", f"--cacert={self._pki / 'ca.crt'}"]
        command += [f"--cert={client}.crt", f"--key={client}.key", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def get(self, key: str) -> tuple[str | None, int]:
        """Return a value and the revision of the whole store."""
        answer = json.loads(self.ask("get", key, "--write-out=json").stdout)
        found = answer.get("kvs")
        value = base64.b64decode(found[0]["value"]).decode() if found else None
        return value, answer["header"]["revision"]


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Machine]:
    tools = load_tools(CHECKOUT)
    if lacking := [name for name in TOOLS if name not in tools]:
        pytest.fail(f"{', '.join(lacking)}: run `make setup`")
    spec = nodes14()
    with ExitStack() as stack:
        endpoint, address = stack.enter_context(aws()), stack.enter_context(metadata())
        machine = Machine(tmp_path / "m", spec, spec.control_planes[0], endpoint, address)
        machine.create_buckets()
        for name in ("etcd", "etcdctl", "etcdutl"):
            shutil.copy2(tools[name], machine.bin / name)
        (machine.bin / "crictl").write_text(CRICTL)
        machine.path(DATA).mkdir(parents=True, mode=0o700)
        machine.path("/var/lib/platform").mkdir(parents=True)
        make_certificates(machine, tools["kubeadm"])
        yield machine


def make_certificates(machine: Machine, kubeadm: Path) -> None:
    """Have kubeadm make what a control plane's etcd proves itself by."""
    config = machine.folder / "kubeadm.yaml"
    pki = machine.path("/etc/kubernetes/pki")
    config.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        "localAPIEndpoint: {advertiseAddress: 10.0.0.20}\nnodeRegistration: {name: k8s-master}\n---\n"
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.4\n"
        f"certificatesDir: {pki}\n"
    )
    for phase in ("etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client"):
        command = [str(kubeadm), "init", "phase", "certs", phase, "--config", str(config)]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath})


@pytest.fixture
def etcd(master: Machine) -> Iterator[Etcd]:
    server = Etcd(master)
    server.start()
    yield server
    server.stop()


def run(etcd: Etcd, *command: str) -> str:
    """Run a script of the machine, which has to succeed."""
    script = str(etcd.machine.path(f"/usr/local/lib/platform/{command[0]}"))
    done = subprocess.run(
        [script, *command[1:]],
        env=etcd.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_cluster_comes_back_as_it_was_at_the_snapshot(etcd: Etcd) -> None:
    """What was written before is there, what came after is not; revisions only go up; the former data stay beside."""
    master = etcd.machine
    master.path("/var/lib/platform/joined").touch()
    etcd.ask("put", "/registry/before", "yes")
    run(etcd, "etcd-snapshot")
    (row,) = master.client("s3").list_objects_v2(Bucket=BOOT.backups_bucket)["Contents"]
    assert row["Key"].startswith(f"{SNAPSHOTS}/k8s-master/")
    etcd.ask("put", "/registry/before", "spoilt")
    etcd.ask("put", "/registry/after", "yes")
    _, spoilt = etcd.get("/registry/after")

    told = run(etcd, "etcd-restore")

    assert f"etcd is at {row['Key']}" in told
    calls = "\n".join(master.calls)
    assert calls.index("systemctl stop kubelet") < calls.index("crictl stop") < calls.index("systemctl start kubelet")
    etcd.start()
    assert etcd.get("/registry/before")[0] == "yes"
    assert etcd.get("/registry/after")[0] is None
    assert etcd.get("/registry/before")[1] >= BUMP > spoilt, "else watchers would take old objects for new"
    assert etcd.ask("get", "/registry/before", f"--rev={spoilt}").returncode, "nobody can watch from before"
    members = json.loads(etcd.ask("member", "list", "--write-out=json").stdout)["members"]
    assert [(member["name"], member["peerURLs"]) for member in members] == [("k8s-master", ["https://10.0.0.20:2380"])]
    data = master.path(DATA)
    assert oct(data.stat().st_mode)[-3:] == "700"
    (former,) = data.parent.glob("etcd.before-*")
    assert (former / "member").is_dir()
    assert sorted(path.name for path in data.parent.iterdir()) == ["etcd", former.name], "nothing else is left"


def test_a_machine_with_an_empty_volume_gets_the_cluster_back(etcd: Etcd) -> None:
    """The boot refused to begin an empty cluster; after the restore it goes on from the data by itself."""
    master = etcd.machine
    etcd.ask("put", "/registry/before", "yes")
    run(etcd, "etcd-snapshot")
    etcd.stop()
    (master.play / "etcd.pid").unlink()
    shutil.rmtree(master.path(DATA) / "member")
    run(etcd, "etcd-restore")
    assert "systemctl start kubelet" not in master.calls
    assert list(master.path(DATA).parent.glob("etcd.before-*")) == []

    master.put_parameters()
    run(etcd, "machine", "deliver")
    shutil.rmtree(master.path("/etc/kubernetes/manifests"), ignore_errors=True)
    config = str(master.path("/run/platform/kubeadm.yaml"))
    told = run(etcd, "kubeadm", "init", config)
    assert "refused" not in told
    assert "DirAvailable--var-lib-etcd-volume-etcd" in "\n".join(master.calls)
    assert (master.play / "node").read_text() == PROVIDER_ID


def test_the_way_back_is_refused_without_a_snapshot(etcd: Etcd) -> None:
    """Nothing is stopped and nothing moved for a snapshot that is not there."""
    master = etcd.machine
    for arguments in ((), (f"{SNAPSHOTS}/k8s-master/none.db",)):
        script = str(master.path("/usr/local/lib/platform/etcd-restore"))
        done = subprocess.run([script, *arguments], env=etcd.environment, capture_output=True, check=False)
        assert done.returncode != 0
    assert not [call for call in master.calls if call.startswith(("systemctl", "crictl stop"))]
    assert etcd.ask("endpoint", "health").returncode == 0
