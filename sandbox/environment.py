"""The environment in which the engine, the program and the tools see the sandbox and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# A leftover of the user's own configuration must never reach a real account or a real cluster.
_FOREIGN = ("AWS_", "PULUMI_", "KUBE", "ARGOCD_", "HELM_")


# The environment as it was, before the user's own settings were taken out of this process.
CALLER: Mapping[str, str] = dict(os.environ)

_NO_AWS_FILES = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def shut_out_foreign_settings() -> None:
    """Take the user's own cloud and cluster settings out of this process, in which the provider hosts call AWS too."""
    for key in [key for key in os.environ if key.startswith(_FOREIGN)]:
        del os.environ[key]
    os.environ.update(_NO_AWS_FILES)


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return what leads SDKs and tools to the emulated AWS, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        **_NO_AWS_FILES,
    }


def sandbox_environment(
    *,
    folder: Path,
    tools: Mapping[str, Path],
    ports: Mapping[str, int],
    language_port: int,
    aws_endpoint: str,
    kubeconfig: Path,
    argocd_port: int,
) -> dict[str, str]:
    """Return the caller's environment less its cloud settings, plus the sandbox's.

    Args:
        folder: The sandbox's folder; the engine's state and home lie in it.
        tools: Path by tool; their folders go first in PATH.
        ports: Provider host's port by package.
        language_port: The language host's port.
        aws_endpoint: URL of the emulated AWS.
        kubeconfig: File with access to the cluster.
        argocd_port: Port of Argo CD's API server, once it runs.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    folders = dict.fromkeys(str(path.parent) for path in tools.values() if path.is_file())
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    return kept | {
        # Last the commands of the project's own Python environment: who works in a shell here wants them, too.
        "PATH": os.pathsep.join([*folders, kept.get("PATH", os.defpath), str(Path(sys.executable).parent)]),
        "PULUMI_HOME": str(folder / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{state}",
        # Guards nothing but this throw-away state: the sandbox holds no real secret.
        "PULUMI_CONFIG_PASSPHRASE": "sandbox",
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items()),
        "PULUMI_DEBUG_LANGUAGES": f"python:{language_port}",
        # Else every operation tries to download the snapshot's plugins, five times.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **aws_environment(aws_endpoint),
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_SERVER": f"127.0.0.1:{argocd_port}",
        "ARGOCD_OPTS": "--plaintext",
    }
