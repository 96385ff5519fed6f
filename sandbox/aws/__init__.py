"""AWS of the sandbox: a Pulumi provider host over moto."""

from sandbox.environment import shut_out_foreign_settings

# Before moto is imported: it asks for the user's AWS profile while it is.
shut_out_foreign_settings()

from sandbox.aws.effects import ClusterAccess, ClusterEffects, NodeGroupSpec
from sandbox.aws.emulator import AwsEmulator
from sandbox.aws.host import AwsHost

__all__ = ["AwsEmulator", "AwsHost", "ClusterAccess", "ClusterEffects", "NodeGroupSpec"]
