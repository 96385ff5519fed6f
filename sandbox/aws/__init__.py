"""AWS of the sandbox: a Pulumi provider host over moto."""

from sandbox.aws.effects import ClusterAccess, ClusterEffects, NodeGroupSpec
from sandbox.aws.emulator import AwsEmulator
from sandbox.aws.host import AwsHost

__all__ = ["AwsEmulator", "AwsHost", "ClusterAccess", "ClusterEffects", "NodeGroupSpec"]
