"""The program that `pulumi up` runs: settings, the stack they ask for, its outputs."""

from __future__ import annotations

from importlib import import_module

import pulumi

from settings import EksSettings, Settings


def main() -> None:
    """Register the stack that the settings ask for and export its outputs."""
    settings = Settings.load()
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    # Only the one asked for: each imports SDKs that the other has no use for.
    stack = import_module("stacks.eks" if isinstance(settings, EksSettings) else "stacks.self_managed")
    if pulumi.runtime.is_dry_run():
        pulumi.log.info("\n".join(stack.estimates(settings)))
    for name, value in stack.build(settings).items():
        pulumi.export(name, value)


main()
