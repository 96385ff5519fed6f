"""Every object of the tree is what the API server knows, down to the last key."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

import versions
from tests.gitops.schemas import TREES, Kind, Schemas, closed, definitions, whole
from tests.gitops.tree import Object, Tree

_MAJOR, _MINOR = versions.KUBERNETES.split(".")
NEXT: Final = f"{_MAJOR}.{int(_MINOR) + 1}"
# Maps whose keys are the user's own, wherever they are.
_FREE: Final = frozenset(
    {
        *("annotations", "data", "evictionSoftGracePeriod", "labels", "limits", "matchLabels", "nodeSelector"),
        *("parameters", "requests", "tags", "valuesObject"),
    }
)


@pytest.fixture(scope="session")
def kinds(trees: dict[str, Tree]) -> list[Object]:
    """Return the CRDs of all operators and those in the tree itself."""
    return definitions(trees.values())


@pytest.fixture(scope="session")
def schemas(kinds: list[Object]) -> Schemas:
    """Return what the platform's Kubernetes and the operators know."""
    return Schemas(kinds, versions.KUBERNETES)


@pytest.mark.parametrize("minor", [versions.KUBERNETES, NEXT])
@pytest.mark.parametrize("name", TREES)
def test_every_object_is_valid(trees: dict[str, Tree], kinds: list[Object], name: str, minor: str) -> None:
    """No object has a key, a type or a kind that its API does not know, now or after the next upgrade."""
    schemas = Schemas(kinds, minor)
    found = [(thing["kind"], thing["metadata"], schemas.faults(thing)) for thing in whole(trees[name])]
    assert [(kind, named["name"], faults) for kind, named, faults in found if faults] == []


def test_unknown_key_is_refused_at_every_depth(trees: dict[str, Tree], schemas: Schemas) -> None:
    """Not one map of one custom resource takes a key that its kind does not have."""
    accepted, tried = [], set()
    for thing in _custom(trees, schemas):
        for path, level in _maps(thing):
            level["unknownKey"] = "x"
            if not schemas.faults(thing):
                accepted.append(f"{thing['kind']}/{thing['metadata']['name']}{path}")
            del level["unknownKey"]
        tried.add((thing["apiVersion"], thing["kind"]))
    assert accepted == []
    assert tried >= _EXPECTED


