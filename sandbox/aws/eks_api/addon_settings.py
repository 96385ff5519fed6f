"""What add-ons let one set, and what EKS says of settings that they do not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from sandbox.aws.eks_api.refusal import EksError, invalid

__all__ = ["check_settings", "settings_schema"]

# Schema by add-on, each with its source and with what could not be verified. EKS publishes one per version of an
# add-on (`DescribeAddonConfiguration`); one per add-on stands for all.
DATA = Path(__file__).with_name("addon_settings.json")

KINDS = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    type(None): "null",
}


def check_settings(addon: str, text: str) -> None:
    """Refuse settings that are no JSON or YAML object, or that the add-on does not know.

    Raises:
        EksError: EKS would refuse, or the add-on's settings are not known here.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        raise invalid("ConfigurationValue is not in valid JSON or YAML format")
    problems = sorted(line for error in _validator(addon).iter_errors(values) for line in _lines(error))
    if problems:
        raise invalid(
            "ConfigurationValue provided in request is not supported: "
            f"Json schema validation failed with error: [{', '.join(problems)}]"
        )


def settings_schema(addon: str) -> str:
    """Return the schema of an add-on's settings as JSON.

    Raises:
        EksError: The add-on's settings are not known here.
    """
    return json.dumps(_validator(addon).schema)


@cache
def _validator(addon: str) -> Draft7Validator:
    known: Mapping[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    if addon not in known:
        reason = (
            f"the settings of add-on {addon} are not known here: add their schema in sandbox/aws/eks_api/{DATA.name}"
        )
        raise EksError("NotImplementedException", 501, reason)
    return Draft7Validator(known[addon]["schema"])


def _lines(error: ValidationError) -> Iterator[str]:
    """Yield what EKS says of one violation, in the words of its own validator."""
    place = ".".join(["$", *map(str, error.absolute_path)])
    values: Any = error.instance
    rule: Any = error.validator_value
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        for name in sorted(values.keys() - schema["properties"].keys()):
            yield f"{place}.{name}: is not defined in the schema and the schema does not allow additional properties"
    elif error.validator == "required":
        missing = next(name for name in rule if f"'{name}'" in error.message)
        yield f"{place}.{missing}: is missing but it is required"
    elif error.validator == "type":
        names = rule if isinstance(rule, str) else "[" + ", ".join(rule) + "]"
        yield f"{place}: {KINDS[type(values)]} found, {names} expected"
    else:
        yield f"{place}: {error.message}"
