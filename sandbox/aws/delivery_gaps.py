"""What moto's WAF and its log deliveries lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.logs.exceptions import ConflictException, ResourceNotFoundException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse
from moto.wafv2.models import WAFV2Backend

__all__ = ["DELIVERY_GAPS"]

_DELETE_DESTINATION = LogsBackend.delete_delivery_destination
_DELETE_SOURCE = LogsBackend.delete_delivery_source
_PUT_SOURCE = LogsBackend.put_delivery_source
_CREATE_ACL = WAFV2Backend.create_web_acl
_UPDATE_ACL = WAFV2Backend.update_web_acl


def _put_source(backend: Any, name: str, resource_arn: str, log_type: str, tags: Any) -> Any:
    for other in backend.delivery_sources.values():
        if other.name != name and resource_arn in other.resource_arns and other.log_type == log_type:
            raise ConflictException(
                msg="This ResourceId has already been used in another Delivery Source in this account. "
                "Please provide a different resource."
            )
    return _PUT_SOURCE(backend, name, resource_arn, log_type, tags)


def _delete_source(backend: Any, name: str) -> None:
    if any(one.delivery_source_name == name for one in backend.deliveries.values()):
        raise ConflictException(msg="Delivery Source cannot be deleted while a Delivery of it exists.")
    _forget_tags(backend, backend.delivery_sources.get(name))
    _DELETE_SOURCE(backend, name)


def _delete_destination(backend: Any, name: str) -> None:
    found = backend.delivery_destinations.get(name)
    if found and any(one.delivery_destination_arn == found.arn for one in backend.deliveries.values()):
        raise ConflictException(msg="Delivery Destination cannot be deleted while a Delivery to it exists.")
    _forget_tags(backend, found)
    _DELETE_DESTINATION(backend, name)


def _forget_tags(backend: Any, found: Any) -> None:
    # The next one of the same name has the same ARN.
    if found is not None:
        backend.tagger.delete_all_tags_for_resource(found.arn)


def _update_delivery(response: Any) -> str:
    get = response._get_param  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours
    delivery = response.logs_backend.deliveries.get(get("id"))
    if delivery is None:
        raise ResourceNotFoundException(msg="Requested Delivery does not exist in this account.")
    delivery.record_fields = get("recordFields") or delivery.record_fields
    delivery.field_delimiter = get("fieldDelimiter") or delivery.field_delimiter
    delivery.s3_delivery_configuration = get("s3DeliveryConfiguration") or delivery.s3_delivery_configuration
    return "{}"


def _create_acl(backend: Any, name: str, *rest: Any) -> Any:
    if any(one.name == name for one in backend.wacls.values()):
        # moto has another code.
        reason = "AWS WAF couldn't perform the operation because some resource in your request is a duplicate."
        raise JsonRESTError("WAFDuplicateItemException", reason)
    return _CREATE_ACL(backend, name, *rest)


def _update_acl(backend: Any, name: str, _id: str, default_action: Any, rules: Any, *rest: Any) -> str:
    token = _UPDATE_ACL(backend, name, _id, default_action, rules, *rest)
    if not rules:
        # moto takes an empty list for one that is left out.
        backend.get_web_acl(None, name, _id).rules = []
    return token


DELIVERY_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (LogsBackend, "put_delivery_source", _put_source),
    (LogsBackend, "delete_delivery_source", _delete_source),
    (LogsBackend, "delete_delivery_destination", _delete_destination),
    (LogsResponse, "update_delivery_configuration", _update_delivery),
    (WAFV2Backend, "create_web_acl", _create_acl),
    (WAFV2Backend, "update_web_acl", _update_acl),
)
