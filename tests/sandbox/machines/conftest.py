"""One lab per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.machines import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """An account with a VPC in which machines boot."""
    made = Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made.close()
