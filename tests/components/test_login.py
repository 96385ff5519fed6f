"""The user pool, its client and the client's secret, as registered; and what Argo CD is told of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.argocd.chart_values import argocd_values, login_values, oidc_config
from components.edge import names
from components.edge.login import Login, LoginArgs
from components.place import Place
from tests.captures import UNKNOWN, Capture, Secret
from tests.conftest import ACCOUNT, CaptureProgram

POOL = "aws:cognito/userPool:UserPool"
GROUP = "aws:cognito/userGroup:UserGroup"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
PAGES = "aws:cognito/userPoolDomain:UserPoolDomain"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
SECRET_ID = f"arn:aws:secretsmanager:ap-northeast-2:{ACCOUNT}:secret:demo/argocd/oidc-AbCdEf"
CANARY = "s3cr3t-canary"
EXAMPLE = LoginArgs(
    cluster_name="demo",
    domain="demo.example.com",
    secret_id=SECRET_ID,
    protect=True,
    place=Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags={"Project": "demo"}),
)
Build = Callable[..., Capture]
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


@pytest.fixture(scope="module")
def login(capture: CaptureProgram) -> Build:
    """Register a login; keyword arguments replace the example's."""

    @functools.cache
    def build(*, preview: bool = False, **changes: Any) -> Capture:
        computed = {CLIENT: {"id": "client", "clientSecret": CANARY}, POOL: {"id": "ap-northeast-2_AbCdEfGhI"}}
        return capture(lambda: Login("login", replace(EXAMPLE, **changes)), computed=computed, preview=preview)

    return build


def weak_pool(captured: Capture) -> list[str]:
    """Nobody signs up, passwords are long and mixed, nobody is without a second factor, the pool stays."""
    pool = captured.one(POOL, "login")
    password = pool.inputs["passwordPolicy"]
    checks = {
        "sign-up": pool.inputs["adminCreateUserConfig"]["allowAdminCreateUserOnly"] is True,
        "length": password["minimumLength"] >= 14,
        "classes": all(password[f"require{c}"] for c in ("Lowercase", "Uppercase", "Numbers", "Symbols")),
        "first password": password["temporaryPasswordValidityDays"] <= 7,
        "second factor": pool.inputs["mfaConfiguration"] == "ON",
        "by app": pool.inputs["softwareTokenMfaConfiguration"] == {"enabled": True},
        "recovery": pool.inputs["accountRecoverySetting"]["recoveryMechanisms"]
        == [{"name": "verified_email", "priority": 1}],
        "refused by AWS": pool.inputs["deletionProtection"] == "ACTIVE",
        "refused by Pulumi": pool.protect,
    }
    return [name for name, holds in checks.items() if not holds]


def loose_client(captured: Capture) -> list[str]:
    """Only Argo CD gets tokens: it has a secret, comes by the code flow, and is sent back to its own address."""
    client = captured.one(CLIENT, "login-argocd").inputs
    checks = {
        "secret": client["generateSecret"] is True,
        "flow": client["allowedOauthFlows"] == ["code"] and client["allowedOauthFlowsUserPoolClient"] is True,
        # Cognito refuses the whole login for one unknown scope.
        "scopes": client["allowedOauthScopes"] == ["openid", "profile", "email"],
        "address": client["callbackUrls"] == ["https://argocd.demo.example.com/auth/callback"],
        "way out": client["logoutUrls"] == ["https://argocd.demo.example.com"],
        # Without a provider of identities the pages say only that there are none.
        "users": client["supportedIdentityProviders"] == ["COGNITO"],
        "no passwords": not {"ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"}
        & set(client["explicitAuthFlows"]),
        "no guessing": client["preventUserExistenceErrors"] == "ENABLED",
        "token": (client["idTokenValidity"], client["tokenValidityUnits"]["idToken"]) == (60, "minutes"),
    }
    return [name for name, holds in checks.items() if not holds]


def missing_groups(captured: Capture) -> list[str]:
    """The pool has the groups that Argo CD's policy binds, and no other."""
    bound = {line.split(", ")[1] for line in _policy().splitlines() if line.startswith("g, ")}
    return sorted(bound ^ {r.inputs["name"] for r in captured.of_type(GROUP)})


def secret_elsewhere(captured: Capture) -> list[str]:
    """The client's secret is in one input of one resource, marked, and in no output."""
    wrong = []
    for r in captured.resources:
        for key, value in r.inputs.items():
            marked = isinstance(value, Secret)
            wanted = (r.type, key) == (VERSION, "secretString")
            if (CANARY in repr(value)) != wanted or marked != wanted:
                wrong.append(f"{r.urn} {key}")
    return wrong + [urn for urn, outputs in captured.outputs.items() if CANARY in repr(outputs)]


