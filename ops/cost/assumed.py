"""What the user assumes in place of the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from components.prices.assumptions import MEANINGS, Assumptions
from ops.errors import OpsError


def assumptions(texts: Iterable[str], given: Mapping[str, float]) -> Assumptions:
    """Return the assumptions, some of them the user's.

    Args:
        texts: `NAME=VALUE` each; the last of a name counts.
        given: Values of options of their own, which count for more.

    Raises:
        OpsError: A name is unknown or a value no amount.
    """
    values: dict[str, Decimal] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in MEANINGS:
            raise OpsError(f"--assume {text}: {name} is not assumed; there are {', '.join(MEANINGS)}")
        try:
            values[name] = Decimal(value)
        except InvalidOperation:
            raise OpsError(f"--assume {text}: {value or 'nothing'} is not a number; write {name}=1.5") from None
    values |= {name: Decimal(str(value)) for name, value in given.items()}
    try:
        return Assumptions(**values)
    except ValueError as error:
        raise OpsError(f"--assume {error}") from error
