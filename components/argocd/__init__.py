"""Argo CD, installed once, and the root Application that hands the cluster to GitOps."""