def _policy() -> str:
    return str(login_values("https://argocd.demo.example.com", "")["rbac"]["policy.csv"])


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _password(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        old = captured.one(POOL, "login").inputs["passwordPolicy"]
        return captured.changed(POOL, "login", {"passwordPolicy": {**old, **changes}})

    return mutate


def _in_clear(captured: Capture) -> Capture:
    value = captured.one(VERSION, "login-client").inputs["secretString"].value
    return captured.changed(VERSION, "login-client", {"secretString": value})


def _shown(captured: Capture) -> Capture:
    return replace(captured, outputs={"urn": {"secret": CANARY}})


def _without_group(captured: Capture) -> Capture:
    return replace(captured, resources=[r for r in captured.resources if r.name != "login-developers"])


MUTATIONS: list[tuple[Control, Mutation]] = [
    (weak_pool, _changed(POOL, "login", {"adminCreateUserConfig": {"allowAdminCreateUserOnly": False}})),
    (weak_pool, _password(minimumLength=8)),
    (weak_pool, _password(requireSymbols=False)),
    (weak_pool, _password(temporaryPasswordValidityDays=90)),
    (weak_pool, _changed(POOL, "login", {"mfaConfiguration": "OPTIONAL"})),
    (weak_pool, _changed(POOL, "login", {"softwareTokenMfaConfiguration": {"enabled": False}})),
    (weak_pool, _changed(POOL, "login", {"accountRecoverySetting": {"recoveryMechanisms": []}})),
    (weak_pool, _changed(POOL, "login", {"deletionProtection": "INACTIVE"})),
    (weak_pool, _changed(POOL, "login", protect=False)),
    (loose_client, _changed(CLIENT, "login-argocd", {"logoutUrls": ["https://argocd.example.org"]})),
    (loose_client, _changed(CLIENT, "login-argocd", {"supportedIdentityProviders": []})),
    (loose_client, _changed(CLIENT, "login-argocd", {"generateSecret": False})),
    (loose_client, _changed(CLIENT, "login-argocd", {"allowedOauthFlows": ["code", "implicit"]})),
    (loose_client, _changed(CLIENT, "login-argocd", {"allowedOauthScopes": ["openid", "profile", "email", "groups"]})),
    (loose_client, _changed(CLIENT, "login-argocd", {"callbackUrls": ["http://localhost:8085/auth/callback"]})),
    (loose_client, _changed(CLIENT, "login-argocd", {"explicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]})),
    (loose_client, _changed(CLIENT, "login-argocd", {"preventUserExistenceErrors": "LEGACY"})),
    (loose_client, _changed(CLIENT, "login-argocd", {"idTokenValidity": 1440})),
    (missing_groups, _without_group),
    (missing_groups, _changed(GROUP, "login-developers", {"name": "others"})),
    (secret_elsewhere, _in_clear),
    (secret_elsewhere, _shown),
    (secret_elsewhere, _changed(GROUP, "login-developers", {"description": CANARY})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(login: Build, control: Control) -> None:
    """The login breaks no control."""
    assert control(login()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(login: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(login())) != []


def test_secret_holds_what_argocd_asks_for(login: Build) -> None:
    """The version lies in the given secret, as JSON with the client's id and secret."""
    version = login().one(VERSION, "login-client")
    assert version.inputs["secretId"] == SECRET_ID
    assert json.loads(version.inputs["secretString"].value) == {"clientId": "client", "clientSecret": CANARY}


def test_secret_is_unknown_and_marked_before_there_is_a_client(login: Build) -> None:
    """A first preview shows neither the secret nor that it were no secret."""
    captured = login(preview=True)
    assert captured.one(VERSION, "login-client").inputs["secretString"] in (UNKNOWN, Secret(UNKNOWN))
    assert captured.urns == login().urns


def test_outputs_name_the_pool(login: Build) -> None:
    """The issuer is the pool's URL in its region, known once its login pages are there."""
    captured = login()
    prefix = captured.one(PAGES, "login").inputs["domain"]
    outputs = captured.outputs[captured.one("platform:edge:Login", "login").urn]
    assert outputs == {
        "issuer": "https://cognito-idp.ap-northeast-2.amazonaws.com/ap-northeast-2_AbCdEfGhI",
        "client_id": "client",
        "logout_url": f"https://{prefix}.auth.ap-northeast-2.amazoncognito.com/logout"
        "?client_id=client&logout_uri=https%3A%2F%2Fargocd.demo.example.com",
        "user_pool_id": "ap-northeast-2_AbCdEfGhI",
    }
    assert captured.one(PAGES, "login").source("userPoolId") == captured.one(POOL, "login").urn


def test_unprotected_pool_can_go(login: Build) -> None:
    """A stack that may be destroyed has no pool that refuses."""
    pool = login(protect=False).one(POOL, "login")
    assert (pool.inputs["deletionProtection"], pool.protect) == ("INACTIVE", False)


@given(cluster=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", fullmatch=True))
def test_prefix_is_one_that_cognito_takes(cluster: str) -> None:
    """Whatever the cluster is called, the host's first label is allowed and the same each time."""
    prefix = names.login_prefix(account_id=ACCOUNT, region="ap-northeast-2", cluster_name=cluster)
    assert prefix == names.login_prefix(account_id=ACCOUNT, region="ap-northeast-2", cluster_name=cluster)
    assert not any(word in prefix for word in ("aws", "amazon", "cognito"))
    assert len(prefix) == 17


def test_prefix_differs_by_account_region_and_cluster() -> None:
    """All accounts share the names of a region, and one account may have the same cluster in many."""
    where = [("1" * 12, "us-east-1", "a"), ("2" * 12, "us-east-1", "a"), ("1" * 12, "us-east-2", "a")]
    prefixes = {
        names.login_prefix(account_id=a, region=r, cluster_name=c) for a, r, c in [*where, (*where[0][:2], "b")]
    }
    assert len(prefixes) == 4


def test_issuer_needs_a_pools_id() -> None:
    """An id of another form would make a URL that nobody answers at."""
    with pytest.raises(ValueError, match="not the id of a user pool"):
        names.issuer(region="us-east-1", partition="aws", user_pool_id="pool")


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [("aws", "ap-northeast-2", "auth"), ("aws-us-gov", "us-gov-west-1", "auth-fips")],
)
def test_logging_out_ends_the_session_of_the_pages_too(partition: str, region: str, host: str) -> None:
    """Cognito is told who logs out and sends people back to Argo CD, which the client has to name."""
    url = names.logout_url(
        prefix="auth-0", region=region, partition=partition, client_id="client", back="https://argocd.example.com"
    )
    assert url == (
        f"https://auth-0.{host}.{region}.amazoncognito.com/logout"
        "?client_id=client&logout_uri=https%3A%2F%2Fargocd.example.com"
    )


def test_argocd_asks_cognito_for_what_it_has() -> None:
    """The configuration is YAML; groups come by Cognito's claim, and the secret by reference."""
    config = yaml.safe_load(oidc_config("https://issuer.example.com", "client", "https://pages.example.com/logout"))
    assert config == {
        "name": "AWS Cognito",
        "issuer": "https://issuer.example.com",
        "clientID": "client",
        "clientSecret": "$argocd-oidc:clientSecret",
        "requestedScopes": ["openid", "profile", "email"],
        "requestedIDTokenClaims": {"cognito:groups": {"essential": True}},
        "logoutURL": "https://pages.example.com/logout",
    }


def test_login_adds_to_what_argocd_is_told_and_takes_nothing_away() -> None:
    """With a login only the login's keys differ from the values without, and where notifications lead to."""
    url = "https://argocd.demo.example.com"
    before, after = argocd_values(), argocd_values(login=login_values(url, "oidc"))
    cm, rbac = after["configs"]["cm"], after["configs"]["rbac"]
    added = {"url": url, "oidc.config": "oidc"}
    assert added.keys().isdisjoint(before["configs"]["cm"])
    assert cm == {**before["configs"]["cm"], **added, "admin.enabled": "false"}
    assert (rbac["policy.default"], rbac["scopes"]) == ("role:readonly", "[cognito:groups]")
    assert {**after, "configs": {}, "notifications": {}} == {**before, "configs": {}, "notifications": {}}
    assert after["notifications"] == {**before["notifications"], "argocdUrl": url}
    assert after["configs"]["params"] == before["configs"]["params"]
    assert "policy.csv" not in before["configs"]["rbac"]


def test_groups_have_the_rights_of_the_documents_in_roles_of_our_own() -> None:
    """Administrators: applications, clusters, repositories. Developers: see and sync. No built-in name is taken."""
    rights: dict[str, set[str]] = {}
    groups: dict[str, str] = {}
    for line in _policy().splitlines():
        kind, first, *rest = line.split(", ")
        if kind == "g":
            groups[first] = rest[0]
        else:
            rights.setdefault(first, set()).add(" ".join(rest))
    assert groups == {"argocd-admins": "role:platform-admin", "developers": "role:platform-developer"}
    assert rights == {
        "role:platform-admin": {
            "applications * */* allow",
            "clusters * * allow",
            "repositories * * allow",
            "logs get */* allow",
        },
        "role:platform-developer": {"applications get */* allow", "applications sync */* allow", "logs get */* allow"},
    }
    assert not {"role:admin", "role:readonly"} & rights.keys()
