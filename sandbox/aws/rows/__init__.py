"""All rows, by type token. A row more: see README.md beside this package."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.row import Row
from sandbox.aws.rows import (
    alarms,
    backups,
    balancers,
    billing,
    buckets,
    cluster,
    edge,
    functions,
    identity,
    login,
    machines,
    messaging,
    network,
    observability,
    parameters,
    secrets,
    security,
    storage,
)

__all__ = ["ROWS"]

ROWS: Mapping[str, Row] = {
    row.token: row
    for row in (
        *network.ROWS,
        *security.ROWS,
        *identity.ROWS,
        *cluster.ROWS,
        *messaging.ROWS,
        *observability.ROWS,
        *alarms.ROWS,
        *billing.ROWS,
        *functions.ROWS,
        *login.ROWS,
        *buckets.ROWS,
        *storage.ROWS,
        *backups.ROWS,
        *secrets.ROWS,
        *edge.ROWS,
        *machines.ROWS,
        *balancers.ROWS,
        *parameters.ROWS,
    )
}
