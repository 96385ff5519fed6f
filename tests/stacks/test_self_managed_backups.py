"""A volume of etcd has a way back because its control plane writes snapshots, and for no other reason."""

from __future__ import annotations

from dataclasses import replace

from tests.storage import ATTACHMENT, without_a_way_back
from tests.whole_stacks import WholeStack

VOLUME = "aws:ebs/volume:Volume"


def test_a_volume_of_etcd_without_its_control_plane_is_reported(whole_stack: WholeStack) -> None:
    """Attached to nothing, nobody writes a snapshot of what it holds."""
    captured = whole_stack("nodes14")
    assert without_a_way_back(captured) == []
    loose = replace(captured, resources=[one for one in captured.resources if one.type != ATTACHMENT])
    assert without_a_way_back(loose) == [one.urn for one in captured.of_type(VOLUME)]
