"""What the scripts ask of kubeadm, asked of the real one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

import versions
from components.self_managed.kubeadm import join_configuration
from components.self_managed.packages import packages
from sandbox.tools import load_tools
from tests.self_managed import nodes14
from tests.self_managed.boot import BOOT, PROVIDER_ID, TOKEN, Machine, Make

CHECKOUT: Final = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.cluster


@pytest.fixture
def kubeadm() -> str:
    return str(load_tools(CHECKOUT)["kubeadm"])


@pytest.fixture
def master(make: Make, kubeadm: str) -> Machine:
    """A control plane whose kubeadm is the real one, in its folder."""
    machine = make(nodes14(), nodes14().control_planes[0])
    machine.attach_volume()
    assert machine.boot().returncode == 0
    pki = machine.path("/etc/kubernetes/pki")
    for old in (*pki.rglob("*.crt"), *pki.rglob("*.key"), pki / "sa.pub"):
        old.unlink()
    config = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "kubernetesVersion": "v1.36.4"}
    file = machine.folder / "cluster.yaml"
    file.write_text(yaml.safe_dump({**config, "certificatesDir": str(pki), "certificateValidityPeriod": "240h0m0s"}))
    command = [kubeadm, "init", "phase", "certs", "all", "--config", str(file)]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath})
    (machine.bin / "kubeadm").write_text(f'#!/bin/bash\nexec {kubeadm} "$@" $KUBEADM_WORDS\n')
    return machine


def test_pause_image_is_the_one_that_kubeadm_expects(kubeadm: str) -> None:
    """Another one makes containerd and kubeadm pull two, and the kubelet may remove the one in use."""
    command = [kubeadm, "config", "images", "list", "--kubernetes-version", f"v{versions.KUBERNETES_NODES}"]
    images = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert f"registry.k8s.io/pause:{versions.PAUSE}" in images
    assert packages(versions.KUBERNETES_NODES)[1] == f"kubeadm={versions.KUBERNETES_NODES}-1.1"


def test_days_are_read_from_kubeadms_own_answer(master: Machine) -> None:
    """Certificates of ten days, and its warning that the cluster does not answer, come out as a figure."""
    words = f"--cert-dir {master.path('/etc/kubernetes/pki')}"
    (master.bin / "kubeadm").write_text((master.bin / "kubeadm").read_text().replace("$KUBEADM_WORDS", words))
    done = master.run("machine", "metrics")
    assert done.returncode == 0, done.stdout
    rows = master.client("cloudwatch").list_metrics(Namespace="Platform/ControlPlane")["Metrics"]
    assert {row["MetricName"] for row in rows} == {"CertificateDaysLeft", "SnapshotAgeSeconds"}


def test_certificates_are_renewed_by_that_command(master: Machine, kubeadm: str) -> None:
    """It renews what is there and passes over super-admin.conf, which is not."""
    pki = master.path("/etc/kubernetes/pki")
    before = (pki / "apiserver.crt").read_bytes()
    words = ["certs", "renew", "all", "--cert-dir", str(pki), "--kubeconfig", str(master.folder / "none")]
    done = subprocess.run([kubeadm, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "super-admin" in next(line for line in done.stdout.splitlines() if line.endswith("super-admin"))
    assert (pki / "apiserver.crt").read_bytes() != before


def test_token_is_taken_from_the_file(master: Machine, kubeadm: str) -> None:
    """In a dry run kubeadm makes the Secret of the token in the file, for a day."""
    config = master.folder / "admin.conf"
    config.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    shown = master.folder / "shown"
    (master.bin / "kubeadm").write_text(
        f'#!/bin/bash\nwords=("$@")\nexec {kubeadm} token create --dry-run --config "${{words[3]}}" '
        f"--kubeconfig {config} >{shown} 2>&1\n"
    )
    done = master.run("machine", "join-token")
    assert done.returncode == 0, done.stdout + shown.read_text()
    assert f"bootstrap-token-{TOKEN.partition('.')[0]}" in shown.read_text()
    assert TOKEN not in done.stdout


def test_a_join_does_not_tell_the_token(tmp_path: Path, kubeadm: str) -> None:
    """Its output goes to the journal."""
    spec = nodes14()
    text = join_configuration(spec, spec.workers[0], BOOT.ca_pin).replace("@JOIN_TOKEN@", TOKEN)
    file = tmp_path / "join.yaml"
    file.write_text(text.replace("@NODE_IP@", "10.0.0.9").replace("@PROVIDER_ID@", PROVIDER_ID))
    command = [kubeadm, "join", "--config", str(file), "--ignore-preflight-errors=all", "--dry-run"]
    environment = {"PATH": os.defpath, "KUBEADM_JOIN_DRYRUN_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert "[preflight]" in done.stdout, done.stderr
    assert TOKEN.partition(".")[2] not in done.stdout + done.stderr
