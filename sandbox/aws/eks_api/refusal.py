"""Refusals in EKS's wording."""

from __future__ import annotations

__all__ = ["EksRefusal", "in_use", "invalid", "not_found", "rejected"]


class EksRefusal(Exception):
    """An error answer of the EKS API.

    Attributes:
        code: AWS's error code.
        status: HTTP status.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invalid(message: str) -> EksRefusal:
    """A parameter is wrong."""
    return EksRefusal("InvalidParameterException", 400, message)


def rejected(message: str) -> EksRefusal:
    """The request does not fit the resource's state."""
    return EksRefusal("InvalidRequestException", 400, message)


def in_use(message: str) -> EksRefusal:
    """The name is taken, or something depends on it."""
    return EksRefusal("ResourceInUseException", 409, message)


def not_found(message: str) -> EksRefusal:
    """There is no such thing."""
    return EksRefusal("ResourceNotFoundException", 404, message)
