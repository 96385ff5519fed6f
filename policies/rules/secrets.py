"""Keys and secrets: controls D6, D7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import statements

# What Secrets Manager takes (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html).
_WINDOW: Final = range(7, 31)


@rule("D6", types=[tokens.KEY], whole=True)
def key_has_an_alias(key: Resource, stack: Stack) -> Iterator[Fault]:
    """Every key has one name that people and later stacks know it by."""
    found = stack.users(key, "targetKeyId", tokens.ALIAS)
    if len(found) != 1:
        yield Fault("alias", f"there are {len(found)}", "add one Alias")
    for alias in found:
        name = str(alias.get("name") or "")
        if not name.startswith("alias/") or name.startswith("alias/aws/"):
            yield Fault("alias", f"{alias.name} is named {name or 'by Pulumi'}", "name it alias/… yourself")


@rule("D7", types=[tokens.SECRET], whole=True)
def secret_is_encrypted_and_closed(secret: Resource, stack: Stack) -> Iterator[Fault]:
    """A secret is encrypted by a key of this program and has a policy."""
    if not stack.source(secret, "kmsKeyId", tokens.KEY):
        yield Fault("kmsKeyId", "is no key of this program", "pass the key's ARN")
    if len(stack.users(secret, "secretArn", tokens.SECRET_POLICY)) != 1:
        yield Fault("policy", "there is not one", "add a SecretPolicy")


@rule("D7", types=[tokens.SECRET])
def secret_can_be_had_back(secret: Resource, stack: Stack) -> Iterator[Fault]:
    """How long a deleted secret can be had back is said; in production it is a week at least."""
    days = secret.get("recoveryWindowInDays")
    if days is None:
        yield Fault("recoveryWindowInDays", "is left to AWS", "say it")
    elif days not in _WINDOW and (days != 0 or stack.options.production):
        yield Fault("recoveryWindowInDays", f"is {days}", f"set {_WINDOW[0]} to {_WINDOW[-1]}")


@rule("D7", types=[tokens.SECRET], whole=True)
def secret_is_rotated(secret: Resource, stack: Stack) -> Iterator[Fault]:
    """A secret gets a new value by itself; one that only people can renew is named in the waivers."""
    if not stack.users(secret, "secretId", tokens.SECRET_ROTATION):
        yield Fault("rotation", "there is none", "add a SecretRotation")


@rule("D7", types=[tokens.SECRET_POLICY])
def secret_is_this_accounts(policy: Resource) -> Iterator[Fault]:
    """A secret refuses every other account, and AWS refuses a policy that would open it to the public."""
    if not policy.true("blockPublicPolicy"):
        yield Fault("blockPublicPolicy", "is not true", "set true")
    refused = [
        s
        for s in statements(policy, "policy")
        if not s.allow
        and "secretsmanager:*" in s.actions
        and any("*" in names for names in s.principals.values())
        and set(s.keys("StringNotEquals")) == s.condition_keys == {"aws:principalaccount"}
    ]
    if not refused:
        yield Fault("policy", "lets another account in", "deny who is not of this one by aws:PrincipalAccount")


@rule("D7", types=[tokens.SECRET_POLICY], whole=True)
def secret_policy_is_of_our_secret(policy: Resource, stack: Stack) -> Iterator[Fault]:
    """A secret's policy belongs to a secret of this program."""
    if not stack.source(policy, "secretArn", tokens.SECRET):
        yield Fault("secretArn", "is no secret of this program", "pass its ARN")


@rule("D7", types=[tokens.SECRET_VERSION], whole=True)
def secret_value_is_not_written_down(version: Resource, stack: Stack) -> Iterator[Fault]:
    """A secret's value comes from a resource that makes it: none stands in the program or its settings."""
    for key in ("secretString", "secretBinary"):
        if version.given(key) and not version.sources.get(key):
            yield Fault(key, "is a value of the program's own", "take it from what makes it, or put it in by hand")
    if not version.given("secretString") and not version.given("secretBinary"):
        yield Fault("secretString", "is missing, so that readers find an old value", "take it from what makes it")
    if not stack.source(version, "secretId", tokens.SECRET):
        yield Fault("secretId", "is no secret of this program", "pass the secret's ARN")
