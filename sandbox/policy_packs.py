"""What the engine starts a Python policy pack with.

The official CLI brings it along; a `pulumi` built from its Go module does not, and looks for it in PATH
(`NewPolicyAnalyzer` in sdk/go/common/resource/plugin/analyzer_plugin.go, pulumi 3.259.0).
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

_NAME = "pulumi-analyzer-policy-python"


def install_policy_runner(folder: Path) -> Path:
    """Write the program into a folder of its own and return its path; the folder belongs into the engine's PATH.

    The engine starts it in the pack's folder and reads from its output the port on which the pack answers.
    """
    path = folder / "policy-packs" / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -u .\n", encoding="utf-8")
    path.chmod(0o755)
    return path
