"""external-secrets: the secrets below the stack's prefix, and tokens for the registry of charts.

Sources: https://github.com/external-secrets/external-secrets/blob/cc5bfbc2234a/docs/provider/aws-secrets-manager.md and
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEC2ContainerRegistryPullOnly.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.identity.policies.scope import Document, Scope, allow, document


def secrets(scope: Scope, prefix: str) -> Document:
    """Let external-secrets read the secrets whose names begin with the prefix, whatever key they are encrypted with.

    Searching (`dataFrom.find`) would need rights on all secrets' names and is left out.

    Args:
        scope: Whose controller.
        prefix: Begins the names; ends in a slash, so that `demo/` cannot mean `demo-2/`.
    """
    named = scope.arn("secretsmanager", f"secret:{prefix}*")
    return document(
        allow("AllowReadingSecrets", ["secretsmanager:GetSecretValue"], named),
        allow(
            "AllowDecryptingSecrets",
            ["kms:Decrypt"],
            scope.arn("kms", "key/*"),
            StringEquals=scope.via("secretsmanager"),
            # Secrets Manager encrypts each secret under its ARN
            # (https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
            StringLike={"kms:EncryptionContext:SecretARN": named},
        ),
    )


def chart_registry(scope: Scope, repositories: Sequence[str]) -> Document:
    """Let a token of ECR read the charts that Argo CD takes from it.

    Argo CD cannot log in to ECR with a role. external-secrets fetches the token for it (`ECRAuthorizationToken`), and a
    token can what its fetcher can.

    Args:
        scope: Whose controller.
        repositories: Names; at least one.
    """
    return document(
        # The call takes no resource: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html.
        allow("AllowLoggingIn", ["ecr:GetAuthorizationToken"], "*"),
        allow(
            "AllowPulling",
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [scope.arn("ecr", f"repository/{name}") for name in repositories],
        ),
    )
