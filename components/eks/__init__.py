"""The EKS cluster, its add-ons and its base node group."""
