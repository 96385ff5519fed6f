"""The Kubernetes side of the sandbox: a real control plane, a provider host and the controllers that run beside them."""
