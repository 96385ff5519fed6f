"""The boot scripts, out of real user data, through everything that happens to a worker."""

from __future__ import annotations

import re

import pytest

from tests.self_managed import nodes14
from tests.self_managed.boot import (
    PROVIDER_ID,
    TOKEN,
    Keys,
    Machine,
    Make,
    kubeadm,
    mode,
    nothing_secret,
)


def test_first_boot_of_a_worker(worker: Machine) -> None:
    """It installs, reads the token, joins, and keeps nothing that only joining needed."""
    done = worker.boot()
    assert done.returncode == 0, done.stdout
    assert worker.phases == ["packages", "parameters", "kubeadm-join", "done"]
    assert kubeadm(worker) == ["join"]
    config = (worker.play / "config").read_text()
    assert config.count(TOKEN) == 2
    assert PROVIDER_ID in config
    assert "@" not in re.sub(r"\"[^\"@]*\"", "", config)
    assert list(worker.path("/run/platform").glob("kubeadm*")) == []
    assert not worker.path("/etc/kubernetes/pki/ca.key").exists()
    assert worker.path("/var/lib/platform/joined").exists()
    nothing_secret(worker, done.stdout)


def test_packages_are_exact_held_and_from_signed_repositories(worker: Machine) -> None:
    """It asks for versions, not names; each repository is bound to its own key, which apt's own user can read."""
    worker.boot()
    (install,) = (call for call in worker.calls if call.startswith("apt-get") and " install " in call)
    for package in (
        "kubelet=1.36.4-1.1",
        "kubeadm=1.36.4-1.1",
        "kubectl=1.36.4-1.1",
        "cri-tools=1.36.0-1.1",
        "kubernetes-cni=1.9.1-1.1",
        "containerd.io=2.3.5-1~ubuntu.24.04~noble",
        "python3-boto3",
    ):
        assert f" {package}" in install
    assert "apt-mark hold kubelet kubeadm kubectl cri-tools kubernetes-cni containerd.io" in worker.calls
    for name, url in (("kubernetes", "https://pkgs.k8s.io/core:/stable:/v1.36/deb/ /"), ("docker", "noble stable")):
        keyring = worker.path(f"/etc/apt/keyrings/{name}.gpg")
        assert mode(keyring) == 0o644
        (line,) = worker.path(f"/etc/apt/sources.list.d/{name}.list").read_text().splitlines()
        assert line.startswith(f"deb [signed-by={keyring}] https://")
        assert line.endswith(url)
    assert worker.calls.index("swapoff -a") < worker.calls.index(install)
    assert "\n#/swap none swap" in worker.path("/etc/fstab").read_text()


def test_apts_lists_that_somebody_else_reads_are_awaited(worker: Machine) -> None:
    """Ubuntu looks for updates at first boot, too, and apt gives up at once when its lists are locked."""
    (worker.play / "lists-locked").write_text("1\n2\n3\n")
    assert worker.boot().returncode == 0
    assert len([call for call in worker.calls if call.startswith("apt-get") and call.endswith(" update")]) == 4
    assert worker.phases == ["packages", "parameters", "kubeadm-join", "done"]


def test_only_our_own_kernel_settings_are_loaded(worker: Machine) -> None:
    """A setting of Ubuntu's that this kernel does not have would end each boot; systemd sets those by itself."""
    worker.boot()
    (call,) = (call for call in worker.calls if call.startswith("sysctl"))
    assert call == f"sysctl --quiet --load {worker.path('/etc/sysctl.d/90-platform.conf')}"
    assert worker.path("/etc/sysctl.d/90-platform.conf").exists()


@pytest.mark.parametrize("which", ["kubernetes", "docker"])
def test_another_key_is_refused(worker: Machine, keys: Keys, which: str) -> None:
    """A key that is not the pinned one ends the boot before apt is asked for anything."""
    other = "docker" if which == "kubernetes" else "kubernetes"
    worker.trust({which: (keys[which][0], keys[other][1])})
    done = worker.boot()
    assert done.returncode != 0
    assert f"refused key of {which}: it is {keys[other][0]}, not {keys[which][0]}" in worker.console
    assert "failed phase=packages" in worker.console
    assert not [call for call in worker.calls if call.startswith("apt-get")]


def test_a_second_key_in_the_file_is_refused(worker: Machine, keys: Keys) -> None:
    """Else whoever adds a key to the file could sign packages with it."""
    worker.trust({"docker": (keys["docker"][0], keys["docker"][1] + keys["kubernetes"][1])})
    assert worker.boot().returncode != 0
    assert "refused key of docker" in worker.console


def test_a_missing_parameter_is_named_and_awaited(make: Make) -> None:
    """The line names what is missing; the next try finds it, without installing again."""
    node = nodes14().workers[0]
    worker = make(nodes14(), node, parameters=False)
    failed = worker.boot()
    assert failed.returncode != 0
    assert "no such parameter: /kubernetes/nodes14/join/token; 9 more tries" in failed.stdout
    assert "giving up" in failed.stdout
    assert "platform-boot: no such parameter: /kubernetes/nodes14/join/token\n" in worker.console
    assert f"failed phase=parameters node={node.name}" in worker.console
    assert kubeadm(worker) == []
    worker.put_parameters()
    assert worker.boot().returncode == 0
    assert len([call for call in worker.calls if " install " in call]) == 1
    assert kubeadm(worker) == ["join"]


def test_retry_after_half_a_join(worker: Machine) -> None:
    """What the first try left would stop the second: it is reset first."""
    (worker.play / "half").touch()
    failed = worker.boot()
    assert failed.returncode != 0
    assert "failed phase=kubeadm-join" in worker.console
    assert worker.path("/etc/kubernetes/pki/ca.crt").exists()
    again = worker.boot()
    assert again.returncode == 0, again.stdout
    assert kubeadm(worker) == ["join", "reset", "join"]
    nothing_secret(worker, failed.stdout, again.stdout)


@pytest.mark.parametrize("role", ["worker", "master"])
def test_a_reboot_does_nothing(role: str, request: pytest.FixtureRequest) -> None:
    """The kubelet comes up by itself; the script looks, and ends."""
    machine: Machine = request.getfixturevalue(role)
    assert machine.boot().returncode == 0
    before = machine.calls
    done = machine.reboot()
    assert done.returncode == 0
    assert machine.calls == before
    assert machine.phases[-1] == "done"


def test_a_worker_does_not_take_another_machines_node(worker: Machine) -> None:
    """A node keeps its provider ID for ever: the name has to be free, and the line says how it gets free."""
    (worker.play / "node").write_text("aws:///ap-northeast-2a/i-old")
    assert worker.boot().returncode != 0
    assert "refused: node k8s-api-auth still is aws:///ap-northeast-2a/i-old" in worker.console
    assert "kubectl delete node k8s-api-auth" in worker.console
    assert "systemctl stop kubelet" in worker.calls
    (worker.play / "node").unlink()
    assert worker.boot().returncode == 0
