"""On-demand prices of instances, by region and type: an hour of Linux in USD."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from components.prices.price import Price, Source
from components.prices.sources import (
    BILL_SEOUL,
    BILL_TOKYO,
    INFRACOST,
    KARPENTER,
    KARPENTER_JANUARY,
    RULES_SEOUL,
    TOOLS,
    WORKSHOP,
)

# Holds for every pair that has a source.
_AMD: Final = "0.9 times the price of t3, as within a percent in every pair with a source"


def _hour(usd: str, *sources: Source, inferred: str | None = None) -> Price:
    return Price(usd=Decimal(usd), unit="h", sources=sources, inferred=inferred)


_US_EAST_1: Final[Mapping[str, str]] = {
    "t3.micro": "0.0104",
    "t3.small": "0.0208",
    "t3.medium": "0.0416",
    "t3.large": "0.0832",
    "t3.xlarge": "0.1664",
    "t3.2xlarge": "0.3328",
    "t3a.micro": "0.0094",
    "t3a.small": "0.0188",
    "t3a.medium": "0.0376",
    "t3a.large": "0.0752",
    "t3a.xlarge": "0.1504",
    "t3a.2xlarge": "0.3008",
    "m6i.large": "0.0960",
    "m7i.large": "0.1008",
    "c6i.large": "0.0850",
}
_US_EAST_1_JANUARY: Final[Mapping[str, str]] = {
    "m5.large": "0.096",
    "m5.xlarge": "0.192",
    "m5.2xlarge": "0.384",
    "m5a.large": "0.086",
    "m5a.xlarge": "0.172",
    "m5a.2xlarge": "0.344",
    "c5.large": "0.085",
    "c5.xlarge": "0.170",
    "c5.2xlarge": "0.340",
    "c5a.large": "0.077",
    "c5a.xlarge": "0.154",
    "c5a.2xlarge": "0.308",
    "c6i.xlarge": "0.170",
    "c6i.2xlarge": "0.340",
}
# Where sources contradict each other (m6i and c6i in Tokyo) or none was found, there is no row.
INSTANCES: Final[Mapping[str, Mapping[str, Price]]] = {
    "us-east-1": {
        **{name: _hour(usd, KARPENTER, INFRACOST, TOOLS) for name, usd in _US_EAST_1.items()},
        **{name: _hour(usd, KARPENTER_JANUARY) for name, usd in _US_EAST_1_JANUARY.items()},
    },
    "ap-northeast-2": {
        "t3.micro": _hour("0.0130", RULES_SEOUL, TOOLS),
        "t3.small": _hour("0.0260", RULES_SEOUL, TOOLS),
        "t3.medium": _hour("0.0520", WORKSHOP, BILL_SEOUL, RULES_SEOUL, TOOLS),
        "t3.large": _hour("0.1040", TOOLS),
        "t3.xlarge": _hour("0.2080", RULES_SEOUL, TOOLS),
        "t3.2xlarge": _hour("0.4160", TOOLS),
        "t3a.micro": _hour("0.0117", inferred=_AMD),
        "t3a.small": _hour("0.0234", inferred=_AMD),
        "t3a.medium": _hour("0.0468", TOOLS),
        "t3a.large": _hour("0.0936", inferred=_AMD),
        "t3a.xlarge": _hour("0.1872", TOOLS),
        "t3a.2xlarge": _hour("0.3744", TOOLS),
        "m6i.large": _hour("0.1180", RULES_SEOUL),
        "m7i.large": _hour("0.1239", RULES_SEOUL),
    },
    "ap-northeast-1": {
        "t3.micro": _hour("0.0136", TOOLS),
        "t3.small": _hour("0.0272", TOOLS),
        "t3.medium": _hour("0.0544", BILL_TOKYO, TOOLS),
        "t3.large": _hour("0.1088", TOOLS),
        "t3.xlarge": _hour("0.2176", TOOLS),
        "t3.2xlarge": _hour("0.4352", TOOLS),
        "t3a.micro": _hour("0.0122", TOOLS),
        "t3a.small": _hour("0.0245", TOOLS),
        "t3a.medium": _hour("0.0490", inferred=_AMD),
        "t3a.large": _hour("0.0979", inferred=_AMD),
        "t3a.xlarge": _hour("0.1958", inferred=_AMD),
        "t3a.2xlarge": _hour("0.3917", inferred=_AMD),
    },
}
