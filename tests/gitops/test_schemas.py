"""Every object of the tree is what the API server knows, down to the last key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import versions
from tests.gitops.tree import Object, Tool, Tree, edit

# The kinds that come with a CRD: where `make setup` put it.
_CRDS = {
    ("argoproj.io/v1alpha1", "AppProject"): ("argocd-crds", "appproject-crd.yaml"),
    ("argoproj.io/v1alpha1", "Application"): ("argocd-crds", "application-crd.yaml"),
    ("karpenter.k8s.aws/v1", "EC2NodeClass"): ("karpenter-crds", "karpenter.k8s.aws_ec2nodeclasses.yaml"),
    ("karpenter.sh/v1", "NodePool"): ("karpenter-crds", "karpenter.sh_nodepools.yaml"),
}
Check = Callable[[Object], list[str]]


def _closed(schema: Any) -> Any:
    """Refuse unknown keys where the API server would drop them without a word."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed and isinstance(closed["properties"], dict):
        closed.setdefault("additionalProperties", False)
    if closed.pop("x-kubernetes-int-or-string", False):
        closed["type"] = ["integer", "string"]
    return closed


def _crd_schema(text: str, version: str) -> dict[str, Any]:
    crd = yaml.safe_load(text)
    (schema,) = [row["schema"]["openAPIV3Schema"] for row in crd["spec"]["versions"] if row["name"] == version]
    closed: dict[str, Any] = _closed(schema)
    # The API server knows metadata by itself; a CRD says no more than that it is an object.
    closed["properties"]["metadata"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "namespace": {"type": "string"},
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "finalizers": {"type": "array", "items": {"type": "string"}},
        },
    }
    return closed


@pytest.fixture(scope="session")
def check(tool: Tool) -> Check:
    """Return what is wrong with an object."""
    schemas: dict[tuple[str, str], jsonschema.Draft7Validator] = {}

    def validator(key: tuple[str, str]) -> jsonschema.Draft7Validator:
        if key not in schemas:
            folder, file = _CRDS[key]
            text = (tool(folder) / file).read_text(encoding="utf-8")
            schemas[key] = jsonschema.Draft7Validator(_crd_schema(text, key[0].partition("/")[2]))
        return schemas[key]

    def faults(thing: Object) -> list[str]:
        key = (thing["apiVersion"], thing["kind"])
        if key in _CRDS:
            return [f"{error.json_path}: {error.message}" for error in validator(key).iter_errors(thing)]
        try:
            kubernetes_validate.validate(thing, versions.KUBERNETES, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            return [error.message]
        return []

    return faults


def test_every_object_is_valid(tree: Tree, check: Check) -> None:
    """No object has a key, a type or a kind that its API does not know."""
    assert [(thing["kind"], thing["metadata"]["name"], check(thing)) for thing in tree.ours() if check(thing)] == []


def test_schemas_are_of_the_platforms_kubernetes() -> None:
    """The schemas know the very Kubernetes version that the platform runs, not the next older one."""
    assert (
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Namespace"}, versions.KUBERNETES)
        == versions.KUBERNETES
    )


_POOL, _CLASS, _APP = "NodePool/general", "EC2NodeClass/default", "Application/karpenter"


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        (_APP, ["spec", "syncPolicyy"], {}),
        (_APP, ["spec", "syncPolicy", "retry", "backoff", "maxduration"], "1m"),
        (_APP, ["spec", "source", "targetRevision"], 1.14),
        (_APP, ["spec", "project"], None),
        (_APP, ["spec", "source", "helm", "skipCRDs"], True),
        (_APP, ["metadata", "finalizer"], []),
        ("AppProject/platform", ["spec", "sourceRepositories"], []),
        ("AppProject/platform", ["spec", "clusterResourceWhitelist", 0, "kinds"], ["Namespace"]),
        (_POOL, ["spec", "disruption", "consolidationPolicy"], "WhenUnderutilized"),
        (_POOL, ["spec", "disruption", "consolidateAfter"], None),
        (_POOL, ["spec", "disruption", "expireAfter"], "720h"),
        (_POOL, ["spec", "template", "spec", "kubelet"], {"maxPods": 110}),
        (_POOL, ["spec", "template", "spec", "nodeClassRef", "apiVersion"], "karpenter.k8s.aws/v1"),
        (_POOL, ["spec", "template", "spec", "nodeClassRef", "group"], None),
        (_POOL, ["spec", "template", "spec", "requirements", 0, "operator"], "Equals"),
        (_POOL, ["spec", "ttlSecondsAfterEmpty"], 30),
        (_POOL, ["spec", "disruption", "budgets", 0, "nodes"], "200%"),
        (_POOL, ["apiVersion"], "karpenter.sh/v1beta1"),
        (_CLASS, ["spec", "amiSelectorTerms"], None),
        (_CLASS, ["spec", "metadataOptions", "httpTokens"], "must"),
        (_CLASS, ["spec", "blockDeviceMappings", 0, "ebs", "volumeSize"], "50GB"),
        (_CLASS, ["spec", "blockDeviceMappings", 0, "ebs", "encryption"], True),
        (_CLASS, ["spec", "kubelet", "imageGCHighThresholdPercent"], 185),
        ("Namespace/workloads", ["metadata", "label"], {}),
        ("NetworkPolicy/default-deny", ["spec", "podSelectors"], {}),
        ("NetworkPolicy/allow-dns", ["spec", "egress", 0, "ports", 0, "protocoll"], "UDP"),
        ("ResourceQuota/workloads", ["spec", "hards"], {}),
        ("LimitRange/defaults", ["spec", "limits"], None),
        ("ServiceAccount/default", ["automountServiceAccountToken"], "no"),
    ],
)
def test_wrong_key_or_type_is_noticed(tree: Tree, check: Check, name: str, path: list[str | int], value: Any) -> None:
    """A misspelt key, a wrong type, a missing key or an old API each make an object invalid."""
    broken = copy.deepcopy(tree)
    edit(name, *path, to=value)(broken)
    if path == ["apiVersion"]:
        assert (value, name.partition("/")[0]) not in _CRDS
    assert check(broken.get(name))


def _maps(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for value in schema.values():
            yield from _maps(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _maps(item)


@pytest.mark.parametrize("key", _CRDS)
def test_crd_schemas_are_closed(tool: Tool, key: tuple[str, str]) -> None:
    """No level of a CRD's schema that lists its keys lets another one through."""
    folder, file = _CRDS[key]
    schema = _crd_schema((tool(folder) / file).read_text(encoding="utf-8"), key[0].partition("/")[2])
    listed = [level for level in _maps(schema) if isinstance(level.get("properties"), dict)]
    assert len(listed) > 3
    assert all("additionalProperties" in level for level in listed), json.dumps(listed)[:200]
