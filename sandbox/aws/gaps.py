"""What moto's services lack or answer wrongly, put right where moto has it, for every client of the endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.iam.models import ManagedPolicy
from moto.iam.responses import IamResponse
from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.responses import LogsResponse

from sandbox.aws.alarm_gaps import ALARM_GAPS
from sandbox.aws.balancer_gaps import BALANCER_GAPS
from sandbox.aws.billing_gaps import BILLING_GAPS
from sandbox.aws.console import CONSOLE_GAPS
from sandbox.aws.delivery_gaps import DELIVERY_GAPS
from sandbox.aws.domain_gaps import DOMAIN_GAPS
from sandbox.aws.function_gaps import FUNCTION_GAPS
from sandbox.aws.login_gaps import LOGIN_GAPS
from sandbox.aws.machine_gaps import MACHINE_GAPS
from sandbox.aws.network_gaps import NETWORK_GAPS
from sandbox.aws.storage_gaps import STORAGE_GAPS, fill_storage_paths

__all__ = ["fill_gaps"]


def fill_gaps() -> None:
    """Add the missing operations to moto. Idempotent."""
    for owner, name, method in (
        *GAPS,
        *ALARM_GAPS,
        *BALANCER_GAPS,
        *BILLING_GAPS,
        *CONSOLE_GAPS,
        *DELIVERY_GAPS,
        *DOMAIN_GAPS,
        *FUNCTION_GAPS,
        *LOGIN_GAPS,
        *MACHINE_GAPS,
        *NETWORK_GAPS,
        *STORAGE_GAPS,
    ):
        setattr(owner, name, method)
    fill_storage_paths()


def _parameter(response: Any, name: str) -> Any:
    return response._get_param(name)  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours


def _associate_kms_key(response: Any) -> str:
    _log_group(response).kms_key_id = _parameter(response, "kmsKeyId")
    return ""


def _disassociate_kms_key(response: Any) -> str:
    _log_group(response).kms_key_id = None
    return ""


def _log_group(response: Any) -> Any:
    group = response.logs_backend.groups.get(_parameter(response, "logGroupName"))
    if group is None:
        raise ResourceNotFoundException
    return group


def _add_client_id(response: Any) -> Any:
    provider, name = _provider(response)
    if name not in provider.client_id_list:
        provider.client_id_list.append(name)
    return ActionResult({})


def _remove_client_id(response: Any) -> Any:
    provider, name = _provider(response)
    provider.client_id_list = [other for other in provider.client_id_list if other != name]
    return ActionResult({})


def _provider(response: Any) -> tuple[Any, str]:
    arn = _parameter(response, "OpenIDConnectProviderArn")
    return response.backend.get_open_id_connect_provider(arn), _parameter(response, "ClientID")


_ATTACH = ManagedPolicy.attach_to


def _attach_once(policy: Any, holder: Any) -> None:
    # moto counts an attachment that is made again a second time, and then never lets the policy go.
    if policy.arn not in holder.managed_policies:
        _ATTACH(policy, holder)


def _current_tags(template: Any) -> Any:
    return template.get_tags()


def _ignore_tags(_template: Any, _tags: Any) -> None:
    return None


GAPS: tuple[tuple[type, str, Callable[..., Any] | property], ...] = (
    (LogsResponse, "associate_kms_key", _associate_kms_key),
    (LogsResponse, "disassociate_kms_key", _disassociate_kms_key),
    (IamResponse, "add_client_id_to_open_id_connect_provider", _add_client_id),
    (IamResponse, "remove_client_id_from_open_id_connect_provider", _remove_client_id),
    (ManagedPolicy, "attach_to", _attach_once),
    # moto answers with the tags that the template was created with.
    (LaunchTemplate, "tags", property(_current_tags, _ignore_tags)),
)
