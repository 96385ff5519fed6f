"""Services beside the cluster: people's logins, the topic of alarms, functions (controls S1, S2, S3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import statements, trusted

_PASSWORD: Final = 14
_CLASSES: Final = ("requireLowercase", "requireNumbers", "requireSymbols", "requireUppercase")
_HOUR: Final = 60
_MINUTES: Final = {"seconds": 1 / 60, "minutes": 1, "hours": 60, "days": 1440}
# Flows in which the password itself reaches whoever asks.
_PLAIN_FLOWS: Final = re.compile(r"(ALLOW_)?(ADMIN_)?(USER_PASSWORD|NO_SRP)_AUTH")


@rule("S1", types=[tokens.USER_POOL])
def people_are_invited(pool: Resource) -> Iterator[Fault]:
    """Nobody signs up by himself; passwords are long and mixed, a second factor is possible, mail proves who asks."""
    if not pool.true("adminCreateUserConfig.allowAdminCreateUserOnly"):
        yield Fault("adminCreateUserConfig.allowAdminCreateUserOnly", "is not true", "set true")
    if (pool.get("passwordPolicy.minimumLength") or 0) < _PASSWORD:
        yield Fault("passwordPolicy.minimumLength", f"is less than {_PASSWORD}", f"set {_PASSWORD} or more")
    for key in _CLASSES:
        if not pool.true(f"passwordPolicy.{key}"):
            yield Fault(f"passwordPolicy.{key}", "is not true", "set true")
    if pool.get("mfaConfiguration") not in ("ON", "OPTIONAL"):
        yield Fault("mfaConfiguration", "is OFF", "set ON or OPTIONAL")
    if not pool.true("softwareTokenMfaConfiguration.enabled"):
        yield Fault("softwareTokenMfaConfiguration.enabled", "is not true", "set true")
    ways = {way.get("name") for way in pool.items("accountRecoverySetting.recoveryMechanisms")}
    if not ways or ways - {"verified_email", "admin_only"}:
        yield Fault("accountRecoverySetting", "lets a telephone number prove who asks", "name verified_email only")


@rule("S1", types=[tokens.USER_POOL_CLIENT])
def login_goes_by_code(client: Resource) -> Iterator[Fault]:
    """A client has a secret, and gets people by a code over HTTPS, never their passwords."""
    for key in ("generateSecret", "enableTokenRevocation", "allowedOauthFlowsUserPoolClient"):
        if not client.true(key):
            yield Fault(key, "is not true", "set true")
    if client.items("allowedOauthFlows") != ["code"]:
        yield Fault("allowedOauthFlows", "is not code alone", "set [code]")
    urls = [("callbackUrls", url) for url in client.items("callbackUrls") or [""]]
    for key, url in (*urls, *(("logoutUrls", url) for url in client.items("logoutUrls"))):
        if not str(url).startswith("https://"):
            yield Fault(key, f"{url or 'none'} is not HTTPS", "name an address with https://")
    if client.get("preventUserExistenceErrors") != "ENABLED":
        yield Fault("preventUserExistenceErrors", "is not ENABLED: answers tell who has an account", "set ENABLED")
    flows = client.items("explicitAuthFlows")
    if not flows or any(_PLAIN_FLOWS.fullmatch(str(flow)) for flow in flows):
        yield Fault("explicitAuthFlows", "hand the password over, or are left to AWS", "set ALLOW_USER_SRP_AUTH")


@rule("S1", types=[tokens.USER_POOL_CLIENT])
def sessions_end(client: Resource) -> Iterator[Fault]:
    """What somebody may do is asked anew every hour, and he himself when a time is over that is said."""
    if not client.get("refreshTokenValidity"):
        yield Fault("refreshTokenValidity", "is left to AWS: thirty days", "say it")
    for token in ("accessToken", "idToken"):
        # An hour, unless something is said; a number without a unit is of hours.
        minutes = _MINUTES[client.get(f"tokenValidityUnits.{token}") or "hours"]
        if (client.get(f"{token}Validity") or 1 / minutes) * minutes > _HOUR:
            yield Fault(f"{token}Validity", "is more than an hour", "set 60 minutes")


@rule("S1", types=[tokens.USER_POOL_CLIENT], whole=True)
def client_is_of_our_pool(client: Resource, stack: Stack) -> Iterator[Fault]:
    """A client is of a pool of this program, whose passwords and invitations are checked."""
    if not stack.source(client, "userPoolId", tokens.USER_POOL):
        yield Fault("userPoolId", "is no pool of this program", "pass its id")


@rule("S2", types=[tokens.TOPIC], whole=True)
def topic_is_encrypted_closed_and_heard(topic: Resource, stack: Stack) -> Iterator[Fault]:
    """A topic is encrypted by a key of this program, has a policy, and in production somebody hears of it."""
    if not stack.source(topic, "kmsMasterKeyId", tokens.KEY):
        yield Fault("kmsMasterKeyId", "is no key of this program", "pass the key's ARN")
    if len(stack.users(topic, "arn", tokens.TOPIC_POLICY)) != 1:
        yield Fault("policy", "there is not one", "add a TopicPolicy")
    if stack.options.production and not stack.users(topic, "topic", tokens.SUBSCRIPTION):
        yield Fault("subscription", "there is none, so that nobody hears", "add one")


@rule("S2", types=[tokens.TOPIC_POLICY])
def topic_takes_messages_over_tls_only(policy: Resource) -> Iterator[Fault]:
    """Services publish to the topic and do nothing else with it, and nobody does without TLS."""
    found = list(statements(policy, "policy"))
    refused = [
        s
        for s in found
        if not s.allow
        and s.keys("Bool").get("aws:securetransport") == ("false",)
        and {"sns:Publish", "sns:*"} & set(s.actions)
        and any("*" in names for names in s.principals.values())
    ]
    if not refused:
        yield Fault("policy", "lets in who comes without TLS", "deny sns:Publish when aws:SecureTransport is false")
    for statement in (s for s in found if s.allow):
        if statement.actions != ("sns:Publish",):
            yield Fault(statement.where, "allows more than publishing", "allow sns:Publish only")
        if "*" in statement.resources:
            yield Fault(statement.where, "is about any topic", "name the topic")
        if set(statement.principals) != {"Service"}:
            yield Fault(statement.where, "lets others than services in", "name a service")


@rule("S2", types=[tokens.TOPIC_POLICY, tokens.SUBSCRIPTION], whole=True)
def topic_is_of_this_program(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """A topic's policy and who hears of it are of a topic of this program."""
    key = "arn" if resource.type == tokens.TOPIC_POLICY else "topic"
    if not stack.source(resource, key, tokens.TOPIC):
        yield Fault(key, "is no topic of this program", "pass its ARN")


