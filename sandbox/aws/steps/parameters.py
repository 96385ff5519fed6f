"""Steps of the parameter store."""

from __future__ import annotations

from typing import Any

from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError, Properties

__all__ = ["put_parameter", "read_parameter", "rewrite_parameter"]


def put_parameter(session: Session, scope: Scope) -> dict[str, Any]:
    """Make a parameter; over one that is there only when the program says so."""
    tags = None if scope["overwrite"] else scope["tagList"]
    return session.call("put_parameter", **_params(scope), Overwrite=bool(scope["overwrite"]), Tags=tags or None)


def rewrite_parameter(session: Session, scope: Scope) -> None:
    """Write the next version of a parameter."""
    session.call("put_parameter", **_params(scope), Overwrite=True)


def read_parameter(session: Session, scope: Scope) -> Properties:
    """Return a parameter under the names of the provider's properties."""
    found = session.call("get_parameter", Name=scope["id"], WithDecryption=True)["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [scope["id"]]}]
    described = session.call("describe_parameters", ParameterFilters=filters)["Parameters"][0]
    tags = session.call("list_tags_for_resource", ResourceType="Parameter", ResourceId=scope["id"])
    plain = found["Type"] != "SecureString"
    return {
        "allowedPattern": described.get("AllowedPattern"),
        "arn": found["ARN"],
        "dataType": found["DataType"],
        "description": described.get("Description"),
        "insecureValue": found["Value"] if plain else None,
        "keyId": described.get("KeyId"),
        "name": found["Name"],
        "tier": described.get("Tier") or "Standard",
        "type": found["Type"],
        "value": found["Value"],
        "version": found["Version"],
        "Tags": tags["TagList"],
    }


def _params(scope: Scope) -> dict[str, Any]:
    values = [scope[name] for name in ("value", "insecureValue") if scope[name] is not None]
    if len(values) != 1:
        raise HostError("one of `insecure_value,value,value_wo` must be specified")
    return {
        "Name": scope["name"],
        "Value": values[0],
        "Type": scope["type"],
        "Description": scope["description"],
        "KeyId": scope["keyId"] if scope["type"] == "SecureString" else None,
        "AllowedPattern": scope["allowedPattern"],
        "DataType": scope["dataType"],
        "Tier": scope["tier"],
    }
