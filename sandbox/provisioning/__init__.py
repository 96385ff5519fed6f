"""Stand-in for Karpenter's provisioning: which machines unschedulable pods need, made in the emulated EC2."""
