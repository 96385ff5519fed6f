"""Examples of log-in: a user pool with its domain, groups and clients."""

from __future__ import annotations

from typing import Any

from tests.sandbox.aws.world import Example, Made, World

POOL = "aws:cognito/userPool:UserPool"
CALLBACK = "https://argocd.example.com/auth/callback"


def pool(world: World) -> Made:
    return world.make(POOL, "pool")


def client(world: World, **more: Any) -> dict[str, Any]:
    return {
        "userPoolId": pool(world).id,
        "generateSecret": True,
        "allowedOauthFlows": ["code"],
        "allowedOauthFlowsUserPoolClient": True,
        "allowedOauthScopes": ["openid", "profile", "email"],
        "callbackUrls": [CALLBACK],
        "supportedIdentityProviders": ["COGNITO"],
        "explicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
        "idTokenValidity": 60,
        "tokenValidityUnits": {"idToken": "minutes"},
        **more,
    }


LOGIN: dict[str, Example] = {
    POOL: Example(
        lambda world: {
            "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
            "passwordPolicy": {
                "minimumLength": 16,
                "requireLowercase": True,
                "requireNumbers": True,
                "requireSymbols": False,
                "requireUppercase": True,
            },
            "mfaConfiguration": "OPTIONAL",
            "softwareTokenMfaConfiguration": {"enabled": True},
            "accountRecoverySetting": {"recoveryMechanisms": [{"name": "verified_email", "priority": 1}]},
            "autoVerifiedAttributes": ["email"],
            "usernameConfiguration": {"caseSensitive": False},
            "tags": {"a": "b"},
        },
        lambda world: {
            "mfaConfiguration": "ON",
            "passwordPolicy": {
                "minimumLength": 20,
                "requireLowercase": True,
                "requireNumbers": True,
                "requireSymbols": False,
                "requireUppercase": True,
            },
            "tags": {"a": "c"},
        },
        lambda world: {"usernameConfiguration": {"caseSensitive": True}},
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Example(
        client,
        lambda world: {"callbackUrls": [CALLBACK, "http://localhost:8085/auth/callback"], "idTokenValidity": 30},
        lambda world: {"generateSecret": False},
        # Cognito never says how a client came by its secret.
        unread=("generateSecret",),
        imported=lambda made: f"{made['userPoolId']}/{made.id}",
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": Example(
        lambda world: {"userPoolId": pool(world).id, "domain": world.unique("auth")},
        replace=lambda world: {"domain": world.unique("auth")},
    ),
    "aws:cognito/userGroup:UserGroup": Example(
        lambda world: {"userPoolId": pool(world).id, "name": "developers", "description": "d", "precedence": 20},
        lambda world: {"description": "e", "precedence": 30},
        lambda world: {"name": "admins"},
    ),
}
