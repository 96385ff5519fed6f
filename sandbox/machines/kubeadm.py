"""The real kubeadm on a machine's files: what it makes of its configuration, without a root's file system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.certificates import write_private
from sandbox.kubernetes.processes import Supervisor

_PKI: Final = "/etc/kubernetes/pki"
# These begin with a slash, too, and are no paths of files.
_NO_FILES: Final = {"etcd-prefix", "authorization-always-allow-paths"}

Document = dict[str, Any]


class KubeadmError(Exception):
    """kubeadm refused, or its configuration cannot be read; the message is what it said."""


class Configuration:
    """The documents of one of kubeadm's files by kind."""

    def __init__(self, text: bytes) -> None:
        try:
            found = [one for one in yaml.safe_load_all(text) if one]
        except yaml.YAMLError as error:
            raise KubeadmError(f"kubeadm's configuration is not YAML: {' '.join(str(error).split())}") from error
        if not found or not all(isinstance(one, dict) and "kind" in one for one in found):
            raise KubeadmError("kubeadm's configuration holds a document without a kind")
        self.documents: list[Document] = found

    def get(self, kind: str) -> Document:
        """Return the document of a kind; empty when there is none."""
        return next((one for one in self.documents if one["kind"] == kind), {})

    @property
    def initialises(self) -> bool:
        """Whether it makes a cluster; else it joins one."""
        return bool(self.get("InitConfiguration"))

    @property
    def control_plane(self) -> bool:
        """Whether the machine becomes a control plane."""
        return self.initialises or "controlPlane" in self.get("JoinConfiguration")

    @property
    def token(self) -> str:
        """The bootstrap token that it begins a cluster with, or joins one by."""
        tokens = self.get("InitConfiguration").get("bootstrapTokens") or [{}]
        discovery = self.get("JoinConfiguration").get("discovery") or {}
        return str(tokens[0].get("token") or (discovery.get("bootstrapToken") or {}).get("token") or "")

    @property
    def registration(self) -> Mapping[str, Any]:
        """How the machine's node is registered."""
        return dict((self.get("InitConfiguration") or self.get("JoinConfiguration")).get("nodeRegistration") or {})

    def kubelet_arguments(self) -> dict[str, str]:
        """Return the kubelet's extra arguments by name."""
        return {str(one["name"]): str(one["value"]) for one in self.registration.get("kubeletExtraArgs") or []}


class Kubeadm:
    """Runs phases of `kubeadm init` for one machine.

    Args:
        binary: The tool.
        supervisor: Starts it.
        root: Folder that stands for the machine's `/`.
        name: Of the machine, for the processes' names.
    """

    def __init__(self, binary: Path, supervisor: Supervisor, root: Path, name: str) -> None:
        self._binary = binary
        self._supervisor = supervisor
        self._root = root
        self._name = name
        self._file = root / "kubeadm-in-the-sandbox.yaml"

    def configure(self, configuration: Configuration) -> None:
        """Take a configuration. Its folder of certificates becomes one below the machine's root."""
        documents = [dict(one) for one in configuration.documents]
        for one in documents:
            if one["kind"] == "ClusterConfiguration":
                one["certificatesDir"] = f"{self._root}{one.get('certificatesDir', _PKI)}"
        write_private(self._file, yaml.safe_dump_all(documents).encode())

    def validate(self, text: bytes) -> None:
        """Have the configuration judged as it is. Raise `KubeadmError` when kubeadm refuses it."""
        file = self._root / "kubeadm-to-validate.yaml"
        write_private(file, text)
        self._run("config", "validate", "--config", str(file))

    def make_files(self) -> None:
        """Make the certificates that are not there and a kubeconfig for each component."""
        self._run("init", "phase", "certs", "all", "--config", str(self._file))
        folder = self._root / "etc/kubernetes"
        self._run("init", "phase", "kubeconfig", "all", "--config", str(self._file), "--kubeconfig-dir", str(folder))

    def manifests(self) -> dict[str, Document]:
        """Return the static pods that it would run, by component."""
        folder = self._root / "manifests-in-the-sandbox"
        folder.mkdir(exist_ok=True)
        for phase in (("control-plane", "all"), ("etcd", "local")):
            self._run(
                "init", "phase", *phase, "--config", str(self._file), "--dry-run", KUBEADM_INIT_DRYRUN_DIR=str(folder)
            )
        texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
        # As on a machine, where the folder of certificates is at its usual place.
        return {name: yaml.safe_load(text.replace(str(self._root), "")) for name, text in texts.items()}

    def fill_cluster(self, kubeconfig: Path) -> None:
        """Run the phases that write into the API server."""
        access = ("--config", str(self._file), "--kubeconfig", str(kubeconfig))
        self._run("init", "phase", "upload-config", "all", *access)
        self._run("init", "phase", "bootstrap-token", "--skip-token-print", *access)
        self._run("init", "phase", "addon", "all", *access)

    def create_token(self, kubeconfig: Path, token: str) -> None:
        """Make a bootstrap token known to the cluster for a day."""
        self._run("token", "create", token, "--ttl", "24h0m0s", "--kubeconfig", str(kubeconfig))

    def _run(self, *words: str, **environment: str) -> None:
        name = f"kubeadm-{self._name}"
        code, said = self._supervisor.run(name, [self._binary, *words], environment)
        if code:
            raise KubeadmError(f"kubeadm {' '.join(words[:2])}: {' '.join(said.split())[-1000:]}")


