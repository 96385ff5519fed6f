"""external-secrets, as its stand-in plays it: stores, values, templates, rights and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.aws.eks_api import EKS
from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.external_secrets import ROWS
from tests.sandbox.kubernetes.operators import ACCOUNT, REGION, MemoryApi, client, deployment, encoded, reconcile

_API = "external-secrets.io/v1"
_TOKENS = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
_ISSUER = "issuer.example.com"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/external-secrets"
_VOLUME = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
# What makes the operator's pods their role by their own token.
_IRSA: dict[str, Any] = {
    "containers": [
        {
            "name": "external-secrets",
            "env": [
                {"name": "AWS_ROLE_ARN", "value": _ROLE},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_TOKENS}/token"},
            ],
            "volumeMounts": [{"name": "token", "mountPath": _TOKENS}],
        }
    ],
    "volumes": [{"name": "token", "projected": {"sources": [_VOLUME]}}],
}


def _allow(action: str, resource: str, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


_READ = _allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:demo/*")
_DECRYPT = _allow("kms:Decrypt", "*", StringEquals={"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"})


def _trust(subject: str = "system:serviceaccount:external-secrets:external-secrets") -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{_ISSUER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{_ISSUER}:aud": "sts.amazonaws.com", f"{_ISSUER}:sub": subject}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _account(endpoint: str, *statements: dict[str, Any], trust: str = "", key: bool = False) -> None:
    """Fill AWS: the provider, the role with its rights, and a secret of a user and a password."""
    iam, secrets = client(endpoint, "iam"), client(endpoint, "secretsmanager")
    iam.create_open_id_connect_provider(Url=f"https://{_ISSUER}", ThumbprintList=["0" * 40])
    iam.create_role(RoleName="external-secrets", AssumeRolePolicyDocument=trust or _trust())
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements or (_READ, _DECRYPT))})
    iam.put_role_policy(RoleName="external-secrets", PolicyName="read", PolicyDocument=document)
    more = {"KmsKeyId": client(endpoint, "kms").create_key()["KeyMetadata"]["Arn"]} if key else {}
    value = json.dumps({"username": "ada", "password": "p", "deep": {"port": 1}})
    secrets.create_secret(Name="demo/data", SecretString=value, **more)


def _store(**changes: Any) -> Manifest:
    aws = {"service": "SecretsManager", "region": REGION, "prefix": "demo/"}
    spec = {"provider": {"aws": aws}} | changes
    return {"apiVersion": _API, "kind": "ClusterSecretStore", "metadata": {"name": "aws"}, "spec": spec}


def _secret(name: str = "login", **spec: Any) -> Manifest:
    reference = {"kind": "ClusterSecretStore", "name": "aws"}
    return {
        "apiVersion": _API,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "shop", "labels": {"team": "shop"}},
        "spec": {"secretStoreRef": reference, "dataFrom": [{"extract": {"key": "data"}}]} | spec,
    }


def _cluster(*more: Manifest, **pod: Any) -> MemoryApi:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"secrets": "yes"}}}
    return MemoryApi([namespace, deployment("external-secrets", **(pod or _IRSA)), _store(), *more])


def _ready(manifest: Manifest) -> tuple[str, str, str]:
    (condition,) = manifest["status"]["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def test_a_secret_is_written_and_kept(endpoint: str, healthy: Callable[[Manifest], str]) -> None:
    """All keys of the value come, owned, with the ExternalSecret's labels; Argo CD calls store and secret Healthy."""
    _account(endpoint)
    api = _cluster(_secret())
    reconcile(api, endpoint, ROWS)
    store, secret = api.see("ClusterSecretStore", "", "aws"), api.see("ExternalSecret", "shop", "login")
    assert (store["status"]["capabilities"], _ready(store)[:2]) == ("ReadWrite", ("True", "Valid"))
    assert _ready(secret) == ("True", "SecretSynced", "secret synced")
    assert secret["metadata"]["finalizers"] == ["externalsecrets.external-secrets.io/externalsecret-cleanup"]
    made = api.see("Secret", "shop", "login")
    assert made["data"] == {"username": encoded("ada"), "password": encoded("p"), "deep": encoded('{"port":1}')}
    assert made["metadata"]["labels"]["team"] == "shop"
    assert made["metadata"]["ownerReferences"][0]["name"] == "login"
    assert [healthy(one) for one in (store, secret)] == ["Healthy", "Healthy"]
    writes = api.writes
    reconcile(api, endpoint, ROWS)
    assert api.writes == writes
    api.remove("ExternalSecret", "shop", "login")
    reconcile(api, endpoint, ROWS)
    assert api.see("ExternalSecret", "shop", "login") == {}


