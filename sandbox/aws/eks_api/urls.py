"""Puts the EKS service behind moto's server."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.eks import urls

from sandbox.aws.eks_api.refusal import EksError
from sandbox.aws.eks_api.service import EKS

__all__ = ["install"]


class _Responder(BaseResponse):
    """Hands each EKS request to the service and writes its answer by botocore's model."""

    def __init__(self) -> None:
        super().__init__(service_name="eks")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        operation = self._get_action()
        try:
            answer = EKS.answer(self.region, operation, dict(self.params))
        except EksError as refusal:
            headers = {**self.response_headers, "x-amzn-ErrorType": refusal.code, "Content-Type": "application/json"}
            return refusal.status, headers, json.dumps({"message": str(refusal)})
        return self.serialized(ActionResult(answer))


def install() -> None:
    """Serve every path of the EKS API from the service. Takes effect for servers that start afterwards."""
    urls.url_paths.clear()
    # moto finds the operation by botocore's own table of paths, so one path for all is enough.
    urls.url_paths["{0}/.*"] = _Responder.dispatch
