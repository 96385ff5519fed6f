"""What the boot tests look for does happen when the line that prevents it is gone."""

from __future__ import annotations

import pytest

from tests.self_managed import nodes14
from tests.self_managed.boot import BOOT, SNAPSHOTS, Keys, Machine, Make, kubeadm, nothing_secret


@pytest.fixture
def heir(make: Make) -> Machine:
    """A control plane with the volume of the machine before it."""
    machine = make(nodes14(), nodes14().control_planes[0])
    machine.keep_etcd_data()
    return machine


def test_without_skipping_the_phase_a_reset_empties_the_volume(heir: Machine) -> None:
    """That is what `kubeadm reset` does by itself."""
    heir.change("boot", " --skip-phases=remove-etcd-member", "")
    (heir.play / "half").touch()
    heir.boot()
    heir.boot()
    assert not heir.path("/var/lib/etcd-volume/etcd/member/kept").exists()


def test_without_a_reset_a_second_try_fails(worker: Machine) -> None:
    """The first one's ca.crt is in its way."""
    worker.change("boot", "then forget_attempt;", "then true;")
    (worker.play / "half").touch()
    assert worker.boot().returncode != 0
    assert "FileAvailable--etc-kubernetes-pki-ca.crt" in worker.boot().stdout


def test_without_the_comparison_any_key_is_trusted(worker: Machine, keys: Keys) -> None:
    """Then apt would install what somebody else has signed."""
    worker.change("packages", 'if [ "$found" != "$3" ]; then', "if false; then")
    worker.trust({"docker": (keys["docker"][0], keys["kubernetes"][1])})
    assert worker.boot().returncode == 0


def test_without_the_flag_kubeadm_tells_the_token(heir: Machine) -> None:
    """And the test for secrets sees it."""
    heir.change("kubeadm", "flags+=(--skip-token-print)", "true")
    done = heir.boot()
    with pytest.raises(AssertionError):
        nothing_secret(heir, done.stdout)


def test_without_the_exception_kept_data_stop_kubeadm(heir: Machine) -> None:
    """A directory that is not empty is an error to it."""
    heir.change("kubeadm", 'flags+=("--ignore-preflight-errors=DirAvailable-${ETCD_DATA//\\//-}")', "true")
    assert "error: DirAvailable" in heir.boot().stdout


def test_without_the_look_the_old_node_stays(heir: Machine) -> None:
    """The cloud controller would take the machine for the one that is gone."""
    heir.change("kubeadm", '  own_node "$ADMIN"\n', "")
    (heir.play / "node").write_text("aws:///ap-northeast-2a/i-old")
    assert heir.boot().returncode == 0
    assert (heir.play / "node").read_text().endswith("i-old")


def test_without_the_probe_any_volume_is_formatted(make: Make) -> None:
    """Whatever is on it."""
    master = make(nodes14(), nodes14().control_planes[0])
    master.attach_volume(content="somebody's data")
    master.change("etcd-volume", '[ "$code" -eq 2 ]', "true")
    master.boot()
    assert [call for call in master.calls if call.startswith("mkfs")]


def test_without_the_guard_a_lost_volume_is_an_empty_cluster(make: Make) -> None:
    """It comes up, serves, and knows nothing."""
    master = make(nodes14(), nodes14().control_planes[0])
    master.attach_volume()
    master.client("s3").put_object(Bucket=BOOT.backups_bucket, Key=f"{SNAPSHOTS}/k8s-master/x.db", Body=b"")
    master.change("kubeadm", 'if [ -n "$newest" ]; then', "if false; then")
    assert master.boot().returncode == 0
    assert kubeadm(master) == ["init"]
