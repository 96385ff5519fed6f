"""Another revision of the checkout, in a folder of its own."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError
from ops.gitops.running import RunError, Tool, run


@contextmanager
def checked_out(folder: Path, revision: str, tool: Tool) -> Iterator[Path]:
    """Lend what a folder was at a revision; the checkout itself stays as it is.

    Args:
        folder: The project's folder.
        revision: A commit, branch or tag.
        tool: Finds git.

    Raises:
        OpsError: The folder is in no git repository, there is no such revision, or it has no such folder.
    """
    git = tool("git")
    try:
        prefix = run(git, "rev-parse", "--show-prefix", folder=folder).strip()
        top = Path(run(git, "rev-parse", "--show-toplevel", folder=folder).strip())
    except RunError as error:
        raise OpsError(f"{folder}: no git repository, so there is no revision {revision} to compare with") from error
    try:
        words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        commit = run(git, *words, folder=top).strip()
    except RunError as error:
        raise OpsError(f"--diff {revision}: there is no such revision; fetch it, or name another one") from error
    with tempfile.TemporaryDirectory(prefix="platform-gitops-") as name:
        packed = Path(name) / "revision.tar"
        run(git, "archive", "--output", str(packed), commit, folder=top)
        with tarfile.open(packed) as archive:
            archive.extractall(Path(name) / "tree", filter="data")
        project = Path(name) / "tree" / prefix
        if not (project / "Pulumi.yaml").is_file():
            raise OpsError(f"--diff {revision}: {prefix or 'the repository'} had no Pulumi.yaml then")
        yield project
