"""What a machine's own description asks for: secrets from the parameter store and files to fill in.

The file is JSON with `files` (path → parameter whose value is written there, readable by root only), `blanks`
(placeholder → parameter whose value stands for it), `rendered` (template → file that it becomes) and `kubernetes`, the
version that the machine installs. Other keys are the boot script's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DescriptionError(Exception):
    """The description cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A machine's description.

    Attributes:
        files: Parameter by the path that its value is written to.
        blanks: Parameter by the placeholder that its value replaces.
        rendered: Target path by the template's path.
        kubernetes: Version that the machine installs, without `v`.
    """

    files: Mapping[str, str]
    blanks: Mapping[str, str]
    rendered: Mapping[str, str]
    kubernetes: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every parameter that the machine reads, in order, once."""
        return tuple(dict.fromkeys((*self.files.values(), *self.blanks.values())))


def read_description(text: bytes) -> Description:
    """Read a description. Raise `DescriptionError` when it is not one."""
    try:
        found = json.loads(text)
        return Description(
            files=_texts(found, "files"),
            blanks=_texts(found, "blanks"),
            rendered=_texts(found, "rendered"),
            kubernetes=str(found["kubernetes"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DescriptionError(f"the machine's description cannot be read: {type(error).__name__}: {error}") from error


def _texts(found: Mapping[str, Any], key: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in (found.get(key) or {}).items()}


def filled(template: bytes, values: Mapping[str, str]) -> bytes:
    """Return a template with each placeholder replaced by its value."""
    for blank, value in values.items():
        template = template.replace(blank.encode(), value.encode())
    return template
