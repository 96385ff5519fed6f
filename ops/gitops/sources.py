"""One source of an Application, rendered with the commands of Argo CD's repository server.

They are those of https://github.com/argoproj/argo-cd/blob/v3.5.1/reposerver/repository/repository.go, util/helm and
util/kustomize. What of a source is not known here is refused, so that nothing is shown that Argo CD would not apply.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import yaml

from ops.errors import OpsError
from ops.gitops.objects import Object, as_yaml, parse
from ops.gitops.running import Tool, run

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_TYPES: Final = ("helm", "kustomize", "directory", "plugin")
_HELM: Final = frozenset(
    {
        *("releaseName", "valuesObject", "values", "valueFiles", "ignoreMissingValueFiles", "parameters", "skipCrds"),
        *("skipTests", "skipSchemaValidation", "namespace", "kubeVersion", "apiVersions"),
    }
)
_KUSTOMIZE: Final = frozenset(
    {
        *(
            "namePrefix",
            "nameSuffix",
            "images",
            "replicas",
            "commonLabels",
            "forceCommonLabels",
            "labelWithoutSelector",
        ),
        *("labelIncludeTemplates", "commonAnnotations", "forceCommonAnnotations", "namespace", "patches", "components"),
    }
)
_DIRECTORY: Final = frozenset({"recurse", "include", "exclude"})


def helm(
    tool: Tool, chart: Path, options: Mapping[str, Any], application: str, namespace: str, versions: Sequence[str]
) -> list[Object]:
    """Render a chart, packed or as a folder.

    Args:
        tool: Finds programs.
        chart: The chart.
        options: `helm` of the source.
        application: Gives the release its name unless the options do.
        namespace: Of the destination.
        versions: The cluster's minor version, and further API versions that it serves.

    Raises:
        OpsError: Helm refuses the chart or its values, or the options have what is not known here.
    """
    _known(options, _HELM, "helm")
    kubernetes, *apis = versions
    kubernetes, apis = options.get("kubeVersion") or kubernetes, options.get("apiVersions") or apis
    # The chart stands before the options, as Argo CD has it, and the values come last of the files.
    arguments = ["template", str(chart), "--name-template", options.get("releaseName") or application]
    arguments += ["--namespace", options.get("namespace") or namespace]
    arguments += ["--kube-version", kubernetes] if kubernetes else []
    for parameter in options.get("parameters", []):
        _literal(parameter["value"])
        how = "--set-string" if parameter.get("forceString") else "--set"
        arguments += [how, f"{parameter['name']}={_escaped(parameter['value'])}"]
    for file in _value_files(chart, options):
        arguments += ["--values", str(file)]
    values = options.get("valuesObject")
    text = options.get("values", "") if values is None else json.dumps(values)
    arguments += ["--values", "-"] if text else []
    arguments += [word for api in apis for word in ("--api-versions", api)]
    for key, flag in (("skipSchemaValidation", "--skip-schema-validation"), ("skipTests", "--skip-tests")):
        arguments += [flag] if options.get(key) else []
    arguments += [] if options.get("skipCrds") else ["--include-crds"]
    return parse(run(tool("helm"), *arguments, given=text), f"chart {chart.name}")


class Scratch:
    """Copies of kustomizations that may be changed, beside what they refer to; gone once it is left.

    Args:
        folder: The checkout, which stays as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = tempfile.TemporaryDirectory(prefix="platform-gitops-")
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def lend(self, path: str) -> Path:
        """Return a fresh copy of a folder below the checkout, in which relative paths lead where they did."""
        root, part = Path(self._temporary.name).resolve(), Path(path).parts[0]
        with self._lock:
            # Overlays refer to what lies beside them: all of the part of the repository that they are in comes along.
            if not (root / part).is_dir():
                shutil.copytree(self._folder / part, root / part, symlinks=True)
            self._count += 1
            copy = (root / path).with_name(f"{Path(path).name}.{self._count}")
        shutil.copytree(self._folder / path, copy, symlinks=True)
        return copy


def kustomize(tool: Tool, folder: Path, path: str, options: Mapping[str, Any], scratch: Scratch) -> list[Object]:
    """Build a kustomization, changed as Argo CD changes it: by `kustomize edit` in the path itself.

    Args:
        tool: Finds programs.
        folder: The checkout.
        path: Of the kustomization below it.
        options: `kustomize` of the source.
        scratch: Where it is changed.

    Raises:
        OpsError: kustomize refuses, or the options have what is not known here.
    """
    _known(options, _KUSTOMIZE, "kustomize")
    if not any(options.values()):
        return parse(run(tool("kustomize"), "build", str(folder / path)), path)
    copy = scratch.lend(path)
    for edit in _edits(options):
        run(tool("kustomize"), "edit", *edit, folder=copy)
    _patch(copy, options.get("patches") or [])
    return parse(run(tool("kustomize"), "build", str(copy)), path)


