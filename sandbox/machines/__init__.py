"""EC2 instances that boot from their own user data into a real Kubernetes, as kubeadm would make it."""
