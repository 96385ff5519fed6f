"""What moto's Cognito lacks or answers wrongly: tags, updates that keep what they cannot change, taken domains.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.cognitoidp.exceptions import InvalidParameterException, ResourceNotFoundError
from moto.cognitoidp.models import CognitoIdpBackend, CognitoIdpUserPool, CognitoIdpUserPoolDomain
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import ActionResult, EmptyResult

__all__ = ["LOGIN_GAPS"]

# Set when a pool is created, and out of an update's reach.
FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration", "UserPoolTags")
_CREATE_DOMAIN = CognitoIdpBackend.create_user_pool_domain
_DELETE_POOL = CognitoIdpBackend.delete_user_pool
_DOMAIN_JSON = CognitoIdpUserPoolDomain.to_json
_UPDATE_CONFIG = CognitoIdpUserPool.update_extended_config


def _update_config(pool: Any, new: dict[str, Any]) -> None:
    kept = {name: pool.extended_config[name] for name in FIXED if name in getattr(pool, "extended_config", {})}
    _UPDATE_CONFIG(pool, {**new, **kept})
    # moto keeps it twice, and an update changes one of the two.
    if new.get("MfaConfiguration"):
        pool.mfa_config = new["MfaConfiguration"]
    pool.extended_config.pop("MfaConfiguration", None)
    pool.extended_config.setdefault("DeletionProtection", "INACTIVE")
    pool.extended_config.setdefault("UserPoolTier", "ESSENTIALS")


def _delete_pool(backend: Any, user_pool_id: str) -> None:
    pool = backend.describe_user_pool(user_pool_id)
    if pool.extended_config["DeletionProtection"] == "ACTIVE":
        raise InvalidParameterException(
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first."
        )
    if pool.domain is not None:
        raise InvalidParameterException(
            "User pool cannot be deleted. It has a domain configured that should be deleted first."
        )
    _DELETE_POOL(backend, user_pool_id)


def _create_domain(backend: Any, user_pool_id: str, domain: str, custom_domain_config: Any = None) -> Any:
    if domain in backend.user_pool_domains:
        raise InvalidParameterException("Domain already associated with another user pool.")
    if backend.describe_user_pool(user_pool_id).domain is not None:
        raise InvalidParameterException("User pool already has a domain configured.")
    return _CREATE_DOMAIN(backend, user_pool_id, domain, custom_domain_config)


def _domain_json(domain: Any, extended: bool = True) -> dict[str, Any]:
    told: dict[str, Any] = _DOMAIN_JSON(domain, extended)
    if extended and domain.custom_domain_config:
        told["CustomDomainConfig"] = domain.custom_domain_config
    return told


def _tags(response: Any) -> dict[str, str]:
    arn = response.parameters["ResourceArn"]
    for pool in response.backend.user_pools.values():
        if pool.arn == arn:
            tags: dict[str, str] = pool.extended_config.setdefault("UserPoolTags", {})
            return tags
    raise ResourceNotFoundError(f"User pool {arn} does not exist.")


def _tag_resource(response: Any) -> Any:
    _tags(response).update(response.parameters["Tags"])
    return EmptyResult()


def _untag_resource(response: Any) -> Any:
    tags = _tags(response)
    for name in response.parameters["TagKeys"]:
        tags.pop(name, None)
    return EmptyResult()


def _list_tags(response: Any) -> Any:
    return ActionResult({"Tags": _tags(response)})


LOGIN_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (CognitoIdpBackend, "create_user_pool_domain", _create_domain),
    (CognitoIdpBackend, "delete_user_pool", _delete_pool),
    (CognitoIdpResponse, "list_tags_for_resource", _list_tags),
    (CognitoIdpResponse, "tag_resource", _tag_resource),
    (CognitoIdpResponse, "untag_resource", _untag_resource),
    (CognitoIdpUserPool, "update_extended_config", _update_config),
    (CognitoIdpUserPoolDomain, "to_json", _domain_json),
)
