"""Steps of WAF."""

from __future__ import annotations

from typing import Any

from sandbox.aws.session import ACCOUNT, PARTITION, Scope, Session

__all__ = ["delete_acl", "read_acl", "update_acl"]


def read_acl(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a web ACL with its tags."""
    answer = session.call("get_web_acl", **_address(scope))
    place = "global" if scope["scope"] == "CLOUDFRONT" else "regional"
    arn = f"arn:{PARTITION}:wafv2:{session.region}:{ACCOUNT}:{place}/webacl/{scope['name']}/{scope['id']}"
    tags = session.call("list_tags_for_resource", ResourceARN=arn)["TagInfoForResource"]["TagList"]
    found = {**answer["WebACL"], "LockToken": answer["LockToken"], "Scope": scope["scope"], "Tags": tags}
    # Left out and empty are one; moto answers with all members.
    return {name: value for name, value in found.items() if value not in (None, "", [])} | {"Tags": tags}


def update_acl(session: Session, scope: Scope) -> None:
    """Write the web ACL anew."""
    token = session.call("get_web_acl", **_address(scope))["LockToken"]
    params = session.params("update_web_acl *", scope)
    session.call("update_web_acl", **{"Rules": [], **params, "Id": scope["id"], "LockToken": token})


def delete_acl(session: Session, scope: Scope) -> None:
    """Delete the web ACL."""
    token = session.call("get_web_acl", **_address(scope))["LockToken"]
    session.call("delete_web_acl", **_address(scope), LockToken=token)


def _address(scope: Scope) -> dict[str, Any]:
    return {"Name": scope["name"], "Id": scope["id"], "Scope": scope["scope"]}
