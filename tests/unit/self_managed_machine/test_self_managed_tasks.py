"""What a control plane does again and again."""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from datetime import UTC, datetime, timedelta

from components.self_managed.names import CERTIFICATE_DAYS, METRICS_NAMESPACE, SNAPSHOT_AGE
from tests.self_managed.boot import (
    BOOT,
    DATA,
    SNAPSHOTS,
    Machine,
    kubeadm,
    mode,
    nothing_secret,
)


def test_a_new_token_is_put_into_the_cluster_once(master: Machine) -> None:
    """The timer's task creates what the parameter holds, in a file and for a day; the same value once only."""
    master.boot()
    (master.play / "token-is-there").touch()
    assert master.run("machine", "join-token").returncode == 0, "kubeadm init had made it"
    (master.play / "token-is-there").unlink()
    assert kubeadm(master).count("token") == 1
    master.run("machine", "join-token")
    assert kubeadm(master).count("token") == 1
    fresh = "second.0123456789abcdef"
    master.client("ssm").put_parameter(Name="/kubernetes/nodes14/join/token", Value=fresh, Overwrite=True)
    master.secrets["fresh"] = fresh
    done = master.run("machine", "join-token")
    assert done.returncode == 0, done.stdout
    assert kubeadm(master).count("token") == 2
    assert f'"token": "{fresh}", "ttl": "24h0m0s"' in (master.play / "token").read_text()
    assert not master.path("/run/platform/join-token.yaml").exists()
    nothing_secret(master, done.stdout)


def test_a_token_that_kubeadm_refuses_is_not_told(master: Machine) -> None:
    """The words of kubeadm have the token in them; the journal must not."""
    master.boot()
    (master.play / "token-fails").touch()
    failed = master.run("machine", "join-token")
    assert failed.returncode != 0
    assert "is invalid" in failed.stdout
    nothing_secret(master, failed.stdout)


def test_snapshots_go_to_the_bucket_and_leave_nothing(master: Machine) -> None:
    """Taken with the tool of etcd's own container, put under the authority's and the node's name, then removed."""
    master.boot()
    done = master.run("etcd-snapshot")
    assert done.returncode == 0, done.stdout
    (row,) = master.client("s3").list_objects_v2(Bucket=BOOT.backups_bucket)["Contents"]
    assert re.fullmatch(rf"{SNAPSHOTS}/k8s-master/\d{{8}}T\d{{6}}Z\.db", row["Key"])
    assert [path.name for path in master.path(DATA).iterdir()] == ["member"]
    assert master.path("/var/lib/platform/snapshot").exists()
    (taken,) = (call for call in master.calls if call.startswith("crictl exec"))
    assert "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt" in taken


def test_certificates_are_renewed_and_taken_up(master: Machine) -> None:
    """Every process of the control plane starts again, one after the other, once the API answers."""
    master.boot()
    (master.play / "api-answers").touch()
    done = master.run("certificates")
    assert done.returncode == 0, done.stdout
    assert "kubeadm certs renew all" in master.calls
    assert len([call for call in master.calls if call.startswith("crictl stop")]) == 4
    (master.play / "api-answers").unlink()
    failed = master.run("certificates")
    assert failed.returncode != 0
    assert "certificates: etcd did not come back" in master.console
    assert len([call for call in master.calls if call.startswith("crictl stop")]) == 5


def test_audit_logs_go_in_whole_lines_and_once(master: Machine) -> None:
    """What was written since the last time, also after the API server has begun a new file; half a line waits."""
    master.boot()
    folder = master.path("/var/log/kubernetes/audit")
    folder.mkdir(parents=True)
    log = folder / "audit.log"
    audit = ("machine", "audit", "/var/log/kubernetes/audit", BOOT.logs_bucket, "audit/nodes14/k8s-master")

    def sent() -> list[str]:
        s3 = master.client("s3")
        rows = s3.list_objects_v2(Bucket=BOOT.logs_bucket).get("Contents", [])
        assert all(row["Key"].startswith("audit/nodes14/k8s-master/2") for row in rows)
        bodies = [s3.get_object(Bucket=BOOT.logs_bucket, Key=row["Key"])["Body"].read() for row in rows]
        return sorted(gzip.decompress(body).decode() for body in bodies)

    assert master.run(*audit).returncode == 0, "nothing is written yet"
    log.write_text("one\ntwo\nhal")
    assert master.run(*audit).returncode == 0
    assert sent() == ["one\ntwo\n"]
    with log.open("a") as file:
        file.write("f\n")
    log.rename(folder / "audit-2026-11-21T12-00-00.000.log")
    log.write_text("new\n")
    for _ in range(2):
        done = master.run(*audit)
        assert done.returncode == 0, done.stdout
        assert sent() == ["half\n", "new\n", "one\ntwo\n"]


def test_figures_tell_the_snapshots_age_and_the_first_certificate_to_end(master: Machine) -> None:
    """Without a snapshot, age counts from when the machine joined: no news is an alarm some time."""
    master.boot()
    rows = [
        {"name": "apiserver", "residualTime": 200 * 86_400},
        {"name": "admin.conf", "residualTime": 100 * 86_400},
        {"name": "super-admin.conf", "residualTime": 0, "missing": True},
    ]
    (master.play / "expiration").write_text(json.dumps({"certificates": rows}))
    hour_ago = time.time() - 3600
    os.utime(master.path("/var/lib/platform/joined"), (hour_ago, hour_ago))

    def figures() -> dict[str, float]:
        answer = master.client("cloudwatch").get_metric_data(
            StartTime=datetime.now(UTC) - timedelta(hours=1),
            EndTime=datetime.now(UTC) + timedelta(hours=1),
            MetricDataQueries=[
                {
                    "Id": name.lower(),
                    "Label": name,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": METRICS_NAMESPACE,
                            "MetricName": name,
                            "Dimensions": [{"Name": "ClusterName", "Value": "nodes14"}],
                        },
                        "Period": 7200,
                        "Stat": "Minimum",
                    },
                }
                for name in (SNAPSHOT_AGE, CERTIFICATE_DAYS)
            ],
        )
        return {row["Label"]: min(row["Values"]) for row in answer["MetricDataResults"]}

    done = master.run("machine", "metrics")
    assert done.returncode == 0, done.stdout
    assert figures()[CERTIFICATE_DAYS] == 100
    assert 3600 <= figures()[SNAPSHOT_AGE] < 4000
    master.path("/var/lib/platform/snapshot").touch()
    assert master.run("machine", "metrics").returncode == 0
    assert figures()[SNAPSHOT_AGE] < 400


def test_the_newest_snapshot_is_found_and_fetched(master: Machine) -> None:
    """By its time, not by its node's name; root alone can read what was fetched."""
    s3 = master.client("s3")
    assert master.run("machine", "newest", BOOT.backups_bucket, f"{SNAPSHOTS}/").stdout == ""
    for name in ("k8s-z/1.db", "k8s-a/2.db"):
        s3.put_object(Bucket=BOOT.backups_bucket, Key=f"{SNAPSHOTS}/{name}", Body=name.encode())
        time.sleep(1.1)  # S3 keeps whole seconds
    key = master.run("machine", "newest", BOOT.backups_bucket, f"{SNAPSHOTS}/").stdout.strip()
    assert key == f"{SNAPSHOTS}/k8s-a/2.db"
    assert master.run("machine", "download", BOOT.backups_bucket, key, "/root/x.db").returncode == 0
    assert master.path("/root/x.db").read_text() == "k8s-a/2.db"
    assert mode(master.path("/root/x.db")) == 0o600
