"""Steps of Cognito."""

from __future__ import annotations

from sandbox.aws.codec import encode
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError

__all__ = ["add_attributes"]


def add_attributes(session: Session, scope: Scope) -> None:
    """Add attributes to a user pool; those that are there neither change nor go."""
    old, new = scope.olds.get("schemas") or [], scope["schemas"] or []
    if any(not any(same(one, other) for other in new) for one in old):
        raise HostError(f"updating Cognito User Pool ({scope['id']}): cannot modify or remove schema items")
    added = [one for one in new if not any(same(one, other) for other in old)]
    shape = session.caller.shape(session.service, session.region, "add_custom_attributes").members["CustomAttributes"]
    session.call("add_custom_attributes", UserPoolId=scope["id"], CustomAttributes=encode(added, shape, "schemas"))
