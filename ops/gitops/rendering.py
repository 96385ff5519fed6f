"""Everything that the root Application brings, as Argo CD would apply it: Application by Application.

An object is shown as Argo CD's repository server renders it and as its controller places it. Left away is only the
annotation `argocd.argoproj.io/tracking-id`, which every object of an Application gets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ops.errors import OpsError
from ops.gitops import sources
from ops.gitops.charts import Charts, MissingChartError, asks_for_apis
from ops.gitops.generated import applications as generated
from ops.gitops.objects import (
    Key,
    Object,
    api_versions,
    is_application,
    is_application_set,
    key,
    placed,
    scopes,
    wave,
)
from ops.gitops.running import Tool

# What a cluster with Argo CD serves beside Kubernetes' own kinds, which Helm knows.
_ARGO_CD: Final = ("argoproj.io/v1alpha1", "argoproj.io/v1alpha1/Application", "argoproj.io/v1alpha1/AppProject",
                   "argoproj.io/v1alpha1/ApplicationSet")  # fmt: skip
# Helm and kustomize mostly compute; more of them at once would only share the processors.
_WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One source of an Application.

    Attributes:
        source: As the Application has it.
        objects: What it renders.
        missing: Why it could not be rendered; empty for one that was.
    """

    source: Mapping[str, Any]
    objects: tuple[Object, ...]
    missing: str = ""

    @property
    def name(self) -> str:
        """What the source is, for people."""
        if "chart" in self.source:
            return f"chart {self.source['chart']} {self.source['targetRevision']} of {self.source['repoURL']}"
        return f"{self.source['path']} of {self.source['repoURL']} at {self.source['targetRevision']}"

    @property
    def values(self) -> Any:
        """What the source passes on to a chart."""
        options = self.source.get("helm") or {}
        return options.get("valuesObject", options.get("values"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """An Application and what comes of it.

    Attributes:
        application: As it comes into the cluster.
        wave: In which it comes: its own, or that of the ApplicationSet which makes it.
        parts: Its sources, rendered.
    """

    application: Object
    wave: int
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """The Application's name."""
        return str(self.application["metadata"]["name"])

    @property
    def objects(self) -> list[Object]:
        """What Argo CD applies: of objects that come twice, the last one."""
        return list({key(thing): thing for part in self.parts for thing in part.objects}.values())

    @property
    def twice(self) -> list[Key]:
        """What comes more than once; Argo CD warns of it."""
        keys = [key(thing) for part in self.parts for thing in part.objects]
        return sorted({one for one in keys if keys.count(one) > 1})


def sources_of(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an Application's sources, whether it has one or several."""
    spec = application["spec"]
    return list(spec.get("sources") or ([spec["source"]] if "source" in spec else []))


class Renderer:
    """Renders trees of one checkout, which must not change meanwhile; what is the same is rendered once.

    Args:
        folder: The checkout.
        tool: Finds Helm and kustomize.
        charts: Finds the charts of others.
        kubernetes: The cluster's minor version, such as `1.36`; without it, the one that Helm assumes.
    """

    def __init__(self, folder: Path, tool: Tool, charts: Charts, kubernetes: str = "") -> None:
        self._folder, self._tool, self._charts = folder, tool, charts
        # Clusters have a patch release; that no chart asks for a certain one is why the first will do.
        self._kubernetes = f"{kubernetes}.0" if kubernetes.count(".") == 1 else kubernetes
        self._known: dict[str, tuple[Object, ...]] = {}
        self._scratch: sources.Scratch

    def render(self, root: Object) -> list[Rendered]:
        """Return the root Application and all that it brings, parents before children and by wave.

        Raises:
            OpsError: A source is wrong; the message names the Application.
        """
        repository = sources_of(root)[0]["repoURL"]
        with sources.Scratch(self._folder) as self._scratch, ThreadPoolExecutor(_WORKERS) as pool:
            found = [self._rendered(root, wave(root), repository, _ARGO_CD)]
            generation = found
            while generation:
                children = _children(generation)
                generation = list(
                    pool.map(lambda child: self._rendered(child[0], child[1], repository, _ARGO_CD), children)
                )
                found += generation
                _check_names(found)
            served = api_versions(_all(found))
            apis = [*_ARGO_CD, *(name for name in served if name not in _ARGO_CD)]
            # Once all is there, charts see the kinds of the whole tree.
            if served:
                found = [found[0], *pool.map(lambda one: self._again(one, repository, apis), found[1:])]
        scope = scopes(_all(found))
        return [_settled(one, scope) for one in found]

    def _again(self, rendered: Rendered, repository: str, apis: Sequence[str]) -> Rendered:
        if not any(self._depends(part) for part in rendered.parts):
            return rendered
        return self._rendered(rendered.application, rendered.wave, repository, apis)

    def _depends(self, part: Part) -> bool:
        if part.missing:
            return False
        chart = self._chart(part.source) if "chart" in part.source else self._folder / part.source["path"]
        packed = "chart" in part.source or sources.kind_of(chart, part.source) == "helm"
        return packed and asks_for_apis(chart)

    def _rendered(self, application: Object, comes: int, repository: str, apis: Sequence[str]) -> Rendered:
        parts = []
        for source in sources_of(application):
            try:
                parts.append(Part(source, self._objects(application, source, repository, apis)))
            except MissingChartError as error:
                parts.append(Part(source, (), str(error)))
            except OpsError as error:
                what = source.get("chart") or source.get("path")
                raise OpsError(f"Application {application['metadata']['name']}, {what}: {error}") from error
        return Rendered(application, comes, tuple(parts))

    def _objects(
        self, application: Object, source: Mapping[str, Any], repository: str, apis: Sequence[str]
    ) -> tuple[Object, ...]:
        name, namespace = application["metadata"]["name"], _namespace(application)
        if "ref" in source:
            raise OpsError("sources that others refer to are not rendered here")
        if "chart" not in source and source["repoURL"] != repository:
            raise OpsError(f"{source['repoURL']} is another repository than {repository}")
        identity = json.dumps([source, name, namespace, apis], sort_keys=True)
        if identity not in self._known:
            self._known[identity] = tuple(self._fresh(source, name, namespace, apis))
        return self._known[identity]

    def _fresh(self, source: Mapping[str, Any], name: str, namespace: str, apis: Sequence[str]) -> list[Object]:
        versions = (self._kubernetes, *apis)
        if "chart" in source:
            return sources.helm(self._tool, self._chart(source), source.get("helm") or {}, name, namespace, versions)
        folder = self._folder / source["path"]
        if not folder.is_dir():
            raise OpsError("there is no such folder")
        kind = sources.kind_of(folder, source)
        options = source.get(kind) or {}
        if kind == "helm":
            return sources.helm(self._tool, folder, options, name, namespace, versions)
        if kind == "kustomize":
            return sources.kustomize(self._tool, self._folder, source["path"], options, self._scratch)
        return sources.directory(folder, options)

    def _chart(self, source: Mapping[str, Any]) -> Path:
        return self._charts(source["repoURL"], source["chart"], source["targetRevision"])


def _children(parents: Iterable[Rendered]) -> list[tuple[Object, int]]:
    """Return the Applications among what was rendered, and those of ApplicationSets, each with its wave, by wave."""
    found: list[tuple[Object, int]] = []
    for parent in parents:
        for thing in placed(_all([parent]), _namespace(parent.application), {}):
            made = [thing] if is_application(thing) else generated(thing) if is_application_set(thing) else []
            found += [(one, wave(thing)) for one in made]
    return sorted(found, key=lambda child: (child[1], child[0]["metadata"]["name"]))


def _check_names(rendered: Iterable[Rendered]) -> None:
    # Also what ends an Application that brings itself.
    names = [one.name for one in rendered]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OpsError(f"there are two Applications called {twice[0]}")


def _all(rendered: Iterable[Rendered]) -> list[Object]:
    return [thing for one in rendered for part in one.parts for thing in part.objects]


def _settled(one: Rendered, scope: Mapping[tuple[str, str], bool]) -> Rendered:
    namespace = _namespace(one.application)
    return replace(
        one, parts=tuple(replace(part, objects=tuple(placed(part.objects, namespace, scope))) for part in one.parts)
    )


def _namespace(application: Mapping[str, Any]) -> str:
    return str(application["spec"]["destination"].get("namespace", ""))
