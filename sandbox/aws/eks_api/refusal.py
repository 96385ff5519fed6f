"""Refusals in EKS's wording."""

from __future__ import annotations

__all__ = ["EksError", "in_use", "invalid", "not_found", "rejected"]


class EksError(Exception):
    """An error answer of the EKS API.

    Attributes:
        code: AWS's error code.
        status: HTTP status.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invalid(message: str) -> EksError:
    """A parameter is wrong."""
    return EksError("InvalidParameterException", 400, message)


def rejected(message: str) -> EksError:
    """The request does not fit the resource's state."""
    return EksError("InvalidRequestException", 400, message)


def in_use(message: str) -> EksError:
    """The name is taken, or something depends on it."""
    return EksError("ResourceInUseException", 409, message)


def not_found(message: str) -> EksError:
    """There is no such thing."""
    return EksError("ResourceNotFoundException", 404, message)
