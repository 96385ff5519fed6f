"""The EKS API of the sandbox, served by moto's server in place of moto's own, which lacks most of it."""

from sandbox.aws.eks_api.service import EKS, EksService
from sandbox.aws.eks_api.urls import install

__all__ = ["EKS", "EksService", "install"]
