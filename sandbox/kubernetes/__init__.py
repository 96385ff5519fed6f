"""The Kubernetes side of the sandbox: a real control plane, a provider host and what runs beside them."""