@rule("S2", types=[tokens.SUBSCRIPTION])
def messages_leave_by_tls(subscription: Resource) -> Iterator[Fault]:
    """What a topic says is not read on its way."""
    if subscription.get("protocol") == "http":
        yield Fault("protocol", "is http", "set https")


@rule("S3", types=[tokens.FUNCTION], whole=True)
def function_has_its_own_role_and_log(function: Resource, stack: Stack) -> Iterator[Fault]:
    """A function's role is of this program and Lambda's alone, and its log group is there before it runs."""
    roles = stack.source(function, "role", tokens.ROLE)
    names = {name for role in roles for s in trusted(role) for names in s.principals.values() for name in names}
    if names != {"lambda.amazonaws.com"}:
        yield Fault("role", "is not of this program and Lambda's alone", "pass one made for it")
    group = f"/aws/lambda/{function.get('name')}"
    if not any(need.type == tokens.LOG_GROUP and need.get("name") == group for need in stack.needs(function)):
        yield Fault("name", f"does not wait for a log group {group}", "add one; Lambda's own is open and for ever")


@rule("S3", types=[tokens.FUNCTION_PERMISSION])
def function_is_called_by_what_is_named(permission: Resource) -> Iterator[Fault]:
    """Who may call a function is a service, for a resource or an account that is named."""
    principal = str(permission.get("principal"))
    if not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|arn:[^*?]+|\d{12}", principal):
        yield Fault("principal", f"{principal} is anybody", "name a service")
    source = str(permission.get("sourceArn") or "")
    service = ".amazonaws.com" in principal
    if service and not permission.get("sourceAccount") and not re.fullmatch(r"arn:[^*?]+:\d{12}:[^*?]+", source):
        yield Fault("sourceArn", "names no resource of an account, so that a stranger's may call", "name it")
    if permission.get("functionUrlAuthType") == "NONE":
        yield Fault("functionUrlAuthType", "is NONE", "set AWS_IAM")


@rule("S3", types=[tokens.FUNCTION_URL])
def function_has_no_open_url(url: Resource) -> Iterator[Fault]:
    """A function's own address, if it has one, takes signed requests only."""
    if url.get("authorizationType") != "AWS_IAM":
        yield Fault("authorizationType", "is not AWS_IAM", "set AWS_IAM")
