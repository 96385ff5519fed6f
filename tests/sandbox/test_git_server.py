"""The Git server: the working tree as it is, under one branch, read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.certificates import Authority
from sandbox.git_server import GitServer

Serve = Callable[[Path], GitServer]


def _git(*words: str, cwd: Path, authority: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    trust = {"GIT_SSL_CAINFO": str(authority)} if authority else {}
    environment = kept | identity | trust | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=check)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout with a committed, a changed, an untracked and an ignored file, and one that is gone."""
    folder = tmp_path / "source"
    folder.mkdir()
    _git("init", "--quiet", cwd=folder)
    for name, text in {"kept": "1", "changed": "1", "gone": "1", ".gitignore": "ignored\n"}.items():
        (folder / name).write_text(text)
    _git("add", ".", cwd=folder)
    _git("commit", "--quiet", "--message", "x", cwd=folder)
    (folder / "changed").write_text("2")
    (folder / "gone").unlink()
    (folder / "untracked").write_text("1")
    (folder / "ignored").write_text("1")
    return folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    certificate = Authority(tmp_path / "certificates").issue("git")
    started: list[GitServer] = []

    def start(folder: Path) -> GitServer:
        server = GitServer(folder, tmp_path / f"git-{len(started)}", certificate)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def _clone(server: GitServer, into: Path, *words: str) -> dict[str, str]:
    _git("clone", "--quiet", *words, server.url, str(into), cwd=into.parent, authority=server.certificate.authority)
    return {file.name: file.read_text() for file in into.iterdir() if file.is_file()}


def test_a_clone_holds_the_working_tree(source: Path, serve: Serve, tmp_path: Path) -> None:
    """A clone has changed and untracked files as they are on disk, and neither ignored nor deleted ones."""
    files = _clone(serve(source), tmp_path / "clone")
    assert files == {"kept": "1", "changed": "2", "untracked": "1", ".gitignore": "ignored\n"}


def test_the_checkout_is_not_written_to(source: Path, serve: Serve) -> None:
    """Serving leaves the checkout's own index, branches and objects as they were."""
    before = _git("status", "--porcelain", cwd=source).stdout, sorted((source / ".git").rglob("*"))
    serve(source)
    assert (_git("status", "--porcelain", cwd=source).stdout, sorted((source / ".git").rglob("*"))) == before


def test_refresh_commits_only_a_change(source: Path, serve: Serve, tmp_path: Path) -> None:
    """The commit stays while the tree does, and a change is a commit on top that a fetch finds."""
    server = serve(source)
    first = server.refresh()
    assert server.refresh() == first
    (source / "untracked").write_text("2")
    (source / "kept").unlink()
    second = server.refresh()
    files = _clone(server, tmp_path / "clone")
    assert files["untracked"] == "2"
    assert "kept" not in files
    assert _git("rev-parse", "HEAD", "HEAD^", cwd=tmp_path / "clone").stdout.split() == [second, first]


def test_further_revisions_name_the_same_commit(source: Path, serve: Serve, tmp_path: Path) -> None:
    """A revision that the program names is served like the branch itself."""
    server = serve(source)
    commit = server.refresh(["HEAD", "release"])
    _clone(server, tmp_path / "clone", "--branch", "release", "--depth", "1")
    assert _git("rev-parse", "HEAD", cwd=tmp_path / "clone").stdout.strip() == commit


def test_the_same_tree_gives_the_same_commit(source: Path, serve: Serve) -> None:
    """Two servers of one tree agree on the commit, whenever they start."""
    assert serve(source).refresh() == serve(source).refresh()


def test_a_checkout_without_commits_is_served(serve: Serve, tmp_path: Path) -> None:
    """A repository just made is served with the files that lie in it."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    _git("init", "--quiet", cwd=folder)
    (folder / "file").write_text("1")
    assert _clone(serve(folder), tmp_path / "clone") == {"file": "1"}


def test_a_shallow_checkout_is_served(source: Path, serve: Serve, tmp_path: Path) -> None:
    """A shallow clone, as CI makes it, is served like any checkout."""
    _git("clone", "--quiet", "--depth", "1", f"file://{source}", str(tmp_path / "shallow"), cwd=tmp_path)
    assert _clone(serve(tmp_path / "shallow"), tmp_path / "clone")["gone"] == "1"


def test_a_folder_outside_git_is_served(serve: Serve, tmp_path: Path) -> None:
    """An unpacked archive is served, less what its .gitignore names, and follows what is deleted."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for name, text in {"file": "1", "other": "1", "ignored": "1", ".gitignore": "ignored\n"}.items():
        (folder / name).write_text(text)
    server = serve(folder)
    (folder / "other").unlink()
    server.refresh()
    assert sorted(_clone(server, tmp_path / "clone")) == [".gitignore", "file"]


def test_links_and_modes_are_kept(source: Path, serve: Serve, tmp_path: Path) -> None:
    """A link to a folder stays a link, and an executable file stays one."""
    (source / "folder").mkdir()
    (source / "folder" / "file").write_text("1")
    (source / "link").symlink_to("folder")
    (source / "kept").chmod(0o755)
    _clone(serve(source), tmp_path / "clone")
    assert (tmp_path / "clone" / "link").readlink() == Path("folder")
    assert os.access(tmp_path / "clone" / "kept", os.X_OK)


def test_a_push_is_refused(source: Path, serve: Serve, tmp_path: Path) -> None:
    """Nobody can write to the served repository."""
    server = serve(source)
    _clone(server, tmp_path / "clone")
    words = ("push", "--quiet", "origin", "HEAD:other")
    pushed = _git(*words, cwd=tmp_path / "clone", authority=server.certificate.authority, check=False)
    assert pushed.returncode != 0
    assert "403" in pushed.stderr


def test_a_client_that_does_not_trust_the_authority_is_refused(source: Path, serve: Serve, tmp_path: Path) -> None:
    """Without the sandbox's authority a client gets no connection, and the server serves on."""
    server = serve(source)
    assert _git("ls-remote", server.url, cwd=tmp_path, check=False).returncode != 0
    assert _git("ls-remote", server.url, cwd=tmp_path, authority=server.certificate.authority).stdout
