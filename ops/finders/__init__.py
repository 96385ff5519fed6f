"""By resource type: how to find in AWS what a pending create may have made. A type more is a row more.

Expressions are JMESPath (https://jmespath.org). Those that look for a resource read the pending resource's inputs, and
`account`, `partition` and `region` beside them; what is found is called `it`. `crc32` is a function of our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from ops.finders.cluster import CLUSTER
from ops.finders.edge import EDGE
from ops.finders.identity import IDENTITY
from ops.finders.machines import MACHINES
from ops.finders.messaging import MESSAGING
from ops.finders.network import NETWORK
from ops.finders.observability import OBSERVABILITY
from ops.finders.row import Call, Finder, Repeatable
from ops.finders.storage import STORAGE

__all__ = ["ROWS", "Call", "Finder", "Repeatable", "row_of"]

# A name that ends in a colon stands for all types that begin with it.
OTHERS: dict[str, Finder | Repeatable] = {
    "kubernetes:": Repeatable("server-side apply takes over what is there"),
    "kubernetes:helm.sh/v3:Release": Repeatable(
        "Helm takes over the objects of a release of the same name",
        "if `up` ends with 'cannot re-use a name that is still in use', remove Helm's record of the broken install:"
        " kubectl -n {namespace} delete secret -l owner=helm,name={name}",
    ),
    "pulumi:providers:": Repeatable("a provider is made anew by every run"),
}

ROWS: Mapping[str, Finder | Repeatable] = {
    **NETWORK,
    **IDENTITY,
    **CLUSTER,
    **MESSAGING,
    **STORAGE,
    **EDGE,
    **OBSERVABILITY,
    **MACHINES,
    **OTHERS,
}


def row_of(type_: str) -> Finder | Repeatable | None:
    """Return the row of a type: its own, or that of all types with its beginning."""
    families = (row for name, row in ROWS.items() if name.endswith(":") and type_.startswith(name))
    return ROWS.get(type_) or next(families, None)
