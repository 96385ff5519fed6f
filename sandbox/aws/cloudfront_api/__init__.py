"""The CloudFront API of the sandbox, served by moto's server in place of moto's own, which forgets most settings."""

from sandbox.aws.cloudfront_api.service import CLOUDFRONT, CloudFrontService
from sandbox.aws.cloudfront_api.urls import install

__all__ = ["CLOUDFRONT", "CloudFrontService", "install"]
