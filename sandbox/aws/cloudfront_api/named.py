"""What CloudFront keeps under names: origin access controls and response headers policies."""

from __future__ import annotations

import secrets
import string
from typing import Any

from moto.cloudfront.exceptions import CloudFrontException
from moto.core.utils import utcnow

__all__ = ["Record", "changed", "existing", "matched", "named", "new_id", "refusal", "removed"]

Record = dict[str, Any]


def refusal(code: str, message: str) -> CloudFrontException:
    """Return a refusal in CloudFront's wording."""
    return CloudFrontException(code, message)


def new_id() -> str:
    """Return an id, or a version (`ETag`)."""
    return "E" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13))


def matched(record: Record, params: Record) -> None:
    """Refuse a change that does not speak of the thing's present version."""
    if not params.get("IfMatch"):
        raise refusal("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if params["IfMatch"] != record["ETag"]:
        raise refusal("PreconditionFailed", "The request failed because it didn't meet the preconditions.")


def named(store: dict[str, Record], params: Record, kind: str) -> Record:
    """Keep a new thing whose name nothing else of its kind has."""
    config = params[f"{kind}Config"]
    _unused(store, config["Name"], kind, "")
    unique = new_id() if kind == "OriginAccessControl" else _uuid()
    store[unique] = {"Id": unique, "ETag": new_id(), "Config": config, "LastModifiedTime": utcnow()}
    return store[unique]


def _uuid() -> str:
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _unused(store: dict[str, Record], name: str, kind: str, unique: str) -> None:
    if any(one["Config"]["Name"] == name and one["Id"] != unique for one in store.values()):
        raise refusal(f"{kind}AlreadyExists", f"There is one with the name {name} in your AWS account.")


def existing(store: dict[str, Record], unique: str, kind: str) -> Record:
    """Return what has the id."""
    if unique not in store:
        raise refusal(f"NoSuch{kind}", "The specified resource does not exist.")
    return store[unique]


def changed(store: dict[str, Record], params: Record, kind: str) -> Record:
    """Replace a thing's configuration."""
    record = existing(store, params["Id"], kind)
    matched(record, params)
    _unused(store, params[f"{kind}Config"]["Name"], kind, record["Id"])
    record |= {"Config": params[f"{kind}Config"], "ETag": new_id(), "LastModifiedTime": utcnow()}
    return record


def removed(store: dict[str, Record], params: Record, kind: str, used: set[Any]) -> Record:
    """Delete what is not among the used ones."""
    record = existing(store, params["Id"], kind)
    matched(record, params)
    if record["Id"] in used:
        raise refusal(f"{kind}InUse", "It is in use by one or more distributions.")
    del store[record["Id"]]
    return {}
