"""The boot scripts on control planes: the volume and its data, who begins the cluster, who joins it."""

from __future__ import annotations

import pytest

from tests.self_managed import nodes14, three_control_planes
from tests.self_managed.boot import (
    BOOT,
    DATA,
    PROVIDER_ID,
    SNAPSHOTS,
    Machine,
    Make,
    kubeadm,
    mode,
    nothing_secret,
)


def test_first_boot_of_a_control_plane(master: Machine) -> None:
    """It gives the empty volume a file system, writes its authorities for root alone, and begins the cluster."""
    done = master.boot()
    assert done.returncode == 0, done.stdout
    assert master.phases == ["packages", "volume", "parameters", "kubeadm-init", "done"]
    (init,) = (call for call in master.calls if call.startswith("kubeadm init"))
    assert "--skip-token-print" in init
    assert "ignore" not in init
    assert "mkfs.ext4 -q -L etcd" in "\n".join(master.calls)
    assert "LABEL=etcd /var/lib/etcd-volume ext4 defaults,noatime,nofail" in master.path("/etc/fstab").read_text()
    for path in ("/var/lib/etcd-volume", DATA):
        assert mode(master.path(path)) == 0o700
    pki = master.path("/etc/kubernetes/pki")
    written = sorted(str(path.relative_to(pki)) for path in pki.rglob("*") if path.is_file())
    assert written == [
        "ca.crt", "ca.key", "etcd/ca.crt", "etcd/ca.key",
        "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub",
    ]  # fmt: skip
    assert {mode(path) for path in pki.rglob("*") if path.is_file()} == {0o600}
    encryption = master.path("/etc/kubernetes/api-server/encryption.yaml")
    assert mode(encryption) == 0o600
    assert "@" not in encryption.read_text()
    assert not master.path("/etc/kubernetes/super-admin.conf").exists()
    assert mode(master.path("/etc/kubernetes/admin.conf")) == 0o600
    (enabled,) = (call for call in master.calls if call.startswith("systemctl enable --now"))
    assert sorted(enabled.split()[3:]) == [
        f"platform-{task}.timer" for task in ("audit", "certificates", "etcd-snapshot", "join-token", "metrics")
    ]
    nothing_secret(master, done.stdout)


def test_replaced_control_plane_goes_on_with_its_data(make: Make) -> None:
    """The old volume is mounted and never formatted; the old node of the name makes room for the new machine."""
    master = make(nodes14(), nodes14().control_planes[0])
    kept = master.keep_etcd_data()
    (master.play / "node").write_text("aws:///ap-northeast-2a/i-old")
    done = master.boot()
    assert done.returncode == 0, done.stdout
    assert kept.read_text() == "the cluster"
    assert not [call for call in master.calls if call.startswith("mkfs")]
    (init,) = (call for call in master.calls if call.startswith("kubeadm init"))
    assert init.endswith(" --ignore-preflight-errors=DirAvailable--var-lib-etcd-volume-etcd"), "and no other check"
    assert (master.play / "node").read_text() == PROVIDER_ID
    calls = "\n".join(master.calls)
    assert calls.index("delete node k8s-master") < calls.index("systemctl restart kubelet")
    assert "label --overwrite node k8s-master node-role.kubernetes.io/control-plane=" in calls


def test_half_an_init_never_costs_the_data(make: Make) -> None:
    """A reset empties etcd's directory if it is not told to leave it: the cluster would be gone."""
    master = make(nodes14(), nodes14().control_planes[0])
    kept = master.keep_etcd_data()
    (master.play / "half").touch()
    assert master.boot().returncode != 0
    assert "failed phase=kubeadm-init" in master.console
    done = master.boot()
    assert done.returncode == 0, done.stdout
    assert kubeadm(master)[:3] == ["init", "reset", "init"]
    assert kept.exists()


def test_a_lost_volume_does_not_become_an_empty_cluster(master: Machine) -> None:
    """Snapshots by the same authority and an empty volume: somebody has to decide."""
    s3 = master.client("s3")
    s3.put_object(Bucket=BOOT.backups_bucket, Key="etcd/nodes14/anotherauthor/k8s-master/x.db", Body=b"")
    s3.put_object(Bucket=BOOT.backups_bucket, Key=f"{SNAPSHOTS}/k8s-master/20261121T120000Z.db", Body=b"")
    assert master.boot().returncode != 0
    assert "refused: this cluster has snapshots and k8s-master no data; see docs/runbooks/etcd-restore.md" in (
        master.console
    )
    assert kubeadm(master) == []
    s3.delete_object(Bucket=BOOT.backups_bucket, Key=f"{SNAPSHOTS}/k8s-master/20261121T120000Z.db")
    assert master.boot().returncode == 0, "an earlier cluster of the name is another one"


def test_the_volume_is_awaited_and_only_an_empty_one_is_formatted(make: Make) -> None:
    """Without a volume the boot says so; foreign data is left alone; of two empty ones it does not choose."""
    master = make(nodes14(), nodes14().control_planes[0])
    master.attach_volume("vol0root", "partitions")
    (master.path("/dev/disk/by-id") / "nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1").symlink_to(master.folder / "blank")
    (master.folder / "blank").touch()
    assert master.boot().returncode != 0
    assert "no volume for etcd" in master.console
    assert "failed phase=volume" in master.console
    master.attach_volume("vol0aaa")
    second = master.attach_volume("vol0bbb")
    assert master.boot().returncode != 0
    assert "refused: 2 empty volumes" in master.console
    assert not [call for call in master.calls if call.startswith("mkfs")]
    second.write_text("data")
    assert master.boot().returncode == 0
    assert (second.read_text(), (master.folder / "vol0root").read_text()) == ("data", "partitions")


def test_further_control_planes_join_in_turn(make: Make) -> None:
    """A second learner is refused: the loser resets, reads its secrets again and waits for its turn."""
    spec = three_control_planes()
    second = make(spec, spec.control_planes[1])
    second.attach_volume()
    (second.play / "learners").write_text("1\n2\n")
    done = second.boot()
    assert done.returncode == 0, done.stdout
    assert kubeadm(second) == ["join", "reset", "join", "reset", "join"]
    assert second.console.count("waiting phase=kubeadm-join") == 2
    assert "failed" not in second.console
    assert second.phases == ["packages", "volume", "parameters", "kubeadm-join", "done"]
    nothing_secret(second, done.stdout)


def test_another_failure_of_a_join_is_a_failure(make: Make) -> None:
    """Only the learner is waited for in place."""
    spec = three_control_planes()
    second = make(spec, spec.control_planes[1])
    second.attach_volume()
    (second.play / "half").touch()
    assert second.boot().returncode != 0
    assert kubeadm(second) == ["join"]


@pytest.mark.parametrize("answers", [True, False])
def test_the_first_of_three_asks_whether_the_cluster_is_there(make: Make, answers: bool) -> None:
    """It begins a cluster only if nobody answers; a replaced one comes back as a further member."""
    spec = three_control_planes()
    first = make(spec, spec.control_planes[0])
    first.attach_volume()
    if answers:
        (first.play / "api-answers").touch()
    done = first.boot()
    assert done.returncode == 0, done.stdout
    assert kubeadm(first) == ["join" if answers else "init"]
    kind = "JoinConfiguration" if answers else "InitConfiguration"
    assert f'"{kind}"' in (first.play / "config").read_text()
    asked = [call for call in first.calls if call.endswith("https://api.nodes14.internal:6443/readyz")]
    assert len(asked) == (1 if answers else 6)
    assert all(f"--cacert {first.path('/etc/kubernetes/pki/ca.crt')}" in call for call in asked)
