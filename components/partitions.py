"""What differs between AWS partitions besides the first word of an ARN."""

from __future__ import annotations

from typing import Final

# Domain of the regional service principals; the global ones keep amazonaws.com everywhere.
_DNS_SUFFIX: Final = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def dns_suffix(partition: str) -> str:
    """Return the partition's domain."""
    if partition not in _DNS_SUFFIX:
        raise ValueError(f"partition={partition!r}: unknown; use one of {', '.join(_DNS_SUFFIX)}")
    return _DNS_SUFFIX[partition]
