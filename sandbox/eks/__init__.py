"""Stand-in for the pulumi-eks plugin: the same children, types, names and outputs."""
