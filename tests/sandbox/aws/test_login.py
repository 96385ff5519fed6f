"""Cognito in the emulated AWS: what it refuses, what it keeps, and the client's secret."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.calls import AwsError
from sandbox.protocol import HostError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.examples.login import CALLBACK, POOL, client, pool
from tests.sandbox.aws.world import ACCOUNT, DEFAULT_TAGS, World

CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
DOMAIN = "aws:cognito/userPoolDomain:UserPoolDomain"
GROUP = "aws:cognito/userGroup:UserGroup"
Change = dict[str, Any]

# What is changed in the type's example, the refusal, and a change near to it that passes.
CASES: dict[str, tuple[str, Change, str, Change]] = {
    "second factor of no kind": (
        POOL,
        {"softwareTokenMfaConfiguration": None},
        "SMS configuration and Auto verification",
        {"softwareTokenMfaConfiguration": None, "mfaConfiguration": "OFF"},
    ),
    "second factor that is off": (POOL, {"mfaConfiguration": "OFF"}, "can't turn off MFA", {}),
    "password of 100": (
        POOL,
        {"passwordPolicy": {"minimumLength": 100}},
        "range .6 - 99",
        {"passwordPolicy": {"minimumLength": 99}},
    ),
    "two ways of naming users": (
        POOL,
        {"usernameAttributes": ["email"], "aliasAttributes": ["email"]},
        "Only one of the",
        {"usernameAttributes": ["email"]},
    ),
    "prefix with aws": (DOMAIN, {"domain": "my-laws"}, "reserved word: aws", {"domain": "my-was"}),
    "prefix with cognito": (DOMAIN, {"domain": "cognito-1"}, "reserved word: cognito", {}),
    "prefix with capitals": (DOMAIN, {"domain": "Auth-1"}, "at 'domain' failed", {}),
    "prefix of 64": (DOMAIN, {"domain": "a" * 64}, "at 'domain' failed", {"domain": "a" * 63}),
    "pool with a slash": (POOL, {"name": "a/b"}, "at 'poolName' failed", {"name": "a b"}),
    "certificate of another region": (
        DOMAIN,
        {"domain": "a.example.com", "certificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1"},
        "has to be in us-east-1",
        {},
    ),
    "code flow without callback": (CLIENT, {"callbackUrls": None}, "CallbackUrls can not be empty", {}),
    "plain callback": (
        CLIENT,
        {"callbackUrls": ["http://argocd.example.com"]},
        "cannot use the HTTP protocol",
        {"callbackUrls": ["http://localhost:8085/auth/callback"]},
    ),
    "machine flow without secret": (
        CLIENT,
        {"allowedOauthFlows": ["client_credentials"], "generateSecret": False},
        "does not have a client secret",
        {},
    ),
    "flows that are off": (
        CLIENT,
        {"allowedOauthFlowsUserPoolClient": False},
        "need AllowedOAuthFlowsUserPoolClient",
        {},
    ),
    "scope that Cognito lacks": (
        CLIENT,
        {"allowedOauthScopes": ["openid", "groups"]},
        "Invalid scope requested: groups",
        {},
    ),
    "provider that the pool lacks": (
        CLIENT,
        {"supportedIdentityProviders": ["Google"]},
        "provider Google does not exist",
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cognito_refuses_and_its_twin_passes(world: World, name: str) -> None:
    """One change away from a resource that is made, Cognito refuses."""
    token, change, words, twin = CASES[name]
    inputs = EXAMPLES[token].inputs(world)
    with pytest.raises(AwsError, match=words):
        world.make(token, **{**inputs, **change})
    world.delete(world.make(token, **{**inputs, **twin}))


def test_a_prefix_is_had_once(world: World) -> None:
    """Prefixes are one space for a region, and a pool has one of them."""
    first, second = pool(world), pool(world)
    domain = world.make(DOMAIN, userPoolId=first.id, domain="auth-0123456789ab")
    with pytest.raises(AwsError, match="Domain already associated"):
        world.make(DOMAIN, userPoolId=second.id, domain="auth-0123456789ab")
    with pytest.raises(AwsError, match="already has a domain"):
        world.make(DOMAIN, userPoolId=first.id, domain="auth-ba9876543210")
    world.delete(domain)
    world.delete(world.make(DOMAIN, userPoolId=second.id, domain="auth-0123456789ab"))


def test_a_domain_of_ones_own(world: World) -> None:
    """Its certificate is told; words of AWS are no matter."""
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"
    made = world.make(DOMAIN, userPoolId=pool(world).id, domain="aws.example.com", certificateArn=certificate)
    read = world.host.read(DOMAIN, world.urn(DOMAIN, "t"), made.id, made.inputs, made.outputs)
    assert read == (made.id, made.inputs, made.outputs)
    world.delete(made)


def test_scopes_of_a_resource_server_are_known(world: World) -> None:
    """Once it is there."""
    inputs = client(world, allowedOauthScopes=["openid", "api/read"])
    with pytest.raises(AwsError, match="Invalid scope requested: api/read"):
        world.make(CLIENT, **inputs)
    scopes = [{"ScopeName": "read", "ScopeDescription": "r"}]
    cognito = world.client("cognito-idp")
    cognito.create_resource_server(UserPoolId=inputs["userPoolId"], Identifier="api", Name="api", Scopes=scopes)
    world.delete(world.make(CLIENT, **inputs))


def test_tags_of_a_pool_can_go(world: World) -> None:
    """And are listed."""
    made = world.update(world.make(POOL, tags={"a": "b"}), tags=None)
    assert made["tagsAll"] == DEFAULT_TAGS
    assert world.client("cognito-idp").list_tags_for_resource(ResourceArn=made["arn"])["Tags"] == DEFAULT_TAGS


def test_a_pool_with_a_domain_stays(world: World) -> None:
    """DeleteUserPool refuses while there is a domain; groups and clients go with the pool."""
    made = pool(world)
    domain = world.make(DOMAIN, userPoolId=made.id, domain=world.unique("auth"))
    with pytest.raises(AwsError, match="has a domain configured"):
        world.delete(made)
    world.delete(domain)
    group = world.make(GROUP, userPoolId=made.id, name="developers")
    world.delete(made)
    world.delete(group)


def test_a_protected_pool_stays(world: World) -> None:
    """DeleteUserPool refuses while deletion protection is active."""
    made = world.make(POOL, deletionProtection="ACTIVE")
    with pytest.raises(AwsError, match="deletion protection is activated"):
        world.delete(made)
    world.delete(world.update(made, deletionProtection="INACTIVE"))


def test_a_group_is_had_once(world: World) -> None:
    """A second group of the name is refused."""
    group = world.make(GROUP, userPoolId=pool(world).id, name="developers")
    with pytest.raises(AwsError, match="GroupExists"):
        world.make(GROUP, userPoolId=group["userPoolId"], name="developers")


def test_only_a_client_that_asks_has_a_secret(world: World) -> None:
    """The secret is an output; the SDK marks it as a secret."""
    made, public = (world.make(CLIENT, **client(world, generateSecret=wanted)) for wanted in (True, False))
    assert len(made["clientSecret"]) > 20
    assert "clientSecret" not in public.outputs
    _, _, outputs = world.host.read(CLIENT, world.urn(CLIENT, "thing"), made.id, made.inputs, made.outputs)
    assert outputs["clientSecret"] == made["clientSecret"]


def test_settings_that_are_left_out_go_back_and_tags_stay(world: World) -> None:
    """UpdateUserPool writes all settings; neither user names' case nor tags are among them."""
    inputs = EXAMPLES[POOL].inputs(world)
    made = world.update(world.make(POOL, **inputs), autoVerifiedAttributes=None)
    told = world.client("cognito-idp").describe_user_pool(UserPoolId=made.id)["UserPool"]
    assert "AutoVerifiedAttributes" not in told
    assert told["UsernameConfiguration"] == {"CaseSensitive": False}
    assert told["UserPoolTags"]["a"] == "b"
    assert told["MfaConfiguration"] == "OPTIONAL"


def test_a_pool_gains_attributes_and_loses_none(world: World) -> None:
    """The provider fails where an attribute is to go."""
    one, two = ({"name": name, "attributeDataType": "String", "mutable": True} for name in ("team", "site"))
    made = world.update(world.make(POOL, schemas=[one]), schemas=[one, two])
    told = world.client("cognito-idp").describe_user_pool(UserPoolId=made.id)["UserPool"]["SchemaAttributes"]
    assert {"custom:team", "custom:site"} <= {attribute["Name"] for attribute in told}
    with pytest.raises(HostError, match="cannot modify or remove"):
        world.update(made, schemas=[two])


def test_a_callback_more_changes_the_client_in_place(world: World) -> None:
    """The secret stays: who has it need not hear of it."""
    made = world.make(CLIENT, **client(world))
    changed = world.update(made, callbackUrls=[CALLBACK, "https://cd.example.com/auth/callback"])
    assert (changed.id, changed["clientSecret"]) == (made.id, made["clientSecret"])
