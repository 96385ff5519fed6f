"""Stacks: functions that wire components together from settings."""
