"""Rules of Cognito."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.refusals.registry import Case, error, rule

POOL = "aws:cognito/userPool:UserPool"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
DOMAIN = "aws:cognito/userPoolDomain:UserPoolDomain"

BUILT_IN_SCOPES = ("aws.cognito.signin.user.admin", "email", "openid", "phone", "profile")
RESERVED = ("aws", "amazon", "cognito")
# Setting → lowest and highest value.
PASSWORD = {"minimumLength": (6, 99), "passwordHistorySize": (0, 24), "temporaryPasswordValidityDays": (0, 365)}


@rule(POOL, at="check")
def second_factor(case: Case) -> None:
    """A pool that asks for a second factor has one to offer."""
    wanted, token = case["mfaConfiguration"] or "OFF", case["softwareTokenMfaConfiguration"] or {}
    offered = token.get("enabled") or case["smsConfiguration"] or case["emailMfaConfiguration"]
    if wanted != "OFF" and not offered:
        reason = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
        raise error("InvalidParameterException", "SetUserPoolMfaConfig", reason)
    if wanted == "OFF" and token.get("enabled"):
        reason = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
        raise error("InvalidParameterException", "SetUserPoolMfaConfig", reason)


@rule(POOL, at="check")
def pool_settings(case: Case) -> None:
    """A pool's name and its password policy are within Cognito's limits."""
    name = case["name"]
    if isinstance(name, str) and not re.fullmatch(r"[\w\s+=,.@-]{1,128}", name):
        reason = f"Value '{name}' at 'poolName' failed to satisfy constraint: [\\w\\s+=,.@-]+, at most 128 characters"
        raise error("InvalidParameterException", "CreateUserPool", f"1 validation error detected: {reason}")
    if case["usernameAttributes"] and case["aliasAttributes"]:
        reason = "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."
        raise error("InvalidParameterException", "CreateUserPool", reason)
    for setting, (low, high) in PASSWORD.items():
        value = (case["passwordPolicy"] or {}).get(setting)
        if isinstance(value, int) and not low <= value <= high:
            reason = f"expected password_policy {setting} to be in the range ({low} - {high}), got {value}"
            raise error("InvalidParameterException", "CreateUserPool", reason)


@rule(CLIENT, at="check")
def client_flows(case: Case) -> None:
    """A client for log-in pages has somewhere to come back to and a secret where its flow needs one."""
    flows = case["allowedOauthFlows"] or []
    if {"code", "implicit"} & {*flows} and not case.inputs.get("callbackUrls"):
        reason = "CallbackUrls can not be empty when code flow or implicit flow is selected"
        raise error("InvalidOAuthFlowException", "CreateUserPoolClient", reason)
    if "client_credentials" in flows and not case["generateSecret"]:
        reason = "client_credentials flow can not be selected if client does not have a client secret."
        raise error("InvalidOAuthFlowException", "CreateUserPoolClient", reason)
    if flows and case.inputs.get("allowedOauthFlowsUserPoolClient") is not True:
        reason = "AllowedOAuthFlows and AllowedOAuthScopes need AllowedOAuthFlowsUserPoolClient to be true."
        raise error("InvalidOAuthFlowException", "CreateUserPoolClient", reason)


@rule(CLIENT, at="check")
def client_urls(case: Case) -> None:
    """URLs are of TLS, but for the developer's own machine, and have no fragment."""
    urls = [*(case["callbackUrls"] or []), *(case["logoutUrls"] or [])]
    for url in urls:
        if not isinstance(url, str):
            continue
        plain = url.startswith("http://") and not re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])[:/]", f"{url}/")
        if plain or "#" in url or ":" not in url:
            reason = f"{url} cannot use the HTTP protocol, nor a fragment, nor be relative."
            raise error("InvalidParameterException", "CreateUserPoolClient", reason)


@rule(CLIENT, at="create")
@rule(CLIENT, at="update")
def client_scopes(case: Case) -> None:
    """Scopes are OpenID's own or those of a resource server; `groups` is neither."""
    scopes = [scope for scope in case["allowedOauthScopes"] or [] if scope not in BUILT_IN_SCOPES]
    if not scopes:
        return
    servers = case.call("cognito-idp", "list_resource_servers", UserPoolId=case["userPoolId"], MaxResults=50)
    known = {
        f"{server['Identifier']}/{scope['ScopeName']}"
        for server in servers["ResourceServers"]
        for scope in server.get("Scopes", [])
    }
    if unknown := [scope for scope in scopes if scope not in known]:
        raise error("ScopeDoesNotExistException", "CreateUserPoolClient", f"Invalid scope requested: {unknown[0]}")


@rule(CLIENT, at="create")
@rule(CLIENT, at="update")
def client_providers(case: Case) -> None:
    """Users come from the pool itself or from a provider that it has."""
    pool: Any = case["userPoolId"]
    wanted = {name for name in case["supportedIdentityProviders"] or [] if name != "COGNITO"}
    if not wanted:
        return
    found = case.call("cognito-idp", "list_identity_providers", UserPoolId=pool, MaxResults=60)["Providers"]
    if missing := sorted(wanted - {provider["ProviderName"] for provider in found}):
        reason = f"The provider {missing[0]} does not exist for User Pool {pool}."
        raise error("InvalidParameterException", "CreateUserPoolClient", reason)


@rule(DOMAIN, at="check")
def domain_name(case: Case) -> None:
    """A prefix is a short label without words of AWS; a domain of one's own has a certificate of us-east-1."""
    name, certificate = case["domain"], case["certificateArn"]
    if not isinstance(name, str):
        return
    if case.inputs.get("certificateArn"):
        if isinstance(certificate, str) and ":us-east-1:" not in certificate:
            reason = "The certificate of a custom domain has to be in us-east-1."
            raise error("InvalidParameterException", "CreateUserPoolDomain", reason)
        return
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", name):
        reason = f"Value '{name}' at 'domain' failed to satisfy constraint: ^[a-z0-9](?:[a-z0-9\\-]{{0,61}}[a-z0-9])?$"
        raise error("InvalidParameterException", "CreateUserPoolDomain", f"1 validation error detected: {reason}")
    for word in RESERVED:
        if word in name:
            reason = f"Domain cannot contain reserved word: {word}"
            raise error("InvalidParameterException", "CreateUserPoolDomain", reason)
