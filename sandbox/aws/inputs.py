"""Checking inputs: known, mapped, with defaults and automatic names, and right by botocore and by AWS's rules."""

from __future__ import annotations

import secrets

from sandbox.aws.lifecycle import Lifecycle
from sandbox.aws.refusals import Case, refuse
from sandbox.protocol import HostError, Properties

__all__ = ["check_inputs"]

HEX_DIGITS = 7


def check_inputs(life: Lifecycle, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
    """Return the inputs with defaults and names filled in.

    Raises:
        HostError: An input is unknown, has no mapping, or would be refused.
    """
    token = life.row.token
    given = {name: value for name, value in news.items() if value is not None and not name.startswith("__")}
    if unknown := sorted(given.keys() - life.schema.inputs.keys()):
        raise HostError(f"{token} has no input {', '.join(unknown)}")
    if missing := sorted({*life.schema.required} - given.keys()):
        raise HostError(f"missing required input {', '.join(missing)} of {token}")
    if unmapped := life.unmapped(given):
        raise HostError(
            f"{token}: input {', '.join(unmapped)} has no mapping; give it one in the type's row (sandbox/aws/rows)"
        )
    inputs = {**{name: value for name, value in life.row.defaults.items() if name not in given}, **given}
    defaults = sorted(inputs.keys() - given.keys())
    auto = life.row.auto
    if auto and auto.input not in given:
        inputs[auto.input] = _automatic(life, urn, olds, given, seed)
        defaults.append(auto.input)
    inputs.pop(f"{auto.input}Prefix" if auto else "", None)
    if problems := life.problems(inputs):
        raise HostError("Parameter validation failed: " + "; ".join(problems))
    refuse(token, "check", Case(life.session, inputs))
    _check_tags(inputs)
    # The bridge keeps such a list too: it tells an automatic name from a chosen one.
    return {**inputs, "__defaults": defaults}


def _automatic(life: Lifecycle, urn: str, olds: Properties, given: Properties, seed: bytes) -> str:
    auto = life.row.auto
    assert auto is not None
    prefix = given.get(f"{auto.input}Prefix")
    if auto.input in olds.get("__defaults", []) and str(olds[auto.input]).startswith(str(prefix or "")):
        return str(olds[auto.input])
    digits = (seed.hex() or secrets.token_hex(HEX_DIGITS))[:HEX_DIGITS]
    if isinstance(prefix, str):
        return f"{prefix}{digits}"[: auto.limit]
    logical = urn.rpartition("::")[2]
    room = auto.limit - len(auto.prefix) - HEX_DIGITS - 1
    return f"{auto.prefix}{logical[:room]}-{digits}"


def _check_tags(inputs: Properties) -> None:
    tags = inputs.get("tags")
    if not isinstance(tags, dict):
        return
    if len(tags) > 50:
        raise HostError("An error occurred (TagLimitExceeded): more than 50 tags")
    for name, text in tags.items():
        if name.startswith("aws:"):
            raise HostError(
                "An error occurred (InvalidParameterValue): "
                f"tag keys starting with 'aws:' are reserved for internal use: {name}"
            )
        if not 0 < len(name) <= 128 or (isinstance(text, str) and len(text) > 256):
            raise HostError(
                f"An error occurred (InvalidParameterValue): tag {name} is too long (key 128, value 256 characters)"
            )
