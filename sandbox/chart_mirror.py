"""A Helm repository on loopback, with stand-ins for third-party charts.

Each folder beside this module's `charts/standin` holds the data of one chart; see charts/README.md.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.certificates import ServerCertificate
from sandbox.crds import definitions
from sandbox.tls_server import TlsServer

CHARTS: Final = Path(__file__).parent / "charts"
_SHARED: Final = "standin"
_TIME: Final = "2000-01-01T00:00:00Z"
_METADATA: Final = ("name", "version", "appVersion", "description")
# What the templates read of a chart's data, apart from the values.
_STEERING: Final = ("token", "workloads", "secret", "namespace", "nameLength")
# In place of a value key, for CRDs that stay in any case.
_ALWAYS: Final = "always"
# Kept out of the way of JSON's own braces: replaced by what Helm fills in.
_ANNOTATIONS: Final = "standin-annotations"


class ChartError(Exception):
    """A chart's data does not fit together."""


class ChartMirror:
    """Serves stand-in charts over HTTPS.

    Args:
        folder: Gets the packed charts.
        certificate: The server's certificate; clients must trust its authority.
        crds: Folder with the CRD files of a set, by set (`argocd`, `karpenter`).
        charts: Folder with the charts' data.
    """

    def __init__(
        self, folder: Path, certificate: ServerCertificate, crds: Mapping[str, Path], charts: Path = CHARTS
    ) -> None:
        self._folder = folder
        self._charts = charts
        self._crds = crds
        self._server = TlsServer(type("Handler", (_Handler,), {"folder": folder}), certificate)
        self.certificate = certificate

    @property
    def url(self) -> str:
        """URL of the repository."""
        return self._server.url

    def start(self) -> None:
        """Pack the charts and serve them."""
        entries: dict[str, list[dict[str, Any]]] = {}
        for metadata, package in write_packages(self._folder, self._crds, self._charts):
            entry = {
                "urls": [f"{self.url}/{package.name}"],
                "digest": hashlib.sha256(package.read_bytes()).hexdigest(),
                "created": _TIME,
            }
            entries.setdefault(metadata["name"], []).append(metadata | entry)
        index = {"apiVersion": "v1", "entries": entries, "generated": _TIME}
        (self._folder / "index.yaml").write_text(yaml.safe_dump(index), encoding="utf-8")
        self._server.start()

    def stop(self) -> None:
        """Stop to serve. Idempotent."""
        self._server.stop()