def _edits(options: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the words after `kustomize edit`, in Argo CD's order."""
    for key in ("namePrefix", "nameSuffix"):
        if options.get(key):
            yield ["set", key.lower(), "--", options[key]]
    if options.get("images"):
        yield ["set", "image", *map(_literal, options["images"])]
    if options.get("replicas"):
        yield ["set", "replicas", *(f"{row['name']}={row['count']}" for row in options["replicas"])]
    if options.get("commonLabels"):
        flags = {
            "--force": "forceCommonLabels",
            "--without-selector": "labelWithoutSelector",
            "--include-templates": "labelIncludeTemplates",
        }
        chosen = [flag for flag, key in flags.items() if options.get(key)]
        yield ["add", "label", *chosen, *_pairs(options["commonLabels"])]
    if options.get("commonAnnotations"):
        chosen = ["--force"] if options.get("forceCommonAnnotations") else []
        yield ["add", "annotation", *chosen, *_pairs(options["commonAnnotations"])]
    if options.get("namespace"):
        yield ["set", "namespace", "--", options["namespace"]]
    if options.get("components"):
        yield ["add", "component", *options["components"]]


def _pairs(words: Mapping[str, str]) -> list[str]:
    return [f"{name}:{_literal(value)}" for name, value in sorted(words.items())]


def _patch(folder: Path, patches: Sequence[Mapping[str, Any]]) -> None:
    if patches:
        file = next(folder / name for name in KUSTOMIZATIONS if (folder / name).is_file())
        kustomization = yaml.safe_load(file.read_text(encoding="utf-8"))
        kustomization["patches"] = [*kustomization.get("patches", []), *patches]
        file.write_text(as_yaml(kustomization), encoding="utf-8")


def directory(folder: Path, options: Mapping[str, Any]) -> list[Object]:
    """Read a folder of YAML and JSON.

    Raises:
        OpsError: A file is neither, or there is Jsonnet, which is not known here.
    """
    _known(options, _DIRECTORY, "directory")
    found: list[Object] = []
    for file in _files(folder) if options.get("recurse") else sorted(folder.iterdir()):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or file.suffix not in (".yaml", ".yml", ".json", ".jsonnet"):
            continue
        if _matches(name, options.get("exclude")) or not _matches(name, options.get("include") or "*"):
            continue
        if file.suffix == ".jsonnet":
            raise OpsError(f"{file.name}: Jsonnet is not rendered here")
        found += parse(file.read_text(encoding="utf-8"), file.name)
    return found


def _files(folder: Path) -> Iterable[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _matches(name: str, pattern: str | None) -> bool:
    if not pattern:
        return False
    words = pattern[1:-1].split(",") if pattern.startswith("{") and pattern.endswith("}") else [pattern]
    return any(fnmatch.fnmatch(name, word.strip()) for word in words)


def kind_of(folder: Path, source: Mapping[str, Any]) -> str:
    """Return what a path is taken for: what the source says, else what lies there.

    Raises:
        OpsError: The source says two things at once, or names a plugin.
    """
    said = [name for name in _TYPES if source.get(name)]
    if len(said) > 1:
        raise OpsError(f"a source is one of {' and '.join(said)}, not both")
    if said:
        if said == ["plugin"]:
            raise OpsError("plugins are not rendered here")
        return said[0]
    if (folder / "Chart.yaml").is_file():
        return "helm"
    return "kustomize" if any((folder / name).is_file() for name in KUSTOMIZATIONS) else "directory"


def _value_files(chart: Path, options: Mapping[str, Any]) -> Iterator[Path]:
    for name in options.get("valueFiles", []):
        if name.startswith("$") or "://" in name or any(sign in name for sign in "*?["):
            raise OpsError(f"value file {name}: only plain paths are read here")
        file = chart / name
        if file.is_file():
            yield file
        elif not options.get("ignoreMissingValueFiles"):
            raise OpsError(f"value file {name} does not exist")


def _escaped(value: str) -> str:
    """Return a value as Argo CD gives it to `--set`: a comma would begin the next one."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return value.replace("\\,", ",").replace(",", "\\,")


def _literal(text: str) -> str:
    if "$ARGOCD_" in text or "${ARGOCD_" in text:
        raise OpsError(f"{text}: Argo CD's build environment is not known here")
    return text


def _known(options: Mapping[str, Any], known: frozenset[str], kind: str) -> None:
    if unknown := sorted(options.keys() - known):
        raise OpsError(f"{kind}.{unknown[0]} of a source is not rendered here")
