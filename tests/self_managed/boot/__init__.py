"""A machine to try the boot scripts on: a folder with what its user data writes, and commands that only pretend.

What runs is the user data's own text: bash and Python as they are, gpg for real. SSM and S3 are moto's, the instance's
metadata a small server's. What a command was called with stands in `calls`.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.request import urlopen

import boto3
import yaml
from moto.server import ThreadedMotoServer

from components.self_managed.spec import ClusterSpec, NodeSpec
from components.self_managed.user_data import Boot, user_data

BOOT: Final = Boot(
    ca_pin=f"sha256:{'0123456789abcdef' * 4}",
    backups_bucket="nodes14-backups-123456789012",
    logs_bucket="nodes14-logs-123456789012",
)
INSTANCE, ZONE, ADDRESS = "i-0123456789abcdef0", "ap-northeast-2a", "10.0.0.20"
PROVIDER_ID: Final = f"aws:///{ZONE}/{INSTANCE}"
TOKEN: Final = "canary.secretsecret0123"
DATA: Final = "/var/lib/etcd-volume/etcd"
SNAPSHOTS: Final = f"etcd/nodes14/{BOOT.ca_pin.removeprefix('sha256:')[:12]}"
Keys = Mapping[str, tuple[str, str]]

_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PLATFORM_PAUSE": "0",
    "LC_ALL": "C.UTF-8",
}
# The bodies of the commands; $PLAY is a folder in which tests leave what shall happen.
_COMMANDS: Final[Mapping[str, str]] = {
    "apt-get": """
case "$*" in *" update") if [ -s "$PLAY/lists-locked" ]; then sed -i 1d "$PLAY/lists-locked"; exit 100; fi ;; esac""",
    "apt-mark": "",
    "swapoff": "",
    "modprobe": "",
    "sysctl": "",
    "udevadm": "",
    "curl": """
for word in "$@"; do case $word in https://*) url=$word ;; esac; done
case $url in
  */readyz) [ -e "$PLAY/api-answers" ] || exit 7 ;;
  *) while [ "$1" != -o ]; do shift; done
     case $url in *Release.key) cat "$PLAY/kubernetes.asc" ;; *) cat "$PLAY/docker.asc" ;; esac >"$2" ;;
esac""",
    "blkid": """[ -s "$2" ] || exit 2""",
    "mkfs.ext4": """
[ ! -s "$4" ] || exit 1
echo ext4 >"$4"; mkdir -p "$PLATFORM_ROOT/dev/disk/by-label"; ln -s "$4" "$PLATFORM_ROOT/dev/disk/by-label/$3" """,
    "mountpoint": """[ -e "$PLAY/mounted" ]""",
    "mount": """touch "$PLAY/mounted" """,
    "systemctl": """
# A kubelet that starts registers its node, if there is none of the name.
case "$1 $2" in "restart kubelet") [ -e "$PLAY/node" ] || printf %s "$PROVIDER_ID" >"$PLAY/node" ;; esac""",
    "kubectl": """
case "$*" in
  *"get node"*) cat "$PLAY/node" ;;
  *"delete node"*) rm "$PLAY/node" ;;
esac""",
    "crictl": """
case "$1" in
  ps) echo etcd-container ;;
  exec) for word in "$@"; do path=$word; done; echo snapshot >"$PLATFORM_ROOT$path" ;;
esac""",
    "kubeadm": """
