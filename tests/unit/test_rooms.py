"""The rooms of the house: what may lie where, and who may know whom."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import versions

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bench", "components", "ops", "policies", "rules", "sandbox", "stacks", "tools")
NAMELESS = {"utils", "util", "helpers", "helper", "common", "lib", "misc"}
CONSTANT = re.compile(r'^(?P<above>.*)\n(?P<name>[A-Z0-9_]+): Final = "(?P<value>[^"]+)"$', re.MULTILINE)


def modules(folder: str) -> list[Path]:
    """List the Python files of a folder of the checkout."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imported(file: Path) -> set[str]:
    """Name what a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_every_file_of_tests_is_collected() -> None:
    """A file that pytest does not collect would be a test that never runs."""
    strays = [
        str(path.relative_to(ROOT))
        for path in modules("tests")
        if not (path.name.startswith("test_") or path.name in {"conftest.py", "__init__.py"})
    ]
    assert strays == []


def _without_docstring() -> Iterator[str]:
    for path in modules("tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("test_") and not ast.get_docstring(node):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_every_test_says_what_is_expected() -> None:
    """A test's docstring is the sentence that its failure contradicts."""
    assert list(_without_docstring()) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    """Code lies where its subject is, not in a drawer for everything."""
    named = [path.relative_to(ROOT) for folder in PACKAGES for path in modules(folder)]
    drawers = [str(path) for path in named if NAMELESS & {*path.with_suffix("").parts}]
    assert drawers == []


@pytest.mark.parametrize("file", ["__main__.py", "settings.py"])
def test_files_at_the_root_know_no_component_and_no_sandbox(file: str) -> None:
    """The program goes through its stacks, and the settings through planners and rules."""
    for name in imported(ROOT / file):
        assert not re.fullmatch(r"(sandbox|tools|bench)(\..*)?", name)
        assert not re.fullmatch(r"components\.\w+(\.component(\..*)?)?", name)


def test_only_the_settings_read_the_configuration() -> None:
    """Whatever a stack can be told passes the validation."""
    readers = [
        str(path.relative_to(ROOT))
        for folder in ("components", "stacks", "rules")
        for path in modules(folder)
        if re.search(r"\bpulumi\.Config\(|import Config\b", path.read_text(encoding="utf-8"))
    ]
    assert readers == []


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "go.*"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint_imports(tree: Path) -> str:
    """Run the import contracts over a tree and return what they say."""
    command = (str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache")
    result = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert result.returncode == (0 if "0 broken" in result.stdout else 1)
    return result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("components/__init__.py", "import stacks.eks", "Imports go one way"),
        ("components/__init__.py", "import settings", "Components get arguments"),
        ("sandbox/__init__.py", "import components.eks", "The sandbox knows resource types"),
        ("stacks/__init__.py", "import sandbox.protocol", "The product knows nothing of the sandbox"),
        ("tools/fits.py", "import pulumi", "The set-up runs before anything is installed"),
        ("components/network/plan.py", "import pulumi_aws", "Planners do not import Pulumi"),
    ],
)
def test_each_import_contract_can_be_broken(tree: Path, file: str, line: str, contract: str) -> None:
    """A forbidden import breaks the contract that forbids it."""
    source = tree / file
    kept = source.read_text(encoding="utf-8")
    source.write_text(f"{kept}\n{line}\n", encoding="utf-8")
    try:
        assert re.search(rf"^{contract}.* BROKEN", lint_imports(tree), re.MULTILINE)
    finally:
        source.write_text(kept, encoding="utf-8")


def test_every_version_tells_the_update_bot_its_source() -> None:
    """The bot's pattern matches each constant of versions.py, so that none is forgotten."""
    source = (ROOT / "versions.py").read_text(encoding="utf-8")
    managers = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))["customManagers"]
    patterns = [pattern.replace("(?<", "(?P<") for manager in managers for pattern in manager["matchStrings"]]
    followed = {match["currentValue"] for pattern in patterns for match in re.finditer(pattern, source)}
    constants = {match["name"]: match["value"] for match in CONSTANT.finditer(source)}
    assert constants == {name: getattr(versions, name) for name in dir(versions) if name.isupper()}
    assert set(constants.values()) == followed


def test_versions_that_belong_together_agree() -> None:
    """The tools, the node image and the update bot follow the Kubernetes minor."""
    minor = f"{versions.KUBERNETES}."
    assert versions.KUBERNETES_TOOLS.startswith(minor)
    assert versions.AL2023_NODE_GROUP_RELEASE.startswith(minor)
    assert versions.AL2023_NODE_GROUP_RELEASE.endswith(versions.AL2023_RELEASE.removeprefix("v"))
    assert versions.ADDON_KUBE_PROXY.startswith(f"v{minor}")
    assert f'\\"kubernetesVersion\\":\\"{versions.KUBERNETES}\\"' in (ROOT / "renovate.json").read_text()