def write_packages(folder: Path, crds: Mapping[str, Path], charts: Path = CHARTS) -> list[tuple[dict[str, Any], Path]]:
    """Write every stand-in as `<name>-<version>.tgz` and return each one's metadata and package.

    Args:
        folder: Gets the packages; is made.
        crds: Folder with the CRD files of a set, by set.
        charts: Folder with the charts' data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for data in sorted(charts.glob("*/chart.yaml")):
        metadata, content = pack(data.parent, charts / _SHARED, crds)
        package = folder / f"{metadata['name']}-{metadata['version']}.tgz"
        package.write_bytes(content)
        written.append((metadata, package))
    return written


def pack(data: Path, shared: Path, crds: Mapping[str, Path]) -> tuple[dict[str, Any], bytes]:
    """Return a chart's metadata and its package.

    Args:
        data: Folder of the chart's data.
        shared: Folder of the templates that all stand-ins have.
        crds: Folder with the CRD files of a set, by set.
    """
    chart = yaml.safe_load((data / "chart.yaml").read_text(encoding="utf-8"))
    keys = json.loads((data / "keys.json").read_text(encoding="utf-8"))
    metadata = {"apiVersion": "v2", "type": "application"} | {name: chart[name] for name in _METADATA}
    standin = {"workloads": [], "secret": []} | {name: chart[name] for name in _STEERING if name in chart}
    files = {
        "Chart.yaml": yaml.safe_dump(metadata),
        "values.yaml": yaml.safe_dump(chart.get("defaults", {})),
        "values.schema.json": json.dumps(schema(keys["keys"], keys["open"], keys["required"])),
        "standin.json": json.dumps(standin),
    }
    for folder in (shared, data / "templates"):
        templates = [file for file in sorted(folder.glob("*")) if file.is_file()]
        files |= {f"templates/{file.name}": file.read_text(encoding="utf-8") for file in templates}
    if "crds" in chart:
        files |= _crd_files(chart["crds"], chart["name"], crds)
    for row in chart.get("kinds", []):
        place = "crds" if row["place"] == "directory" else "templates"
        files[f"{place}/crd-{row['plural']}.yaml"] = json.dumps(_minimal_crd(row))
    return metadata, _tar(chart["name"], files)


def schema(keys: Iterable[str], open_maps: Iterable[str], required: Iterable[str]) -> dict[str, Any]:
    """Return a JSON schema that refuses every key but those known; below an open map every key is free.

    Types are not checked: the known ones are those of the defaults, which say little.
    """
    root: dict[str, Any] = {"additionalProperties": False}
    for path in [*keys, *open_maps]:
        _node(root, path)
    for path in open_maps:
        _node(root, path)["additionalProperties"] = True
    for path in required:
        parts = _parts(path)
        for depth, part in enumerate(parts):
            parent = _node(root, _join(parts[:depth])) if depth else root
            parent["required"] = sorted({*parent.get("required", []), part})
        _node(root, path).update(type="string", minLength=1)
    # Helm gives every chart a `global`.
    root.setdefault("properties", {}).setdefault("global", {})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", **root}


def _node(root: dict[str, Any], path: str) -> dict[str, Any]:
    for part in _parts(path):
        root = root.setdefault("properties", {}).setdefault(part, {"additionalProperties": False})
    return root


def _parts(path: str) -> list[str]:
    # A dot inside a key is written `\.`.
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]


def _join(parts: Iterable[str]) -> str:
    return ".".join(part.replace(".", "\\.") for part in parts)


def _minimal_crd(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CRD that takes everything, for a kind whose real one is not to be had here."""
    group, kind, plural = row["group"], row["kind"], row["plural"]
    version = {
        "name": row["version"],
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "scope": row.get("scope", "Cluster"),
            "versions": [version],
        },
    }


def _crd_files(rule: Mapping[str, str], chart: str, crds: Mapping[str, Path]) -> dict[str, str]:
    if rule["from"] not in crds:
        raise ChartError(f"chart {chart} wants the CRDs {rule['from']!r}: add their folder to the mirror's `crds`")
    files: dict[str, str] = {}
    for name, crd in definitions(crds[rule["from"]]).items():
        if rule["place"] == "directory":
            files[f"crds/{name}"] = json.dumps(crd)
        else:
            files[f"templates/crd-{name}"] = _crd_template(crd, rule)
    if not files:
        raise ChartError(f"{crds[rule['from']]} holds no CRD")
    return files


def _crd_template(crd: dict[str, Any], rule: Mapping[str, str]) -> str:
    own = crd["metadata"].get("annotations") or {}
    crd["metadata"]["annotations"] = _ANNOTATIONS
    text = json.dumps(crd).replace("{{", '{{ "{{" }}')
    annotations = "merge (dict)"
    if "annotations" in rule:
        annotations += f" (.Values.{rule['annotations']} | default dict)"
    annotations += f" ({json.dumps(json.dumps(own))} | fromJson)"
    if "keep" in rule:
        kept = "true" if rule["keep"] == _ALWAYS else f".Values.{rule['keep']}"
        annotations += f' (ternary (dict "helm.sh/resource-policy" "keep") (dict) {kept})'
    text = text.replace(f'"{_ANNOTATIONS}"', f"{{{{ {annotations} | toJson }}}}")
    return f"{{{{- if .Values.{rule['install']} }}}}\n{text}\n{{{{- end }}}}\n" if "install" in rule else text


def _tar(name: str, files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    # Without a time in it, the same data give the same package.
    return gzip.compress(buffer.getvalue(), compresslevel=6, mtime=0)


class _Handler(BaseHTTPRequestHandler):
    """Serves the files of one flat folder."""

    protocol_version = "HTTP/1.1"
    folder = Path()

    def do_GET(self) -> None:
        file = self.folder / Path(self.path.partition("?")[0]).name
        found = file.is_file()
        content = file.read_bytes() if found else b"no such chart\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent: a client reports its own failures."""
