"""Which AWS role the pods of a controller have: by their own token (IRSA), or by EKS Pod Identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.aws.iam_policies import RightsError, Statement, conditions_hold, parsed, texts
from sandbox.aws.role_rights import RoleRights
from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.row import Surroundings

__all__ = ["RightsError", "role_of", "role_of_account", "role_of_pods"]

_AGENT: Final = "eks-pod-identity-agent"
_ANNOTATION: Final = "eks.amazonaws.com/role-arn"


def role_of(around: Surroundings) -> RoleRights:
    """Return the role of the controller that looks, found once a round. Raise `RightsError` when its pods have none."""
    known = around.memory.get("role")
    if not isinstance(known, RoleRights):
        known = around.memory["role"] = role_of_pods(around, around.deployment)
    return known


def role_of_pods(around: Surroundings, deployment: Manifest) -> RoleRights:
    """Return the role of a Deployment's pods. Raise `RightsError` when they have none.

    The order is that of the SDKs' chains of providers: what the pod's environment names comes first.
    """
    pod, namespace = deployment["spec"]["template"]["spec"], str(deployment["metadata"]["namespace"])
    account = str(pod.get("serviceAccountName") or "default")
    return _by_token(around, pod, namespace, account) or role_of_account(around, namespace, account)


def _by_token(around: Surroundings, pod: Manifest, namespace: str, account: str) -> RoleRights | None:
    variables = {
        str(one["name"]): str(one.get("value", "")) for box in pod["containers"] for one in box.get("env") or []
    }
    arn = variables.get("AWS_ROLE_ARN")
    if not arn:
        return None
    audience = _audience(pod, variables.get("AWS_WEB_IDENTITY_TOKEN_FILE", ""))
    issuer = str(around.api.request("GET", "/.well-known/openid-configuration")["issuer"]).removeprefix("https://")
    role = _role(around, arn)
    claims = {f"{issuer}:aud": audience, f"{issuer}:sub": f"system:serviceaccount:{namespace}:{account}"}
    provider = next((one for one in _providers(around) if one.partition(":oidc-provider/")[2] == issuer), None)
    if provider is None:
        raise RightsError(f"No OpenIDConnect provider found in your account for https://{issuer}")
    federated = {"Federated": provider}
    if not _trusted(parsed(role["AssumeRolePolicyDocument"]), "sts:AssumeRoleWithWebIdentity", federated, claims):
        raise RightsError(
            f"{claims[f'{issuer}:sub']} is not authorized to perform sts:AssumeRoleWithWebIdentity on {arn}"
        )
    return RoleRights(around.aws, role)


def role_of_account(around: Surroundings, namespace: str, account: str) -> RoleRights:
    """Return the role that a Pod Identity association gives a service account. Raise `RightsError` when none does."""
    eks = around.aws("eks")
    for cluster in eks.list_clusters()["clusters"]:
        place = {"clusterName": cluster, "namespace": namespace, "serviceAccount": account}
        for found in eks.list_pod_identity_associations(**place)["associations"]:
            if _AGENT not in eks.list_addons(clusterName=cluster)["addons"]:
                raise RightsError(f"no credentials: cluster {cluster} has no add-on {_AGENT}")
            wanted = {"clusterName": cluster, "associationId": found["associationId"]}
            arn = str(eks.describe_pod_identity_association(**wanted)["association"]["roleArn"])
            role = _role(around, arn)
            own = str(eks.describe_cluster(name=cluster)["cluster"]["arn"])
            tags = {
                "aws:RequestTag/eks-cluster-arn": own,
                "aws:RequestTag/eks-cluster-name": str(cluster),
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": account,
                "aws:SourceAccount": arn.split(":")[4],
                "aws:SourceArn": own,
            }
            trust, service = parsed(role["AssumeRolePolicyDocument"]), {"Service": "pods.eks.amazonaws.com"}
            for action in ("sts:AssumeRole", "sts:TagSession"):
                if not _trusted(trust, action, service, tags):
                    raise RightsError(f"pods.eks.amazonaws.com is not authorized to perform {action} on {arn}")
            return RoleRights(around.aws, role)
    annotated = _annotated(around, namespace, account)
    unplayed = " (EKS's webhook, which would read its annotation, is not played)" if annotated else ""
    raise RightsError(
        f"no credentials: service account {namespace}/{account} has neither a Pod Identity association nor AWS_ROLE_ARN"
        f"{unplayed}"
    )


def _annotated(around: Surroundings, namespace: str, account: str) -> bool:
    found = around.get("v1", "ServiceAccount", namespace, account)
    return _ANNOTATION in ((found or {}).get("metadata", {}).get("annotations") or {})


def _audience(pod: Manifest, file: str) -> str:
    """Return whom the token in a file is for. Raise `RightsError` where no token is mounted there."""
    tokens = {
        (str(volume["name"]), str(source["serviceAccountToken"].get("path"))): source["serviceAccountToken"]
        for volume in pod.get("volumes") or []
        for source in (volume.get("projected") or {}).get("sources") or []
        if "serviceAccountToken" in source
    }
    for mount in (one for box in pod["containers"] for one in box.get("volumeMounts") or []):
        path = file.removeprefix(f"{str(mount['mountPath']).rstrip('/')}/")
        if (token := tokens.get((str(mount["name"]), path))) is not None:
            return str(token.get("audience", ""))
    raise RightsError(f"no service account's token is mounted at AWS_WEB_IDENTITY_TOKEN_FILE={file!r}")


def _role(around: Surroundings, arn: str) -> Mapping[str, Any]:
    try:
        return dict(around.aws("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"])
    except ClientError as error:
        raise RightsError(f"role {arn}: {error.response['Error']['Message']}") from error


def _providers(around: Surroundings) -> list[str]:
    found = around.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return [str(one["Arn"]) for one in found]


def _trusted(
    statements: Iterable[Statement], action: str, principal: Mapping[str, str], context: Mapping[str, str]
) -> bool:
    ((kind, name),) = principal.items()
    about = [
        one
        for one in statements
        if action in texts(one.get("Action")) and name in texts((one.get("Principal") or {}).get(kind))
    ]
    return any(one["Effect"] == "Allow" for one in about if conditions_hold(one, context))
