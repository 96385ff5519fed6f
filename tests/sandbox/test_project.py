"""The project folder: copies with overrides, and a checkout that stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sandbox.project import Project, ProjectError

STACK = {"config": {"demo:gitops": {"repository": "https://git.example.com/x.git", "revision": "v1"}, "demo:size": 3}}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(STACK))
    (folder / "pyproject.toml").write_text(
        '[tool.sandbox]\nrevision = "demo:gitops.revision"\n[tool.sandbox.config]\n"demo:gitops.repository" = "{git}"\n'
    )
    return folder


def read(path: Path) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(path.read_text())
    return loaded


def test_copies_run_the_checkouts_program_with_the_sandboxs_endpoints(checkout: Path, tmp_path: Path) -> None:
    """The program is the checkout's; only the values named in pyproject.toml differ."""
    Project(checkout, tmp_path / "copy", {"git": "https://127.0.0.1:1/tree.git"}).prepare()
    assert read(tmp_path / "copy/Pulumi.yaml")["main"] == str(checkout)
    config = read(tmp_path / "copy/Pulumi.dev.yaml")["config"]
    assert config == {
        "demo:gitops": {"repository": "https://127.0.0.1:1/tree.git", "revision": "v1"},
        "demo:size": 3,
    }
    assert read(checkout / "Pulumi.dev.yaml") == STACK


def test_a_zone_that_was_there_before_stands_where_a_stack_names_one(checkout: Path, tmp_path: Path) -> None:
    """One zone per domain, for all stacks and keys; a stack that names none gets none."""
    text = '[tool.sandbox.config]\n"demo:edge.zone" = "{zone:example.com}"\n"demo:other.zone" = "{zone:example.com}"\n'
    (checkout / "pyproject.toml").write_text(text)
    named = {"config": {"demo:edge": {"zone": "Z0", "domain": "a.example.com"}, "demo:other": {"zone": "Z0"}}}
    (checkout / "Pulumi.prod.yaml").write_text(yaml.safe_dump(named))
    made: list[str] = []

    def add_zone(domain: str) -> str:
        made.append(domain)
        return "Z1"

    Project(checkout, tmp_path / "copy", {}, add_zone).prepare()
    assert made == ["example.com"]
    assert read(tmp_path / "copy/Pulumi.dev.yaml") == STACK
    assert read(tmp_path / "copy/Pulumi.prod.yaml")["config"] == {
        "demo:edge": {"zone": "Z1", "domain": "a.example.com"},
        "demo:other": {"zone": "Z1"},
    }


def test_a_self_managed_stack_gets_an_image_that_aws_has(checkout: Path, tmp_path: Path) -> None:
    """The id of the image stands where a stack names one, and nowhere else."""
    (checkout / "pyproject.toml").write_text('[tool.sandbox.config]\n"demo:machines.image" = "{ami:ubuntu-24.04}"\n')
    text = yaml.safe_dump({"config": {"demo:machines": {"image": "ami-0123456789abcdef0"}}})
    (checkout / "Pulumi.dev.yaml").write_text(text)
    Project(checkout, tmp_path / "copy", {}, None, {"ubuntu-24.04": "ami-1"}.__getitem__).prepare()
    copy = yaml.safe_load((tmp_path / "copy" / "Pulumi.dev.yaml").read_text())
    assert copy["config"] == {"demo:machines": {"image": "ami-1"}}
    with pytest.raises(ProjectError, match=r"asks for ami ubuntu-24\.04"):
        Project(checkout, tmp_path / "other", {})


def test_a_zone_without_an_aws_is_refused(checkout: Path, tmp_path: Path) -> None:
    """Silence would leave the placeholder's text in the configuration."""
    (checkout / "pyproject.toml").write_text('[tool.sandbox.config]\n"demo:edge.zone" = "{zone:example.com}"\n')
    with pytest.raises(ProjectError, match=r"asks for zone example\.com"):
        Project(checkout, tmp_path / "copy", {})


def test_what_the_engine_wrote_into_a_copy_is_kept(checkout: Path, tmp_path: Path) -> None:
    """The encryption salt outlives a new copy, or the state could not be read any more."""
    project = Project(checkout, tmp_path / "copy", {"git": "x"})
    project.prepare()
    copy = tmp_path / "copy/Pulumi.dev.yaml"
    copy.write_text(copy.read_text() + "encryptionsalt: v1:salt\n")
    project.prepare()
    assert read(copy)["encryptionsalt"] == "v1:salt"


def test_revisions_are_those_that_the_stacks_ask_for(checkout: Path, tmp_path: Path) -> None:
    """The git server has to serve the tree under each of them."""
    assert Project(checkout, tmp_path / "copy", {"git": "x"}).revisions() == {"v1"}


def test_folder_that_is_no_project_is_refused_by_name(tmp_path: Path) -> None:
    """Started elsewhere, the sandbox says which file it misses."""
    (tmp_path / "pyproject.toml").write_text("")
    with pytest.raises(ProjectError, match=r"Pulumi\.yaml is not there"):
        Project(tmp_path, tmp_path / "copy", {}).prepare()


def test_protection_comes_off_in_the_copy_only(checkout: Path, tmp_path: Path) -> None:
    """The values are those that pyproject.toml names; the stack's others and the checkout's file stay."""
    with (checkout / "pyproject.toml").open("a") as settings:
        settings.write('[tool.sandbox.unprotect]\n"demo:policy.decommission" = true\n')
    project = Project(checkout, tmp_path / "copy", {"git": "x"})
    project.prepare()
    before = read(tmp_path / "copy/Pulumi.dev.yaml")["config"]
    assert isinstance(before, dict)
    assert project.unprotect("dev") == {"demo:policy.decommission": True}
    assert read(tmp_path / "copy/Pulumi.dev.yaml")["config"] == before | {"demo:policy": {"decommission": True}}
    assert read(checkout / "Pulumi.dev.yaml") == STACK


def test_without_such_values_nothing_is_written(checkout: Path, tmp_path: Path) -> None:
    """The story says that there are none."""
    project = Project(checkout, tmp_path / "copy", {"git": "x"})
    project.prepare()
    before = read(tmp_path / "copy/Pulumi.dev.yaml")
    assert project.unprotect("dev") == {}
    assert read(tmp_path / "copy/Pulumi.dev.yaml") == before


def test_reasons_and_limits_are_the_checkouts(checkout: Path, tmp_path: Path) -> None:
    """A stack without limits has none."""
    with (checkout / "pyproject.toml").open("a") as settings:
        settings.write('[tool.sandbox.reasons]\n"a -> b" = "why"\n[tool.sandbox.limits.dev]\n"a::name" = 5\n')
    project = Project(checkout, tmp_path / "copy", {"git": "x"})
    assert project.reasons == {"a -> b": "why"}
    assert (project.limits("dev"), project.limits("prod")) == ({"a::name": 5}, {})
