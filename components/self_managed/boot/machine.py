#!/usr/bin/env python3
"""What a machine asks AWS for, and what it hands over: its facts and secrets, and snapshots, logs and figures.

Runs on the machine with Ubuntu's python3 and python3-boto3. Says names, never values: what it prints is public.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(os.environ.get("PLATFORM_ROOT") or "/")
PAUSE_SECONDS: Final = float(os.environ.get("PLATFORM_PAUSE") or 5)
# A new role's rights may take a minute to be known everywhere; after that systemd begins anew.
TRIES: Final = 10
# SSM's limit for one call.
NAMES_AT_ONCE: Final = 10
# S3 takes 5 GiB at once; a piece of an audit log is kept small so that little is lost with a machine.
PIECE_BYTES: Final = 64 * 1024 * 1024
METADATA: Final = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
TOKEN_BLANK: Final = "@JOIN_TOKEN@"
ADMIN: Final = "/etc/kubernetes/admin.conf"


class RefusedError(Exception):
    """Something is not as it has to be; the message names it and holds no secret."""


def on_machine(path: str) -> Path:
    """Find a machine's path; tests have it in a folder."""
    return ROOT / path.lstrip("/")


def described() -> dict[str, Any]:
    """Read what this machine is to become."""
    machine: dict[str, Any] = json.loads(on_machine("/etc/platform/machine.json").read_text(encoding="utf-8"))
    return machine


def client(service: str) -> Any:
    """Talk to a service in this machine's region, with its role."""
    import boto3

    return boto3.client(service, region_name=described()["region"])


