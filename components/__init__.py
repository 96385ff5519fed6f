"""Pulumi components: thin, each beside the pure planner that decides for it."""