def test_a_secret_that_somebody_changes_is_put_right(endpoint: str) -> None:
    """The operator knows what it has written by a hash; what is changed in AWS comes after the interval only."""
    _account(endpoint)
    api = _cluster(_secret(refreshInterval="1h"))
    reconcile(api, endpoint, ROWS)
    client(endpoint, "secretsmanager").put_secret_value(SecretId="demo/data", SecretString='{"username": "eve"}')
    reconcile(api, endpoint, ROWS)
    assert api.see("Secret", "shop", "login")["data"]["username"] == encoded("ada")
    api.see("Secret", "shop", "login")["data"]["username"] = encoded("mallory")
    reconcile(api, endpoint, ROWS)
    assert api.see("Secret", "shop", "login")["data"] == {"username": encoded("eve")}
    api.see("ExternalSecret", "shop", "login")["status"]["refreshTime"] = "2020-01-01T00:00:00Z"
    client(endpoint, "secretsmanager").put_secret_value(SecretId="demo/data", SecretString='{"username": "bob"}')
    reconcile(api, endpoint, ROWS)
    assert api.see("Secret", "shop", "login")["data"] == {"username": encoded("bob")}


def test_templates_and_single_properties(endpoint: str) -> None:
    """A template's data replaces the values, its metadata the ExternalSecret's; properties lie as deep as they do."""
    _account(endpoint)
    template = {
        "engineVersion": "v2",
        "type": "kubernetes.io/basic-auth",
        "metadata": {"labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": {"url": "db://{{ .user }}:{{- .port | quote -}}/x"},
    }
    data = [
        {"secretKey": "user", "remoteRef": {"key": "data", "property": "username", "decodingStrategy": "None"}},
        {"secretKey": "port", "remoteRef": {"key": "data", "property": "deep.port"}},
    ]
    api = _cluster(_secret(dataFrom=[], data=data, target={"name": "made", "template": template}))
    reconcile(api, endpoint, ROWS)
    made = api.see("Secret", "shop", "made")
    assert (made["data"], made["type"]) == ({"url": encoded('db://ada:"1"/x')}, "kubernetes.io/basic-auth")
    assert "team" not in made["metadata"]["labels"]
    assert made["metadata"]["labels"]["app.kubernetes.io/part-of"] == "argocd"


@pytest.mark.parametrize(
    ("spec", "general", "detail"),
    [
        pytest.param({"dataFrom": [{"extract": {"key": "gone"}}]}, "get", "Secret does not exist", id="no secret"),
        pytest.param({"dataFrom": [{"extract": {"key": "empty"}}]}, "get", "Secret does not exist", id="no value yet"),
        pytest.param(
            {"data": [{"secretKey": "a", "remoteRef": {"key": "data", "property": "b"}}]},
            "get",
            "error processing spec.data[0] (key: data), err: key b does not exist in secret data",
            id="no property",
        ),
        pytest.param({"dataFrom": [{"find": {}}]}, "get", "dataFrom with find: not played", id="not played"),
        pytest.param(
            {"dataFrom": [{"sourceRef": {"storeRef": {"kind": "ClusterSecretStore", "name": "aws"}}}]},
            "get",
            "dataFrom with sourceRef: not played",
            id="nothing extracted",
        ),
        pytest.param({"secretStoreRef": {"name": "aws"}}, "get", 'could not get SecretStore "aws"', id="no store"),
        pytest.param(
            {"target": {"template": {"data": {"a": "{{ .missing }}"}}}},
            "update",
            'map has no entry for key "missing"',
            id="template",
        ),
    ],
)
def test_what_is_missing_is_an_error(
    endpoint: str, healthy: Callable[[Manifest], str], spec: dict[str, Any], general: str, detail: str
) -> None:
    """Nothing is written, the condition says what failed, an event why; Argo CD calls it Degraded."""
    _account(endpoint)
    client(endpoint, "secretsmanager").create_secret(Name="demo/empty")
    api = _cluster(_secret(**spec))
    reconcile(api, endpoint, ROWS)
    found = api.see("ExternalSecret", "shop", "login")
    status, reason, message = _ready(found)
    assert (status, reason, message.split()[2]) == ("False", "SecretSyncedError", general)
    assert detail in api.events("UpdateFailed")[0]
    assert api.see("Secret", "shop", "login") == {}
    assert healthy(found) == "Degraded"


@pytest.mark.parametrize(
    ("conditions", "allowed"),
    [
        ([{"namespaces": ["shop"]}], True),
        ([{"namespaces": ["other"]}, {"namespaceSelector": {"matchLabels": {"secrets": "yes"}}}], True),
        ([{"namespaceRegexes": ["^sh"]}], True),
        ([{"namespaces": ["other"]}], False),
        ([{"namespaceSelector": {"matchLabels": {"secrets": "no"}}}], False),
    ],
    ids=["by name", "by label", "by expression", "another name", "another label"],
)
def test_a_store_serves_the_namespaces_that_it_names(endpoint: str, conditions: list[Any], allowed: bool) -> None:
    """An ExternalSecret of another namespace is refused."""
    _account(endpoint)
    api = _cluster(_secret(), _store(conditions=conditions))
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ExternalSecret", "shop", "login"))[0] == str(allowed)
    assert any("denied by spec.condition" in one for one in api.events()) == (not allowed)


def test_a_store_without_credentials_is_invalid(endpoint: str, healthy: Callable[[Manifest], str]) -> None:
    """Without association and token the operator is nobody, and nothing that uses the store comes."""
    _account(endpoint)
    api = _cluster(_secret(), serviceAccountName="external-secrets")
    reconcile(api, endpoint, ROWS)
    store = api.see("ClusterSecretStore", "", "aws")
    assert _ready(store) == ("False", "InvalidProviderConfig", "unable to validate store")
    assert "neither a Pod Identity association nor AWS_ROLE_ARN" in api.events("InvalidProviderConfig")[0]
    assert healthy(store) == "Degraded"
    assert 'ClusterSecretStore "aws" is not ready' in api.events("UpdateFailed")[0]


@pytest.mark.parametrize(
    ("trust", "pod", "said"),
    [
        pytest.param(
            _trust("system:serviceaccount:other:external-secrets"), _IRSA, "AssumeRoleWithWebIdentity", id="sub"
        ),
        pytest.param("", _IRSA | {"volumes": []}, "no service account's token is mounted", id="no token"),
        pytest.param(
            "",
            _IRSA
            | {"volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]},
            "AssumeRoleWithWebIdentity",
            id="another audience",
        ),
    ],
)
def test_a_token_that_the_role_does_not_trust_is_none(
    endpoint: str, trust: str, pod: dict[str, Any], said: str
) -> None:
    """Subject and audience are those of the trust policy, and the token is where the variable says."""
    _account(endpoint, trust=trust)
    api = _cluster(**pod)
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ClusterSecretStore", "", "aws"))[0] == "False"
    assert said in api.events("InvalidProviderConfig")[0]


@pytest.mark.parametrize(
    ("statements", "key", "said"),
    [
        pytest.param([_READ, _DECRYPT], True, "", id="both"),
        pytest.param([_READ], False, "", id="AWS's own key"),
        pytest.param([_READ], True, "not authorized to perform kms:Decrypt", id="no key"),
        pytest.param([_DECRYPT], False, "not authorized to perform secretsmanager:GetSecretValue", id="no secret"),
        pytest.param(
            [_READ, _allow("kms:Decrypt", "*", StringEquals={"kms:ViaService": f"ssm.{REGION}.amazonaws.com"})],
            True,
            "not authorized to perform kms:Decrypt",
            id="by another service",
        ),
    ],
)
def test_the_role_needs_its_rights(endpoint: str, statements: list[Any], key: bool, said: str) -> None:
    """The role's policies have to allow the secret's ARN, and its key if it is not AWS's own."""
    _account(endpoint, *statements, key=key)
    api = _cluster(_secret())
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ExternalSecret", "shop", "login"))[0] == str(not said), api.events()
    assert not said or said in api.events("UpdateFailed")[0]


def test_a_secret_s_own_policy_counts(endpoint: str) -> None:
    """A denial of other accounts leaves the own one alone; one of everybody does not."""
    _account(endpoint)
    api, secrets = _cluster(_secret()), client(endpoint, "secretsmanager")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}
    others = deny | {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}}
    for statement, expected in ((others, "True"), (deny, "False")):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        secrets.put_resource_policy(SecretId="demo/data", ResourcePolicy=document)
        api.put(_secret(refreshInterval=f"{len(document)}s"))
        reconcile(api, endpoint, ROWS)
        assert _ready(api.see("ExternalSecret", "shop", "login"))[0] == expected


