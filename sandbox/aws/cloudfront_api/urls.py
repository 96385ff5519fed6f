"""Puts the CloudFront service behind moto's server."""

from __future__ import annotations

from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

from sandbox.aws.cloudfront_api.service import CLOUDFRONT

__all__ = ["install"]


class _Responder(CloudFrontResponse):
    """Hands each CloudFront request to the service and writes its answer by botocore's model."""

    def call_action(self) -> Any:
        try:
            return self.serialized(ActionResult(CLOUDFRONT.answer(self._get_action(), dict(self.params))))
        except ServiceException as refusal:
            return self.serialized(ActionResult(refusal))


def install() -> None:
    """Serve every path of the CloudFront API from the service. Takes effect for servers that start afterwards."""
    urls.url_paths.clear()
    # moto finds the operation by botocore's own table of paths, so one path for all is enough.
    urls.url_paths["{0}/.*"] = _Responder.dispatch