def facts() -> dict[str, str]:
    """Ask the instance's metadata (version 2) what only it knows; return value by blank."""
    token = _metadata("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    paths = ("instance-id", "placement/availability-zone", "local-ipv4")
    instance, zone, address = (
        _metadata("GET", f"meta-data/{path}", {"X-aws-ec2-metadata-token": token}) for path in paths
    )
    return {"@PROVIDER_ID@": f"aws:///{zone}/{instance}", "@NODE_IP@": address, "@INSTANCE_ID@": instance}


def _metadata(method: str, path: str, headers: Mapping[str, str]) -> str:
    request = urllib.request.Request(f"{METADATA}/latest/{path}", method=method, headers=dict(headers))
    with urllib.request.urlopen(request, timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def parameters(names: Iterable[str]) -> dict[str, str]:
    """Read secrets by name, all or none; raise `RefusedError` naming those that are not there."""
    wanted, found, missing = sorted(set(names)), {}, []
    for start in range(0, len(wanted), NAMES_AT_ONCE):
        answer = client("ssm").get_parameters(Names=wanted[start : start + NAMES_AT_ONCE], WithDecryption=True)
        found.update({row["Name"]: row["Value"] for row in answer["Parameters"]})
        missing += answer["InvalidParameters"]
    if missing:
        raise RefusedError(f"no such parameter: {', '.join(missing)}")
    return found


def patiently(read: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Try again for a while: roles, parameters and the network may be a moment behind."""
    from botocore.exceptions import BotoCoreError, ClientError

    for left in reversed(range(TRIES)):
        try:
            return read()
        except (RefusedError, ClientError, BotoCoreError, OSError) as error:
            print(f"platform-boot: {error}; {f'{left} more tries' if left else 'giving up'}", flush=True)
            if not left:
                raise RefusedError(str(error)) from None
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("not reached")


def write_secret(path: str, text: str) -> None:
    """Write a file for root alone, whole or not at all."""
    target = on_machine(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(target)


def deliver() -> None:
    """Write every secret where it belongs, and fill the blanks of what kubeadm and the API server read."""
    machine = described()
    names: list[str] = [*machine["files"].values(), *machine["blanks"].values()]
    known, values = patiently(facts), patiently(lambda: parameters(names))
    for path, name in machine["files"].items():
        write_secret(path, values[name])
    fill = {**known, **{blank: values[name] for blank, name in machine["blanks"].items()}}
    for template, target in machine["rendered"].items():
        text = on_machine(template).read_text(encoding="utf-8")
        for blank, value in fill.items():
            text = text.replace(blank, value)
        if left := sorted(set(re.findall(r"@[A-Z_]+@", text))):
            raise RefusedError(f"{template}: nothing fills {', '.join(left)}")
        write_secret(target, text)
    write_secret("/run/platform/facts.env", f"PROVIDER_ID='{known['@PROVIDER_ID@']}'\n")


def join_token() -> None:
    """Let machines join by the token that the parameter holds now; for a day from when it is first seen."""
    name = described()["blanks"][TOKEN_BLANK]
    token = parameters([name])[name]
    digest, mark = hashlib.sha256(token.encode()).hexdigest(), on_machine("/var/lib/platform/join-token")
    if mark.exists() and mark.read_text(encoding="utf-8") == digest:
        return
    file = "/run/platform/join-token.yaml"
    document = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "bootstrapTokens": [
            {
                "token": token,
                "ttl": "24h0m0s",
                "usages": ["signing", "authentication"],
                "groups": ["system:bootstrappers:kubeadm:default-node-token"],
            }
        ],
    }
    write_secret(file, json.dumps(document))
    try:
        # In a file: what stands on a command line can be read by every process.
        command = ["kubeadm", "token", "create", "--config", str(on_machine(file))]
        command += ["--kubeconfig", str(on_machine(ADMIN))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        on_machine(file).unlink()
    # The one of `kubeadm init` is there already.
    if done.returncode and "already exists" not in done.stderr:
        raise RefusedError(f"kubeadm token create: {done.stderr.replace(token, '…').strip()}")
    write_secret("/var/lib/platform/join-token", digest)


def upload(path: str, bucket: str, key: str) -> None:
    """Put a file into a bucket; the bucket encrypts it with its own key."""
    client("s3").upload_file(str(on_machine(path)), bucket, key)


def download(bucket: str, key: str, path: str) -> None:
    """Get an object; root alone can read the file."""
    write_secret(path, "")
    client("s3").download_file(bucket, key, str(on_machine(path)))
    on_machine(path).chmod(0o600)


def newest(bucket: str, prefix: str) -> None:
    """Print the key of the youngest object below a prefix, or nothing."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    objects = [row for page in pages for row in page.get("Contents", [])]
    if objects:
        print(max(objects, key=lambda row: row["LastModified"])["Key"])


def audit(folder: str, bucket: str, prefix: str) -> None:
    """Put what the API server has recorded since the last time into the bucket for logs, in whole lines."""
    s3 = client("s3")
    state = on_machine("/var/lib/platform/audit.json")
    done: dict[str, int] = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
    files = sorted(on_machine(folder).glob("*.log"), key=lambda path: path.stat().st_mtime)
    # By inode: the API server renames a full log and begins another.
    inodes = {str(path.stat().st_ino): path for path in files}
    done = {inode: at for inode, at in done.items() if inode in inodes}
    for inode, path in inodes.items():
        with path.open("rb") as file:
            file.seek(done.get(inode, 0))
            while piece := file.read(PIECE_BYTES):
                lines = piece[: piece.rfind(b"\n") + 1]
                if not lines:
                    break
                at = done.get(inode, 0)
                key = f"{prefix}/{datetime.now(UTC):%Y/%m/%d/%H%M%S}-{inode}-{at}.log.gz"
                s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(lines))
                done[inode] = at + len(lines)
                write_secret("/var/lib/platform/audit.json", json.dumps(done))
                file.seek(done[inode])


def metrics() -> None:
    """Report how old the last snapshot is, and how long the first certificate to end still lives."""
    command = ["kubeadm", "certs", "check-expiration", "--output", "json", "--kubeconfig", str(on_machine(ADMIN))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = json.loads(told[told.index("{") :])["certificates"]
    days = min(row["residualTime"] for row in rows if not row.get("missing")) / 86_400
    marks = [on_machine(f"/var/lib/platform/{name}") for name in ("snapshot", "joined")]
    last = next((mark.stat().st_mtime for mark in marks if mark.exists()), None)
    figures = [("CertificateDaysLeft", days, "None")]
    if last is not None:
        figures.append(("SnapshotAgeSeconds", max(0.0, time.time() - last), "Seconds"))
    dimensions = [{"Name": "ClusterName", "Value": described()["cluster"]}]
    client("cloudwatch").put_metric_data(
        Namespace="Platform/ControlPlane",
        MetricData=[
            {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": dimensions}
            for name, value, unit in figures
        ],
    )


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "audit": audit,
    "deliver": deliver,
    "download": download,
    "join-token": join_token,
    "metrics": metrics,
    "newest": newest,
    "upload": upload,
}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except RefusedError as refusal:
        if sys.argv[1] == "deliver":
            # Who waits for the machine sees its console; what a timer's task says would only fill it.
            with suppress(OSError), on_machine("/dev/console").open("a", encoding="utf-8") as console:
                console.write(f"platform-boot: {refusal}\n")
        sys.exit(f"platform-boot: {refusal}")