def test_pod_identity_needs_association_and_agent(endpoint: str) -> None:
    """On EKS the association is for the very service account, and the agent is there."""
    trust = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}}
    _account(
        endpoint,
        trust=json.dumps(
            {"Version": "2012-10-17", "Statement": [trust | {"Action": ["sts:AssumeRole", "sts:TagSession"]}]}
        ),
    )
    api = _cluster(_secret(), serviceAccountName="external-secrets")
    key, place = ("demo", "a-1"), {"namespace": "external-secrets", "serviceAccount": "external-secrets"}
    state = EKS.state
    state.kind("cluster", REGION)[("demo",)] = {"name": "demo", "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo"}
    association = {"clusterName": "demo", "associationId": "a-1", "associationArn": "x", "roleArn": _ROLE, **place}
    state.kind("podIdentityAssociation", REGION)[key] = association
    reconcile(api, endpoint, ROWS)
    assert "has no add-on eks-pod-identity-agent" in api.events("InvalidProviderConfig")[0]
    state.kind("addon", REGION)[("demo", "eks-pod-identity-agent")] = {
        "clusterName": "demo",
        "addonName": "eks-pod-identity-agent",
    }
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ExternalSecret", "shop", "login"))[0] == "True"
    association["serviceAccount"] = "other"
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ClusterSecretStore", "", "aws"))[0] == "False"


