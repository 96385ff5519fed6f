"""All rows, by type token. A row more: see README.md beside this package."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.row import Row
from sandbox.aws.rows import cluster, identity, messaging, network, observability, security

__all__ = ["ROWS"]

ROWS: Mapping[str, Row] = {
    row.token: row
    for row in (*network.ROWS, *security.ROWS, *identity.ROWS, *cluster.ROWS, *messaging.ROWS, *observability.ROWS)
}
