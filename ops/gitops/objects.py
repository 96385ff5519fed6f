"""Kubernetes objects as Argo CD takes them out of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import yaml

from ops.errors import OpsError

Object = dict[str, Any]
# The C parser, where there is one, takes a tenth of the time.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ARGO: Final = "argoproj.io"
_WAVE: Final = "argocd.argoproj.io/sync-wave"
_HOOK: Final = "argocd.argoproj.io/hook"
_HELM_HOOK: Final = "helm.sh/hook"
# Those of Helm's hooks that Argo CD runs, and a mark that it takes for no hook at all; it leaves out objects that have
# other ones only (gitops-engine/pkg/sync/hook of Argo CD 3.5).
_KNOWN_HOOKS: Final = frozenset({"pre-install", "pre-upgrade", "post-upgrade", "post-install", "crd-install"})
# Kinds that lie in no namespace: Kubernetes' own, as `kubectl api-resources --namespaced=false` of 1.36 has them, and
# those of operators whose CRDs may come from a chart that could not be had.
_CLUSTER_SCOPED: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("ComponentStatus", "Namespace", "Node", "PersistentVolume"),
    "admissionregistration.k8s.io": (
        *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration"),
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apiregistration.k8s.io": ("APIService",),
    "certificates.k8s.io": ("CertificateSigningRequest", "ClusterTrustBundle"),
    "flowcontrol.apiserver.k8s.io": ("FlowSchema", "PriorityLevelConfiguration"),
    "networking.k8s.io": ("IngressClass", "IPAddress", "ServiceCIDR"),
    "node.k8s.io": ("RuntimeClass",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding"),
    "resource.k8s.io": ("DeviceClass", "ResourceSlice"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"),
    _ARGO: ("ClusterAnalysisTemplate",),
    "elbv2.k8s.aws": ("IngressClassParams",),
    "external-secrets.io": ("ClusterExternalSecret", "ClusterPushSecret", "ClusterSecretStore"),
    "generators.external-secrets.io": ("ClusterGenerator",),
    "karpenter.k8s.aws": ("EC2NodeClass",),
    "karpenter.sh": ("NodeClaim", "NodeOverlay", "NodePool"),
    "postgresql.cnpg.io": ("ClusterImageCatalog",),
}
_KNOWN_SCOPES: Final = {(group, kind): True for group, kinds in _CLUSTER_SCOPED.items() for kind in kinds}
# The emitter in C, where there is one: CRDs are large.
_BLOCKS: Final[Any] = type("_Blocks", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {})
_BLOCKS.ignore_aliases = lambda *_: True
_BLOCKS.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


class Key(NamedTuple):
    """What makes an object this one and no other."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it as people write it: kind, group, namespace and name."""
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return "/".join(part for part in (kind, self.namespace, self.name) if part)


def key(thing: Mapping[str, Any]) -> Key:
    """Return an object's key; the version is no part of it."""
    metadata = thing.get("metadata") or {}
    name = metadata.get("name") or metadata.get("generateName", "")
    return Key(group(thing), str(thing.get("kind", "")), metadata.get("namespace") or "", str(name))


def group(thing: Mapping[str, Any]) -> str:
    """Return an object's API group, "" for the core one."""
    return str(thing.get("apiVersion", "")).rpartition("/")[0]


def wave(thing: Mapping[str, Any]) -> int:
    """Return an object's sync wave; one without, or with nonsense for one, is in wave 0."""
    text = ((thing.get("metadata") or {}).get("annotations") or {}).get(_WAVE, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def is_application(thing: Mapping[str, Any]) -> bool:
    """Return whether it is an Argo CD Application."""
    return (group(thing), thing.get("kind")) == (_ARGO, "Application")


def is_application_set(thing: Mapping[str, Any]) -> bool:
    """Return whether it is an Argo CD ApplicationSet."""
    return (group(thing), thing.get("kind")) == (_ARGO, "ApplicationSet")


def parse(text: str, where: str) -> list[Object]:
    """Return the objects of a YAML stream, less what Argo CD leaves out; lists are taken apart.

    Raises:
        OpsError: It is no YAML, or something in it is no object.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise OpsError(f"{where}: {' '.join(str(error).split())}") from error
    found: list[Object] = []
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise OpsError(f"{where}: has a document that is no Kubernetes object")
        # As Argo CD does: what ends in List and has items is not an object itself.
        whole = document["kind"].endswith("List") and "items" in document
        found += document["items"] or [] if whole else [document]
    return [thing for thing in found if not _left_out(thing)]


def scopes(things: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return which kinds, by group and kind, lie in no namespace: those known, and what CRDs among the objects say."""
    found = dict(_KNOWN_SCOPES)
    for crd in crds(things):
        found[crd["spec"]["group"], crd["spec"]["names"]["kind"]] = crd["spec"].get("scope") == "Cluster"
    return found


def api_versions(things: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what charts may ask for by `.Capabilities.APIVersions` once the CRDs among the objects are there."""
    served = set()
    for crd in crds(things):
        for version in crd["spec"].get("versions", []):
            if version.get("served", True):
                name = f"{crd['spec']['group']}/{version['name']}"
                served |= {name, f"{name}/{crd['spec']['names']['kind']}"}
    return sorted(served)


def crds(things: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the CustomResourceDefinitions that are there whole."""
    for thing in things:
        if thing.get("kind") == "CustomResourceDefinition" and isinstance(thing.get("spec"), dict):
            yield thing


def placed(things: Iterable[Object], namespace: str, cluster_scoped: Mapping[tuple[str, str], bool]) -> list[Object]:
    """Return the objects with the namespace they come to: their own, else that of the destination, or none at all."""
    return [_placed(thing, namespace, cluster_scoped) for thing in things]


def _placed(thing: Object, namespace: str, cluster_scoped: Mapping[tuple[str, str], bool]) -> Object:
    metadata = dict(thing.get("metadata") or {})
    if cluster_scoped.get((group(thing), thing["kind"]), False):
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = namespace
    return {**thing, "metadata": metadata}


def as_yaml(thing: Any) -> str:
    """Return YAML of a plain value: keys in the order they come, texts of several lines as blocks."""
    return yaml.dump(thing, Dumper=_BLOCKS, sort_keys=False, width=120, allow_unicode=True)


def _left_out(thing: Mapping[str, Any]) -> bool:
    annotations = (thing.get("metadata") or {}).get("annotations") or {}
    hooks = {word.strip() for word in str(annotations.get(_HELM_HOOK, "")).split(",")} - {""}
    return bool(hooks) and not hooks & _KNOWN_HOOKS and _HOOK not in annotations
