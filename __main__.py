"""The program that `pulumi up` runs: settings, the stack they ask for, its outputs."""

from __future__ import annotations

import pulumi

from settings import Settings
from stacks import eks


def main() -> None:
    """Register the stack that the settings ask for and export its outputs."""
    settings = Settings.load()
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    if pulumi.runtime.is_dry_run():
        pulumi.log.info("\n".join(eks.estimates(settings)))
    for name, value in eks.build(settings).items():
        pulumi.export(name, value)


main()
