"""The EKS API: finds the operation and answers it, with the tags that all kinds share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.effects import ClusterEffects
from sandbox.aws.eks_api.access import Access, PodIdentity
from sandbox.aws.eks_api.addons import Addons
from sandbox.aws.eks_api.clusters import Clusters
from sandbox.aws.eks_api.node_groups import NodeGroups
from sandbox.aws.eks_api.refusal import EksError
from sandbox.aws.eks_api.state import Record, State

__all__ = ["EKS", "EksService"]


class EksService:
    """EKS of one account, all regions."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, effects included."""
        self.state = State()
        self._parts = (
            Clusters(self.state),
            NodeGroups(self.state),
            Addons(self.state),
            Access(self.state),
            PodIdentity(self.state),
            self,
        )

    def attach(self, effects: ClusterEffects | None) -> None:
        """Tell these effects about clusters and node groups from now on."""
        self.state.effects = effects

    def answer(self, region: str, operation: str, params: Mapping[str, Any]) -> Record:
        """Answer one request.

        Raises:
            EksError: The API refuses, or the operation is not served.
        """
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        for part in self._parts:
            method = getattr(part, name, None)
            if method is not None:
                answer: Record = method(region, params)
                return answer
        raise EksError(
            "NotImplementedException", 501, f"{operation} is not served; add a method {name} in sandbox/aws/eks_api"
        )

    def tag_resource(self, region: str, params: Mapping[str, Any]) -> Record:
        """Add tags to anything of EKS."""
        self.state.by_arn(region, params["resourceArn"])["tags"].update(params["tags"])
        return {}

    def untag_resource(self, region: str, params: Mapping[str, Any]) -> Record:
        """Remove tags from anything of EKS."""
        tags = self.state.by_arn(region, params["resourceArn"])["tags"]
        for name in params["tagKeys"]:
            tags.pop(name, None)
        return {}

    def list_tags_for_resource(self, region: str, params: Mapping[str, Any]) -> Record:
        """Return the tags of anything of EKS."""
        return {"tags": self.state.by_arn(region, params["resourceArn"])["tags"]}


# One per process, as moto's backends are.
EKS = EksService()
