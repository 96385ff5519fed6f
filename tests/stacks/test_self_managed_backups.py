"""A volume of etcd has a way back because its control plane writes snapshots, and for no other reason."""

from __future__ import annotations

from dataclasses import replace

from tests.storage import ATTACHMENT, without_a_way_back
from tests.whole_stacks import WholeStack

VOLUME = "aws:ebs/volume:Volume"
INSTANCE = "aws:ec2/instance:Instance"


def test_machines_come_after_what_they_write_to(whole_stack: WholeStack) -> None:
    """A destroy empties the buckets when nobody writes any more, and a first boot finds the one that it asks."""
    captured = whole_stack("nodes14")
    wanted = {captured.one("aws:s3/bucketPolicy:BucketPolicy", f"storage-{name}").urn for name in ("backups", "logs")}
    for machine in captured.of_type(INSTANCE):
        assert wanted <= set(machine.property_dependencies["userDataBase64"]), machine.name


def test_a_volume_of_etcd_without_its_control_plane_is_reported(whole_stack: WholeStack) -> None:
    """Attached to nothing, nobody writes a snapshot of what it holds."""
    captured = whole_stack("nodes14")
    assert without_a_way_back(captured) == []
    loose = replace(captured, resources=[one for one in captured.resources if one.type != ATTACHMENT])
    assert without_a_way_back(loose) == [one.urn for one in captured.of_type(VOLUME)]
