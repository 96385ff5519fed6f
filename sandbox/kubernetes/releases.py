"""`kubernetes:helm.sh/v3:Release`: a Helm release, installed by the real Helm from the chart mirror."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from sandbox.kubernetes.api import Api
from sandbox.kubernetes.helm import Helm, HelmError, InstalledRelease, installed
from sandbox.protocol import DiffResult, HostError, Properties, has_unknown

TOKEN: Final = "kubernetes:helm.sh/v3:Release"
_TIMEOUT_SECONDS: Final = 300
# Switches of the resource and Helm's own for them.
_SWITCHES: Final = {
    "atomic": "--rollback-on-failure",
    "cleanupOnFail": "--cleanup-on-fail",
    "createNamespace": "--create-namespace",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "forceUpdate": "--force-replace",
    "renderSubchartNotes": "--render-subchart-notes",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
    "waitForJobs": "--wait-for-jobs",
}
# Those that rendering alone knows as well.
_RENDER: Final = ("devel", "disableOpenapiValidation", "disableWebhooks", "skipCrds")
_OTHERS: Final = {
    "allowNullValues",
    "chart",
    "compat",
    "description",
    "maxHistory",
    "name",
    "namespace",
    "repositoryOpts",
    "resourceNames",
    "skipAwait",
    "timeout",
    "values",
    "version",
}


class ReleaseListener(Protocol):
    """Told of each release that came, changed or went."""

    def release_installed(self, release: InstalledRelease) -> None:
        """A release has been installed or upgraded."""

    def release_uninstalled(self, namespace: str, name: str) -> None:
        """A release has been uninstalled."""


class Repository(Protocol):
    """Where charts come from."""

    @property
    def url(self) -> str:
        """URL of the Helm repository."""


class Releases:
    """Installs, upgrades and removes releases.

    Args:
        helm: The real Helm.
        repository: The only repository that is served here.
        listeners: Told of each release that came or went.
    """

    def __init__(self, helm: Helm, repository: Repository, listeners: tuple[ReleaseListener, ...]) -> None:
        self._helm = helm
        self._repository = repository
        self._listeners = listeners
        # An engine that was killed and started again may ask while Helm still works on its first request.
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._rendered: set[str] = set()

    def check(self, urn: str, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with name and namespace in."""
        unknown = sorted(news.keys() - _SWITCHES.keys() - _OTHERS)
        if unknown:
            raise HostError(
                f"Release inputs not emulated: {', '.join(unknown)}; add them to sandbox/kubernetes/releases.py"
            )
        options = news.get("repositoryOpts") or {}
        unknown = [] if has_unknown(options) else sorted(options.keys() - {"repo"})
        if unknown:
            raise HostError(
                f"repositoryOpts not emulated: {', '.join(unknown)}; add them to sandbox/kubernetes/releases.py"
            )
        name = f"{urn.rpartition('::')[2].lower()}-{hashlib.sha256(seed + urn.encode()).hexdigest()[:8]}"
        return {"name": name, "namespace": "default", **news}

    def diff(self, olds: Properties, news: Properties) -> DiffResult:
        """Compare inputs; another name or namespace is another release."""
        changed = tuple(sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name)))
        replace = tuple(name for name in changed if name in ("name", "namespace"))
        return DiffResult(changed=changed, replace=replace)

    def preview(self, inputs: Properties) -> Properties:
        """Render the chart, so that an unknown chart, version or values key fails here, once all values are known."""
        if has_unknown(inputs):
            return inputs
        self._served(inputs)
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        if digest not in self._rendered:
            self._run(
                "template", inputs["name"], *self._chart(inputs), *_switches(inputs, _RENDER), values=_values(inputs)
            )
            self._rendered.add(digest)
        return inputs

    def apply(self, api: Api, kubeconfig: str, inputs: Properties, active: Callable[[], bool]) -> Properties:
        """Install or upgrade, wait as asked for, and return the outputs."""
        self._served(inputs)
        namespace, name = str(inputs["namespace"]), str(inputs["name"])
        words = [
            "upgrade",
            "--install",
            name,
            *self._chart(inputs),
            *_switches(inputs, _SWITCHES),
            *_options(inputs),
            f"--kubeconfig={kubeconfig}",
        ]
        with self._locks[f"{namespace}/{name}"]:
            self._run(*words, values=_values(inputs), active=active)
            release = installed(api, namespace, name)
            if release is None:
                raise HostError(f"Helm left no release {namespace}/{name}")
            for listener in self._listeners:
                listener.release_installed(release)
        return inputs | _status(release)

    def read(self, api: Api, rid: str, inputs: Properties) -> tuple[str, Properties, Properties]:
        """Return (id, inputs, outputs) as they are now; an empty id when the release is gone."""
        namespace, _, name = rid.rpartition("/")
        release = installed(api, namespace or "default", name)
        if release is None:
            return "", {}, {}
        seen: Properties = {**inputs, "name": name, "namespace": release.namespace}
        seen.setdefault("chart", release.chart)
        if "version" in inputs or not inputs:
            seen["version"] = release.version
        if dict(release.values) != _values(inputs):
            seen["values"] = dict(release.values)
        return rid, seen, seen | _status(release)

    def delete(self, kubeconfig: str, rid: str, state: Properties, active: Callable[[], bool]) -> None:
        """Uninstall and wait until its objects are gone."""
        namespace, _, name = rid.rpartition("/")
        timeout = f"--timeout={state.get('timeout') or _TIMEOUT_SECONDS}s"
        with self._locks[rid]:
            self._run(
                "uninstall",
                name,
                f"--namespace={namespace}",
                "--ignore-not-found",
                "--wait",
                timeout,
                f"--kubeconfig={kubeconfig}",
                active=active,
            )
            for listener in self._listeners:
                listener.release_uninstalled(namespace, name)

    def _served(self, inputs: Properties) -> None:
        wanted = str((inputs.get("repositoryOpts") or {}).get("repo") or inputs["chart"])
        if wanted.rstrip("/") != self._repository.url:
            raise HostError(f"repository {wanted} is not served here; the mirror is {self._repository.url}")

    def _chart(self, inputs: Properties) -> list[str]:
        version = [f"--version={inputs['version']}"] if inputs.get("version") else []
        return [str(inputs["chart"]), f"--repo={self._repository.url}", *version, f"--namespace={inputs['namespace']}"]

    def _run(
        self, *words: str, values: Mapping[str, Any] | None = None, active: Callable[[], bool] = lambda: True
    ) -> None:
        try:
            self._helm.run(*words, values=values, active=active)
        except HelmError as error:
            raise HostError(f"helm {words[0]}: {error if active() else 'cancelled'}") from error


def _switches(inputs: Properties, names: Mapping[str, str] | tuple[str, ...]) -> list[str]:
    return [_SWITCHES[name] for name in names if inputs.get(name)]


def _options(inputs: Properties) -> list[str]:
    words = [f"--timeout={inputs.get('timeout') or _TIMEOUT_SECONDS}s"]
    if not inputs.get("skipAwait"):
        words.append("--wait")
    if inputs.get("maxHistory"):
        words.append(f"--history-max={inputs['maxHistory']}")
    if inputs.get("description"):
        words.append(f"--description={inputs['description']}")
    return words


def _values(inputs: Properties) -> dict[str, Any]:
    values = inputs.get("values") or {}
    return dict(values if inputs.get("allowNullValues") else _without_nulls(values))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _status(release: InstalledRelease) -> Properties:
    return {
        "resourceNames": {},
        "status": {
            "name": release.name,
            "namespace": release.namespace,
            "revision": release.revision,
            "status": release.status,
            "chart": release.chart,
            "version": release.version,
            "appVersion": release.app_version,
        },
    }
