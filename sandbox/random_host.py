"""The provider `random`: values that are drawn once and stay until a keeper changes.

As pulumi_random and the Terraform provider behind it
(https://registry.terraform.io/providers/hashicorp/random/latest/docs).
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping
from typing import ClassVar

from sandbox.made_once_host import Kind, MadeOnceHost
from sandbox.protocol import HostError, Properties

__all__ = ["RandomHost"]

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_CLASSES = {
    "lower": string.ascii_lowercase,
    "numeric": string.digits,
    "special": _SPECIAL,
    "upper": string.ascii_uppercase,
}
_LIMITS = {"minLower": 0, "minNumeric": 0, "minSpecial": 0, "minUpper": 0}
_TEXT_DEFAULTS = {**dict.fromkeys(_CLASSES, True), **_LIMITS}


def _alphabets(inputs: Properties) -> dict[str, str]:
    """Return the characters of each class that is wanted."""
    special = inputs.get("overrideSpecial") or _SPECIAL
    found = {name: special if name == "special" else letters for name, letters in _CLASSES.items()}
    return {name: letters for name, letters in found.items() if inputs.get(name, True)}


def _check_text(inputs: Properties) -> None:
    least = {name: inputs.get(f"min{name[0].upper()}{name[1:]}", 0) for name in _CLASSES}
    if "length" in inputs and inputs["length"] < max(1, sum(least.values())):
        raise HostError("Attribute length must be at least 1 and at least the sum of the min_ attributes")
    if not _alphabets(inputs):
        raise HostError("at least one of `lower,numeric,special,upper` must be true")


def _text(inputs: Properties) -> str:
    alphabets = _alphabets(inputs)
    drawn = [
        secrets.choice(letters)
        for name, letters in alphabets.items()
        for _ in range(inputs.get(f"min{name[0].upper()}{name[1:]}", 0))
    ]
    every = "".join(alphabets.values())
    drawn += [secrets.choice(every) for _ in range(inputs["length"] - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def _make_string(inputs: Properties) -> tuple[str, Properties]:
    text = _text(inputs)
    return text, {"number": inputs["numeric"], "result": text}


def _make_password(inputs: Properties) -> tuple[str, Properties]:
    # The id of a secret tells nothing.
    return "none", {"number": inputs["numeric"], "result": _text(inputs)}


def _make_bytes(inputs: Properties) -> tuple[str, Properties]:
    drawn = secrets.token_bytes(inputs["length"])
    plain = base64.b64encode(drawn).decode()
    # The value itself, in clear, although `base64` is secret: computeRandomBytesID in
    # https://github.com/pulumi/pulumi-random/blob/master/provider/resources.go
    return plain, {"base64": plain, "hex": drawn.hex()}


def _make_id(inputs: Properties) -> tuple[str, Properties]:
    drawn, prefix = secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix", "")
    plain = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    return plain, {
        "b64Std": f"{prefix}{base64.b64encode(drawn).decode()}",
        "b64Url": f"{prefix}{plain}",
        "dec": f"{prefix}{int.from_bytes(drawn, 'big')}",
        "hex": f"{prefix}{drawn.hex()}",
    }


class RandomHost(MadeOnceHost):
    """Serves the package `random`."""

    package = "random"
    version = "4.21.4"
    kinds: ClassVar[Mapping[str, Kind]] = {
        "random:index/randomString:RandomString": Kind(
            make=_make_string,
            required=("length",),
            optional=("keepers", "overrideSpecial"),
            defaults=_TEXT_DEFAULTS,
            check=_check_text,
        ),
        "random:index/randomPassword:RandomPassword": Kind(
            make=_make_password,
            required=("length",),
            optional=("keepers", "overrideSpecial"),
            defaults=_TEXT_DEFAULTS,
            check=_check_text,
        ),
        "random:index/randomBytes:RandomBytes": Kind(make=_make_bytes, required=("length",), optional=("keepers",)),
        "random:index/randomId:RandomId": Kind(make=_make_id, required=("byteLength",), optional=("keepers", "prefix")),
    }
