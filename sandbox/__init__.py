"""The offline world: the real Pulumi engine, a real Kubernetes API and Argo CD, and AWS emulated by moto."""
