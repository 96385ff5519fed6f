"""Karpenter's AWS side; the controller itself comes from GitOps. Import the modules: the planners need no pulumi."""
