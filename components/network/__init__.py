"""The VPC: subnets by role and zone, their ways out, flow logs. Import the modules: the plan needs no pulumi."""
