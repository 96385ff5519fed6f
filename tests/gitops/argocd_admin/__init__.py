"""Argo CD's own program, run on files alone: it wants to know of a cluster, but need not reach it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import yaml

from tests.gitops.tree import Tool

_NOWHERE: Final = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none", "namespace": "argocd"}}],
    "users": [{"name": "none", "user": {}}],
}


def argocd_admin(tool: Tool, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `argocd admin` in a folder, which is its home as well, with nothing of this machine around it."""
    kubeconfig = folder / "nowhere.yaml"
    kubeconfig.write_text(yaml.safe_dump(_NOWHERE), encoding="utf-8")
    return subprocess.run(
        [str(tool("argocd")), "admin", *arguments],
        cwd=folder,
        env={"HOME": str(folder), "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
