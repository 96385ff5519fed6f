"""Who may log in: a user pool of Cognito, and Argo CD as its client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws.cognito import (
    UserGroup,
    UserPool,
    UserPoolAccountRecoverySettingArgs,
    UserPoolAccountRecoverySettingRecoveryMechanismArgs,
    UserPoolAdminCreateUserConfigArgs,
    UserPoolClient,
    UserPoolClientTokenValidityUnitsArgs,
    UserPoolDomain,
    UserPoolPasswordPolicyArgs,
    UserPoolSoftwareTokenMfaConfigurationArgs,
    UserPoolUsernameConfigurationArgs,
)
from pulumi_aws.secretsmanager import SecretVersion

from components.edge import names
from components.place import Place

# By name: components/argocd/chart_values.py says what each may do.
_GROUPS: Final = {
    "argocd-admins": "Administer Argo CD's applications, clusters and repositories",
    "developers": "See and sync Argo CD's applications",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginArgs:
    """What the login needs to know.

    Attributes:
        domain: Argo CD is published under it.
        secret_id: Secret of Secrets Manager that takes the client's id and secret.
        protect: Whether Cognito and Pulumi refuse to delete the pool: its users cannot be had again.
    """

    cluster_name: str
    domain: str
    secret_id: pulumi.Input[str]
    protect: bool
    place: Place


class Login(pulumi.ComponentResource):
    """A user pool, its groups, its login pages, and a client for Argo CD whose secret only Secrets Manager sees.

    Nobody signs up: administrators create users and put them into groups. All need a second factor, an app that shows
    one-time passwords: where it is a choice Cognito's pages offer nobody to set one up
    (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html).

    Attributes:
        issuer: URL that tokens name.
        client_id: Not a secret.
        logout_url: Ends the session of the login pages.
        user_pool_id: Where users are created.
    """

    issuer: pulumi.Output[str]
    client_id: pulumi.Output[str]
    logout_url: pulumi.Output[str]
    user_pool_id: pulumi.Output[str]

    def __init__(self, name: str, args: LoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register pool, groups, pages, client and the client's secret."""
        super().__init__("platform:edge:Login", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        pool = self._create_pool()
        for group, description in _GROUPS.items():
            UserGroup(f"{name}-{group}", name=group, description=description, user_pool_id=pool.id, opts=self._child)
        prefix = names.login_prefix(
            account_id=args.place.account_id, region=args.place.region, cluster_name=args.cluster_name
        )
        pages = UserPoolDomain(
            name,
            domain=prefix,
            user_pool_id=pool.id,
            opts=self._child,
        )
        client = self._create_client(pool)
        SecretVersion(
            f"{name}-client",
            secret_id=args.secret_id,
            # Stays marked as a secret: the client's is.
            secret_string=pulumi.Output.json_dumps({"clientId": client.id, "clientSecret": client.client_secret}),
            opts=self._child,
        )
        where = {"region": args.place.region, "partition": args.place.partition}
        self.user_pool_id = pages.user_pool_id
        self.issuer = self.user_pool_id.apply(lambda pool_id: names.issuer(**where, user_pool_id=pool_id))
        self.client_id = client.id
        self.logout_url = client.id.apply(
            lambda id_: names.logout_url(prefix=prefix, client_id=id_, back=names.argocd_url(args.domain), **where)
        )
        shown = ("issuer", "client_id", "logout_url", "user_pool_id")
        self.register_outputs({output: getattr(self, output) for output in shown})

    def _create_pool(self) -> UserPool:
        args = self._args
        return UserPool(
            self._name,
            name=args.cluster_name,
            username_attributes=["email"],
            auto_verified_attributes=["email"],
            username_configuration=UserPoolUsernameConfigurationArgs(case_sensitive=False),
            admin_create_user_config=UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
            password_policy=UserPoolPasswordPolicyArgs(
                minimum_length=14,
                require_lowercase=True,
                require_numbers=True,
                require_symbols=True,
                require_uppercase=True,
                temporary_password_validity_days=3,
            ),
            mfa_configuration="ON",
            software_token_mfa_configuration=UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
            account_recovery_setting=UserPoolAccountRecoverySettingArgs(
                recovery_mechanisms=[
                    UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
                ]
            ),
            deletion_protection="ACTIVE" if args.protect else "INACTIVE",
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )

    def _create_client(self, pool: UserPool) -> UserPoolClient:
        return UserPoolClient(
            f"{self._name}-argocd",
            name="argocd",
            user_pool_id=pool.id,
            generate_secret=True,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            # Not `groups`: Cognito knows no such scope and sends groups unasked, as cognito:groups.
            allowed_oauth_scopes=["openid", "profile", "email"],
            callback_urls=[f"{names.argocd_url(self._args.domain)}/auth/callback"],
            logout_urls=[names.argocd_url(self._args.domain)],
            supported_identity_providers=["COGNITO"],
            # None by which a password would go to anything but Cognito's own pages.
            explicit_auth_flows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            # Argo CD believes a token to its end: so long does somebody keep a group that was taken away.
            id_token_validity=60,
            access_token_validity=60,
            refresh_token_validity=1,
            token_validity_units=UserPoolClientTokenValidityUnitsArgs(
                id_token="minutes", access_token="minutes", refresh_token="days"
            ),
            opts=self._child,
        )