class Mounts:
    """Where a static pod's files lie on its machine: only what a volume brings in is there."""

    def __init__(self, pod: Document, root: Path) -> None:
        self._root = root
        volumes = {one["name"]: one["hostPath"] for one in pod["spec"].get("volumes", []) if "hostPath" in one}
        mounts = pod["spec"]["containers"][0].get("volumeMounts", [])
        self._mounts = {one["mountPath"].rstrip("/"): volumes[one["name"]] for one in mounts}
        for volume in self._mounts.values():
            self._prepare(volume)

    def host(self, path: str) -> str:
        """Return the file that a path in the container means. Raise `KubeadmError` when nothing is mounted there."""
        for mount in sorted(self._mounts, key=len, reverse=True):
            if path == mount or path.startswith(f"{mount}/"):
                return f"{self.below_root(self._mounts[mount]['path'])}{path.removeprefix(mount)}"
        raise KubeadmError(f"no volume brings {path} into the container: name it in extraVolumes")

    def below_root(self, path: str) -> str:
        """Return a path of the machine as one of this computer."""
        return f"{self._root}{path.rstrip('/')}"

    def _prepare(self, volume: Mapping[str, str]) -> None:
        """Do what the kubelet does for the type of a host path."""
        path, kind = Path(self.below_root(volume["path"])), volume.get("type", "")
        if kind == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        elif kind == "FileOrCreate":
            path.touch()
        elif (kind == "File" and not path.is_file()) or (kind == "Directory" and not path.is_dir()):
            raise KubeadmError(f"hostPath {volume['path']} is not a {kind}: nothing wrote it")


class Flags:
    """A component's flags in their order; some may be given more than once."""

    def __init__(self, pod: Document, mounts: Mounts) -> None:
        """Take a static pod's flags, with the paths of files as they are on this computer."""
        words: Sequence[str] = pod["spec"]["containers"][0]["command"][1:]
        self._pairs: list[tuple[str, str]] = []
        for word in words:
            name, _, value = word.removeprefix("--").partition("=")
            path = value.startswith("/") and name not in _NO_FILES
            self._pairs.append((name, mounts.host(value) if path else value))

    def get(self, name: str) -> str:
        """Return a flag's last value; empty when it is not given."""
        return next((value for key, value in reversed(self._pairs) if key == name), "")

    def put(self, **values: str) -> None:
        """Give flags one value each; `_` stands for `-`."""
        new = {name.replace("_", "-"): value for name, value in values.items()}
        self._pairs = [pair for pair in self._pairs if pair[0] not in new] + list(new.items())

    def drop(self, name: str) -> None:
        """Leave a flag out."""
        self._pairs = [pair for pair in self._pairs if pair[0] != name]

    @property
    def kubeconfigs(self) -> list[Path]:
        """The kubeconfigs that the flags name."""
        return sorted({Path(value) for name, value in self._pairs if name.endswith("kubeconfig")})

    @property
    def words(self) -> list[str]:
        """The flags as a command line has them."""
        return [f"--{name}={value}" for name, value in self._pairs]
