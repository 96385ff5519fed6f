"""How wide a choice of machines production needs for its spot capacity."""

from __future__ import annotations

from typing import Any

import pytest

from rules.production import _spot_choice
from rules.sections import Karpenter, Policy, adapters
from tests.bad_inputs import sections

WIDE = ["t3", "t3a", "m5", "m5a", "m6i"]
SIZES = ["medium", "large", "xlarge", "2xlarge"]


def _lines(tier: str = "production", **karpenter: Any) -> list[str]:
    policy: Policy = adapters("eks")["policy"].validate_python({"tier": tier})
    choice: Karpenter = adapters("eks")["karpenter"].validate_python({**sections("prod")["karpenter"], **karpenter})
    return [fault.line("platform") for fault in _spot_choice(policy, choice)]


def test_seventeen_types_of_five_families_will_do() -> None:
    """Two burstable families of four sizes and three general ones of three, for `medium` is not made of those."""
    assert _lines(instanceFamilies=WIDE, instanceSizes=SIZES) == []


@pytest.mark.parametrize(
    ("families", "sizes", "found"),
    [
        (["t3", "t3a"], ["medium", "large", "xlarge"], "6 types of 2 families"),
        (["m5", "m6i"], ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"],
         "16 types of 2 families"),
        (["t3", "t3a", "m5", "m6i"], ["large", "xlarge", "2xlarge"], "12 types of 4 families"),
    ],
)  # fmt: skip
def test_a_narrow_choice_is_refused(families: list[str], sizes: list[str], found: str) -> None:
    """Either number can be short; the line says both."""
    (line,) = _lines(instanceFamilies=families, instanceSizes=sizes)
    assert line == (
        f"platform:karpenter.instanceFamilies = [...]: {found}, and spot capacity is dependable from 15 of 3 on; "
        "add families such as m5, m6i and c5, or sizes"
    )


def test_narrow_is_fine_where_nothing_depends_on_spot() -> None:
    """Development may be cheap, and on-demand capacity of one type is as good as of another."""
    narrow: dict[str, Any] = {"instanceFamilies": ["t3"], "instanceSizes": ["medium"]}
    assert _lines(tier="development", **narrow) == []
    assert _lines(capacityTypes=["on-demand"], **narrow) == []
    assert _lines(**narrow) != []
