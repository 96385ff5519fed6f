#!/usr/bin/env python3
"""Signs the kubelet in to ECR as the machine's role: reads an image's name, answers with a user and a password.

The kubelet runs it for images of ECR only, and keeps the answer for a while
(https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/).
"""

from __future__ import annotations

import base64
import json
import re
import sys
from typing import Final

_REGISTRY: Final = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?(?=/)")


def credentials(image: str) -> dict[str, dict[str, str]]:
    """Return user and password by registry; nothing for an image that is not in ECR."""
    registry = _REGISTRY.match(image)
    if registry is None:
        return {}
    import boto3

    answer = boto3.client("ecr", region_name=registry["region"]).get_authorization_token()
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    username, _, password = token.partition(":")
    return {registry[0]: {"username": username, "password": password}}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    response = {
        "apiVersion": request["apiVersion"],
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
        "auth": credentials(request["image"]),
    }
    json.dump(response, sys.stdout)
