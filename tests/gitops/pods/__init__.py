"""What of the tree bears pods, namespace by namespace, and flaws to put into single objects."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ops.gitops import sources
from ops.gitops.objects import Object
from tests.gitops.tree import CHECKOUT, Tool, Tree

# A variant, `eks` or `self-managed`, and a namespace.
Space = tuple[str, str]
# Objects of one namespace, in which all names of objects are found that pods refer to.
Objects = Sequence[Object]
Rule = Callable[[Objects], Iterable[str]]
Spaces = Mapping[Space, list[Object]]

# Where kinds keep the template of their pods.
_TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
_ENDING: Final = frozenset({"CronJob", "Job"})
_UNITS: Final = {"": 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True, slots=True)
class Workload:
    """An object that bears pods.

    Attributes:
        thing: The object.
        template: Of its pods.
    """

    thing: Object
    template: Object

    def __str__(self) -> str:
        metadata = self.thing["metadata"]
        return f"{self.thing['kind']} {metadata.get('namespace')}/{metadata['name']}"

    @property
    def pod(self) -> Object:
        """The spec of its pods."""
        spec: Object = self.template["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its pods."""
        labels: Mapping[str, str] = self.template["metadata"].get("labels", {})
        return labels

    @property
    def containers(self) -> list[Object]:
        """All containers, those that run before the others included."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def ends(self) -> bool:
        """Whether its pods are to end by themselves."""
        return self.thing["kind"] in _ENDING


def workloads(objects: Objects) -> Iterator[Workload]:
    """Yield what bears pods; custom resources of operators, who write the pods, are not among it."""
    for thing in objects:
        if thing["kind"] == "Pod":
            yield Workload(thing, thing)
        elif thing["kind"] in _TEMPLATES and "spec" in thing:
            template = thing
            for step in _TEMPLATES[thing["kind"]]:
                template = template[step]
            yield Workload(thing, template)


def of_kind(objects: Objects, kind: str) -> list[Object]:
    """Return the objects of a kind."""
    return [thing for thing in objects if thing["kind"] == kind]


def amount(quantity: object) -> float:
    """Return a quantity of Kubernetes as a number: of cores, of bytes, of pods."""
    found = re.fullmatch(r"([\d.]+)(\D*)", str(quantity))
    if found is None:
        raise ValueError(f"{quantity} is no quantity")
    return float(found[1]) * _UNITS[found[2]]


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector chooses something with these labels; an empty one chooses all."""
    for key, value in (selector or {}).get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    return all(_fits(each, labels) for each in (selector or {}).get("matchExpressions", []))


def _fits(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(expression["operator"])


def kustomized(tool: Tool, path: str, options: Mapping[str, Any] | None = None) -> list[Object]:
    """Build a kustomization of the checkout, with an Application's options or as it lies there."""
    with sources.Scratch(CHECKOUT) as scratch:
        return sources.kustomize(tool, CHECKOUT, path, options or {}, scratch)


def spaces(*, eks: Tree, self_managed: Tree) -> Spaces:
    """Sort what is rendered from this repository by variant and namespace; "" has what lies in none."""
    found: dict[Space, list[Object]] = {}
    for variant, tree in (("eks", eks), ("self-managed", self_managed)):
        for thing in tree.ours():
            found.setdefault((variant, thing["metadata"].get("namespace", "")), []).append(thing)
    return found


@dataclass(frozen=True, slots=True)
class Flaw:
    """A change for the worse of one object.

    Attributes:
        space: Variant and namespace.
        thing: Kind and name of the object, such as `Service/bubblepool-service`.
        path: Where in it; a number is an index. Without one all of the object goes.
        to: What stands there then; `None` takes it out.
    """

    space: Space
    thing: str
    path: tuple[str | int, ...]
    to: Any = None

    def __str__(self) -> str:
        return f"{self.thing}:{'.'.join(map(str, self.path[-2:]))}"

    def into(self, spaces: Spaces) -> list[Object]:
        """Return a copy of the namespace's objects with the flaw."""
        objects = copy.deepcopy(spaces[self.space])
        kind, _, name = self.thing.partition("/")
        (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        if not self.path:
            objects.remove(found)
            return objects
        at: Any = found
        for step in self.path[:-1]:
            at = at[step] if isinstance(step, int) else at.setdefault(step, {})
        if self.to is None:
            del at[self.path[-1]]
        else:
            at[self.path[-1]] = self.to
        return objects


def cases(flaws: Mapping[Rule, Sequence[Flaw]]) -> list[tuple[Rule, Flaw]]:
    """Return each rule with each of its flaws."""
    return [(rule, flaw) for rule, each in flaws.items() for flaw in each]


def case_names(flaws: Mapping[Rule, Sequence[Flaw]]) -> list[str]:
    """Name what `cases` returns: the same names in every run."""
    return [
        f"{getattr(rule, '__name__', '')}-{number}-{flaw}"
        for rule, each in flaws.items()
        for number, flaw in enumerate(each)
    ]
