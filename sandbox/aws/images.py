"""Machine images that are there before the program: those that `{ami:…}` in `[tool.sandbox.config]` stands for.

The emulated account has one set of them in every region, where AWS gives each region an id of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sandbox.protocol import HostError

__all__ = ["IMAGES", "PUBLISHED", "Image", "add_image"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """What EC2 knows of an image.

    Attributes:
        name: As its owner named it.
        owner: Account of the owner.
        architecture: Of the instances that can start from it.
        root_device: Where the root volume is attached.
    """

    name: str
    owner: str
    architecture: str = "x86_64"
    root_device: str = "/dev/sda1"


_CANONICAL = "099720109477"
_NOBLE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{}-server-20261110"

# Short name → image. https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
PUBLISHED = {
    "ubuntu-24.04": Image(name=_NOBLE.format("amd64"), owner=_CANONICAL),
    "ubuntu-24.04-arm64": Image(name=_NOBLE.format("arm64"), owner=_CANONICAL, architecture="arm64"),
}
# Id → image, of those that were added. One set per process, as moto's backends are.
IMAGES: dict[str, Image] = {}


def add_image(name: str) -> str:
    """Make a published image known in every region and return its id, the same each time.

    Raises:
        HostError: There is no such image.
    """
    if name not in PUBLISHED:
        raise HostError(f"no machine image {name} is known; add it to PUBLISHED in sandbox/aws/images.py")
    unique = f"ami-0{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    IMAGES[unique] = PUBLISHED[name]
    return unique