def test_other_policies_of_creation_and_deletion(endpoint: str) -> None:
    """Merge adds to a Secret that is there and makes none; a deleted value takes a Secret along if it is to."""
    _account(endpoint)
    target = {"name": "there", "creationPolicy": "Merge"}
    api = _cluster(_secret(target=target), _secret("gone", target={"deletionPolicy": "Delete"}))
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ExternalSecret", "shop", "login"))[1] == "SecretMissing"
    assert api.see("Secret", "shop", "gone")["data"]
    client(endpoint, "secretsmanager").delete_secret(SecretId="demo/data", ForceDeleteWithoutRecovery=True)
    api.put(_secret("gone", target={"deletionPolicy": "Delete"}, refreshInterval="1s"))
    reconcile(api, endpoint, ROWS)
    assert api.see("Secret", "shop", "gone") == {}
    client(endpoint, "secretsmanager").create_secret(Name="demo/data", SecretString='{"a": "b"}')
    there = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "there", "namespace": "shop"}}
    api.put(there | {"data": {"own": "eA=="}})
    reconcile(api, endpoint, ROWS)
    assert _ready(api.see("ExternalSecret", "shop", "login"))[1] == "SecretSynced"
    assert "ownerReferences" not in api.see("Secret", "shop", "there")["metadata"]