_EXPECTED: Final[frozenset[Kind]] = frozenset(
    {
        ("argoproj.io/v1alpha1", "AppProject"),
        ("argoproj.io/v1alpha1", "Application"),
        ("argoproj.io/v1alpha1", "ApplicationSet"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("external-secrets.io/v1", "ClusterSecretStore"),
        ("external-secrets.io/v1", "ExternalSecret"),
        ("karpenter.k8s.aws/v1", "EC2NodeClass"),
        ("karpenter.sh/v1", "NodePool"),
        ("monitoring.coreos.com/v1", "PodMonitor"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"),
        ("postgresql.cnpg.io/v1", "Cluster"),
        ("rabbitmq.com/v1beta1", "RabbitmqCluster"),
        ("redis.redis.opstreelabs.in/v1beta2", "Redis"),
    }
)


def _custom(trees: Mapping[str, Tree], schemas: Schemas) -> Iterator[Object]:
    every = (thing for tree in trees.values() for thing in whole(tree))
    custom = (thing for thing in every if (thing["apiVersion"], thing["kind"]) in schemas.custom)
    # Most are the same in all trees.
    yield from (json.loads(text) for text in sorted({json.dumps(thing, sort_keys=True) for thing in custom}))


def _maps(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every map below a value with its path, but for those whose keys are free."""
    if isinstance(value, dict):
        yield path, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(below):
        # Lists of some of these names have keys of their kind's; the generators' elements are the user's.
        if key != "elements" and not (key in _FREE and isinstance(item, dict)):
            yield from _maps(item, f"{path}.{key}")


_POOL, _CLASS, _APP = "NodePool/general", "EC2NodeClass/default", "Application/karpenter"
_BROKEN: Final[tuple[tuple[str, list[str | int], Any], ...]] = (
    (_APP, ["spec", "source", "targetRevision"], 1.14),
    (_APP, ["spec", "project"], None),
    (_APP, ["metadata", "finalizer"], []),
    (_POOL, ["spec", "disruption", "consolidationPolicy"], "WhenUnderutilized"),
    (_POOL, ["spec", "disruption", "consolidateAfter"], None),
    (_POOL, ["spec", "template", "spec", "nodeClassRef", "group"], None),
    (_POOL, ["spec", "template", "spec", "requirements", 0, "operator"], "Equals"),
    (_POOL, ["spec", "disruption", "budgets", 0, "nodes"], "200%"),
    (_POOL, ["apiVersion"], "karpenter.sh/v1beta1"),
    (_CLASS, ["spec", "amiSelectorTerms"], None),
    (_CLASS, ["spec", "metadataOptions", "httpTokens"], "must"),
    (_CLASS, ["spec", "blockDeviceMappings", 0, "ebs", "volumeSize"], "50GB"),
    (_CLASS, ["spec", "kubelet", "imageGCHighThresholdPercent"], 185),
    ("ClusterSecretStore/aws-secrets-manager", ["spec", "provider", "aws", "service"], "SecretManager"),
    ("ClusterSecretStore/aws-secrets-manager", ["apiVersion"], "external-secrets.io/v1beta1"),
    ("Rollout/bubblepool-rollout", ["spec", "strategy", "canary", "steps", 0, "setWeight"], "20%"),
    ("Rollout/bubblepool-rollout", ["spec", "template", "spec", "volumes"], [{"name": "a", "emptyDirs": {}}]),
    ("NetworkPolicy/default-deny", ["spec", "podSelectors"], {}),
    ("ResourceQuota/quota", ["spec", "hards"], {}),
    ("LimitRange/defaults", ["spec", "limits"], None),
    ("ServiceAccount/default", ["automountServiceAccountToken"], "no"),
)


@pytest.mark.parametrize(
    ("name", "path", "value"), _BROKEN, ids=[f"{row[0]}.{'.'.join(map(str, row[1]))}" for row in _BROKEN]
)
def test_wrong_key_or_type_is_noticed(
    tree: Tree, schemas: Schemas, name: str, path: list[str | int], value: Any
) -> None:
    """A misspelt key, a wrong type, a missing key or an old API each make an object invalid."""
    named = (thing for thing in tree.ours() if f"{thing['kind']}/{thing['metadata']['name']}" == name)
    at: Any = (thing := copy.deepcopy(next(named)))
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    assert schemas.faults(thing)


def test_closing_keeps_what_the_api_server_keeps() -> None:
    """Closed are levels that list keys and empty ones; not those that keep unknown fields, and no condition."""
    condition = {"properties": {"a": {}}, "required": ["a"]}
    made = closed(
        {
            "type": "object",
            "required": ["a", "b"],
            "properties": {
                "a": {"type": "object"},
                "b": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "default": {}},
                "c": {"type": "object", "additionalProperties": {"type": "object", "properties": {}}},
                "d": {"type": "array", "items": {"type": "object", "nullable": True}},
            },
            "oneOf": [condition],
        }
    )
    inner = made["properties"]
    assert (made["additionalProperties"], made["required"], made["oneOf"]) == (False, ["a"], [condition])
    assert inner["a"]["additionalProperties"] is False
    assert "additionalProperties" not in inner["b"]
    assert inner["c"]["additionalProperties"]["additionalProperties"] is False
    assert inner["d"]["items"] == {"type": ["object", "null"], "nullable": True, "additionalProperties": False}


def test_an_unknown_kind_is_a_fault(schemas: Schemas) -> None:
    """What neither Kubernetes nor a CRD defines is no valid object, nor is what an older minor had."""
    for api_version, kind in (("example.com/v1", "Widget"), ("policy/v1beta1", "PodDisruptionBudget")):
        assert schemas.faults({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}})
