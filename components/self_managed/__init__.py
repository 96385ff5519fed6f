"""Self-managed Kubernetes: named EC2 instances that become a kubeadm cluster without SSH or hand-work."""
