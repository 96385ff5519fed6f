"""What nodes of image Amazon Linux 2023 read from their user data: NodeConfigs in a MIME text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any, Final

import yaml

from sandbox.aws.eks_api.refusal import invalid

__all__ = ["kubelet_configuration"]

_NODE_CONFIG: Final = "application/node.eks.aws"


def kubelet_configuration(user_data: str) -> dict[str, Any]:
    """Return the KubeletConfiguration that nodeadm makes of user data in base64, the later NodeConfig over the earlier.

    https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/examples/

    Raises:
        EksError: EKS would not take the user data for a node group.
    """
    if not user_data:
        return {}
    try:
        message = message_from_bytes(base64.b64decode(user_data, validate=True))
    except binascii.Error as error:
        raise invalid("Ec2LaunchTemplateInvalidConfiguration: user data is not base64") from error
    if not message.is_multipart():
        raise invalid("Ec2LaunchTemplateInvalidConfiguration: User data was not in the MIME multipart format")
    merged: dict[str, Any] = {}
    for part in message.walk():
        if part.get_content_type() == _NODE_CONFIG:
            payload = part.get_payload(decode=True)
            config = yaml.safe_load(payload) if isinstance(payload, bytes) else {}
            merged = _merged(merged, ((config.get("spec") or {}).get("kubelet") or {}).get("config") or {})
    return merged


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: _merged(old[key], new[key]) for key in old.keys() & new.keys() if isinstance(new[key], Mapping)}
    return {**old, **new, **both}