kubernetes=$PLATFORM_ROOT/etc/kubernetes data=$PLATFORM_ROOT/var/lib/etcd-volume/etcd
fail() { echo "error: $1" >&2; exit 1; }
case "$1" in
  reset)
    rm -rf "$kubernetes"/pki "$kubernetes"/manifests "$kubernetes"/*.conf
    case "$*" in *--skip-phases=remove-etcd-member*) ;; *) rm -rf "$data"/* ;; esac ;;
  init)
    [ -s "$kubernetes/pki/ca.key" ] && [ -s "$kubernetes/pki/sa.pub" ] || fail "no authority"
    [ ! -e "$kubernetes/manifests" ] || fail "manifests are there"
    [ -z "$(ls -A "$data")" ] || case "$*" in
      *--ignore-preflight-errors=DirAvailable--var-lib-etcd-volume-etcd*) ;; *) fail "DirAvailable" ;; esac
    cp "$3" "$PLAY/config"
    case "$*" in *--skip-token-print*) ;; *) grep '"token"' "$3" ;; esac
    mkdir -p "$kubernetes/manifests" "$data/member"; touch "$data/member/written"
    [ ! -e "$PLAY/half" ] || { rm "$PLAY/half"; fail "timed out"; }
    touch "$kubernetes/admin.conf" "$kubernetes/super-admin.conf" "$kubernetes/kubelet.conf"
    [ -e "$PLAY/node" ] || printf %s "$PROVIDER_ID" >"$PLAY/node" ;;
  join)
    cp "$3" "$PLAY/config"
    if ! grep -q controlPlane "$3"; then
      [ ! -e "$kubernetes/pki/ca.crt" ] || fail "FileAvailable--etc-kubernetes-pki-ca.crt"
      mkdir -p "$kubernetes/pki"; touch "$kubernetes/pki/ca.crt"
    else
      [ -s "$kubernetes/pki/ca.key" ] || fail "no authority"
      touch "$kubernetes/admin.conf"
    fi
    if [ -s "$PLAY/learners" ]; then sed -i 1d "$PLAY/learners"; fail "etcdserver: too many learner members"; fi
    [ ! -e "$PLAY/half" ] || { rm "$PLAY/half"; fail "timed out"; }
    touch "$kubernetes/kubelet.conf"
    [ -e "$PLAY/node" ] || printf %s "$PROVIDER_ID" >"$PLAY/node" ;;
  token)
    while [ "$1" != --config ]; do shift; done
    cp "$2" "$PLAY/token"
    [ ! -e "$PLAY/token-is-there" ] || fail 'a token with id "canary" already exists'
    [ ! -e "$PLAY/token-fails" ] || fail "the bootstrap token $(tr -d '{}",:' <"$2") is invalid" ;;
  certs)
    case "$2" in check-expiration) echo '[check-expiration] reading'; cat "$PLAY/expiration" ;; esac ;;
esac""",
}


@dataclass
class Machine:
    """One machine, from its user data on."""

    folder: Path
    spec: ClusterSpec
    node: NodeSpec
    endpoint: str
    metadata: str
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folder that the machine believes to be its disk."""
        self.root, self.play, self.bin = (self.folder / name for name in ("root", "play", "bin"))
        for path in (self.play, self.bin, self.root / "dev/disk/by-id", self.root / "proc"):
            path.mkdir(parents=True)
        (self.root / "dev/console").touch()
        self._write_files()
        (self.root / "etc/fstab").write_text("LABEL=cloudimg-rootfs / ext4 defaults 0 1\n/swap none swap sw 0 0\n")
        for name, body in _COMMANDS.items():
            command = self.bin / name
            command.write_text(f'#!/bin/bash\necho "{name} $*" >>"$PLAY/calls"\n{body}\n')
            command.chmod(0o755)

    def _write_files(self) -> None:
        text = gzip.decompress(base64.b64decode(user_data(self.spec, self.node, BOOT))).decode()
        for row in yaml.safe_load(text)["write_files"]:
            path = self.root / row["path"].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["content"], encoding="utf-8")
            path.chmod(int(row["permissions"], 8))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **_ENVIRONMENT,
            "PATH": f"{self.bin}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "PLATFORM_ROOT": str(self.root),
            "PLAY": str(self.play),
            "PROVIDER_ID": PROVIDER_ID,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata,
        }

    def change(self, script: str, old: str, new: str) -> None:
        """Spoil a script, to see whether anybody notices."""
        path = self.root / "usr/local/lib/platform" / script
        text = path.read_text()
        assert text.count(old) == 1, f"{script}: {old}"
        path.write_text(text.replace(old, new))

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the machine's scripts; stdout has both streams, as the journal does."""
        return subprocess.run(
            [str(self.root / "usr/local/lib/platform" / command), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=180,
        )

    def boot(self) -> subprocess.CompletedProcess[str]:
        """Power on, or let systemd try again."""
        return self.run("boot")

    def reboot(self) -> subprocess.CompletedProcess[str]:
        """Power off and on: what lies in memory goes."""
        for path in (self.root / "run/platform").glob("*"):
            path.unlink()
        return self.boot()

    @property
    def calls(self) -> list[str]:
        log = self.play / "calls"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def console(self) -> str:
        return (self.root / "dev/console").read_text()

    @property
    def phases(self) -> list[str]:
        return [line.split("phase=")[1].split()[0] for line in self.console.splitlines() if ": phase=" in line]

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def attach_volume(self, name: str = "vol0aaa", content: str = "") -> Path:
        """Attach an EBS volume; with content, one that has a file system."""
        device = self.folder / name
        device.write_text(content)
        (self.root / f"dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{name}").symlink_to(device)
        return device

    def keep_etcd_data(self) -> Path:
        """Attach the volume of the machine before this one, with its data."""
        device = self.attach_volume(content="ext4")
        (self.root / "dev/disk/by-label").mkdir()
        (self.root / "dev/disk/by-label/etcd").symlink_to(device)
        kept = self.path("/var/lib/etcd-volume/etcd/member/kept")
        kept.parent.mkdir(parents=True)
        kept.write_text("the cluster")
        return kept

    def trust(self, keys: Mapping[str, tuple[str, str]]) -> None:
        """Let both repositories have these keys, by name: fingerprint and text."""
        environment = self.root / "etc/platform/boot.env"
        text = environment.read_text()
        for name, (fingerprint, armoured) in keys.items():
            lines = text.splitlines(keepends=True)
            variable = f"{name.upper()}_KEY="
            text = "".join(f"{variable}{fingerprint}\n" if line.startswith(variable) else line for line in lines)
            (self.play / f"{name}.asc").write_text(armoured)
        environment.write_text(text)

    def put_parameters(self, *, but: str = "") -> None:
        """Store every secret that the machine is told to read, except one."""
        machine = json.loads((self.root / "etc/platform/machine.json").read_text())
        ssm = self.client("ssm")
        for name in {*machine["files"].values(), *machine["blanks"].values()}:
            if name == but:
                continue
            value = TOKEN if name.endswith("/token") else f"canary of {name}\n"
            self.secrets[name] = value
            ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def create_buckets(self) -> None:
        for bucket in (BOOT.backups_bucket, BOOT.logs_bucket):
            place = {"LocationConstraint": self.spec.region}
            self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=self.spec.region,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


Make = Callable[..., Machine]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kubeadm(machine: Machine) -> list[str]:
    """Return what kubeadm was asked to do, in order."""
    return [call.split()[1] for call in machine.calls if call.startswith("kubeadm")]


def nothing_secret(machine: Machine, *outputs: str) -> None:
    """Fail if what was printed, or stood on a command line, has a secret in it."""
    assert machine.secrets
    for value in machine.secrets.values():
        for text in (*outputs, machine.console, *machine.calls):
            assert value.strip() not in text


class _Metadata(BaseHTTPRequestHandler):
    """The instance's metadata, version 2: nothing without a token."""

    paths: Final = {
        "/latest/meta-data/instance-id": INSTANCE,
        "/latest/meta-data/placement/availability-zone": ZONE,
        "/latest/meta-data/local-ipv4": ADDRESS,
    }

    def do_PUT(self) -> None:
        self._answer("session" if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        known = self.headers.get("X-aws-ec2-metadata-token") == "session"
        self._answer(self.paths.get(self.path) if known else None)

    def _answer(self, text: str | None) -> None:
        self.send_response(200 if text else 401)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Keep the tests' output clean."""


@contextmanager
def aws() -> Iterator[str]:
    """Serve an AWS in which there is nothing yet; yield the address."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        forget(f"http://{host}:{port}")
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def forget(endpoint: str) -> None:
    """Empty that AWS; a process has only one, whichever server it is asked through."""
    urlopen(f"{endpoint}/moto-api/reset", data=b"").close()


@contextmanager
def metadata() -> Iterator[str]:
    """Serve an instance's metadata; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_key(folder: Path, name: str) -> tuple[str, str]:
    """Make a key as a repository signs with; return its fingerprint and its public text."""
    environment = {**os.environ, "GNUPGHOME": str(folder)}
    folder.mkdir(mode=0o700, exist_ok=True)
    command = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*command, "--quick-generate-key", name, "ed25519", "sign"], env=environment, check=True)
    listed = subprocess.run(
        [*command, "--with-colons", "--list-keys", name], env=environment, check=True, capture_output=True, text=True
    ).stdout
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    exported = subprocess.run(
        [*command, "--armor", "--export", name], env=environment, check=True, capture_output=True, text=True
    ).stdout
    return fingerprint, exported
