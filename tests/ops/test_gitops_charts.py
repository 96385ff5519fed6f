"""Charts of others: pulled once, from repositories that may not answer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.gitops.charts import MissingChartError, Pulled, asks_for_apis, from_folder
from ops.gitops.running import tool
from tests.ops.demo_tree import pack


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Helm repository on loopback that has one chart."""
    pack(tmp_path / "served")
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", tmp_path / "served", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().split('port ')[1].split()[0]}"
        subprocess.run([tool("helm"), "repo", "index", tmp_path / "served", "--url", url], check=True)
        yield url
        server.kill()


def test_chart_is_pulled_once(repository: str, tmp_path: Path) -> None:
    """What was pulled is kept by repository, chart and version, and is there without the repository."""
    charts = Pulled(tool, tmp_path / "cache")
    package = charts(repository, "other", "1.2.3")
    assert package.read_bytes() == (tmp_path / "served/other-1.2.3.tgz").read_bytes()
    shutil.rmtree(tmp_path / "served")
    assert Pulled(tool, tmp_path / "cache")(repository, "other", "1.2.3") == package
    assert [file.name for file in (tmp_path / "cache").rglob("*") if file.is_file()] == ["other-1.2.3.tgz"]


@pytest.mark.parametrize(("name", "version"), [("other", "9.9.9"), ("another", "1.2.3")], ids=["version", "chart"])
def test_chart_that_the_repository_does_not_have_is_an_error(
    repository: str, tmp_path: Path, name: str, version: str
) -> None:
    """A repository that answers has the last word."""
    with pytest.raises(OpsError, match=f"has no chart {name} of version {version}") as refusal:
        Pulled(tool, tmp_path / "cache")(repository, name, version)
    assert not isinstance(refusal.value, MissingChartError)


@pytest.mark.parametrize("silent", ["https://127.0.0.1:1", "127.0.0.1:1/charts"], ids=["repository", "registry"])
def test_repository_that_does_not_answer_is_asked_once(tmp_path: Path, silent: str) -> None:
    """Its charts are missing, and a second one costs no second wait."""
    runs: list[float] = []

    def counted(name: str) -> Path:
        runs.append(time.monotonic())
        return tool(name)

    charts, said = Pulled(counted, tmp_path / "cache"), r"127\.0\.0\.1:1.* does not answer: .*connection refused"
    for name in ("one", "two"):
        with pytest.raises(MissingChartError, match=said) as missing:
            charts(silent, name, "1.0.0")
        assert "\n" not in str(missing.value)
    assert len(runs) == 1


def test_charts_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    """Whichever repository they are of; one that is not there is missing."""
    package = pack(tmp_path)
    charts = from_folder(tmp_path)
    assert charts("https://charts.example.com", "other", "1.2.3") == package
    with pytest.raises(MissingChartError, match=r"has no other-1\.2\.4\.tgz"):
        charts("https://charts.example.com", "other", "1.2.4")


def test_chart_that_asks_for_kinds_is_known(tmp_path: Path) -> None:
    """Packed or not, only templates that ask the cluster are rendered a second time."""
    asks = "# {{ .Capabilities.APIVersions }}\n"
    assert not asks_for_apis(pack(tmp_path))
    assert asks_for_apis(pack(tmp_path, "2.0.0", asks))
    (tmp_path / "other/templates/deep").mkdir(parents=True)
    assert not asks_for_apis(tmp_path / "other")
    (tmp_path / "other/templates/deep/a.yaml").write_text(asks, encoding="utf-8")
    assert asks_for_apis(tmp_path / "other")
