"""ECR repositories of the workloads' images, and the role that pushes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws.ecr import (
    LifecyclePolicy,
    Repository,
    RepositoryEncryptionConfigurationArgs,
    RepositoryImageScanningConfigurationArgs,
)
from pulumi_aws.iam import Role, RolePolicy

from components.place import Place
from components.storage import policy
from components.storage.names import plan_names


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryArgs:
    """What the registry needs to know.

    Attributes:
        cluster_name: Names the push role.
        repositories: Names; two stacks of one account and region cannot share one.
        pushers: ARNs of roles that may take the push role, by name; without any there is no push role.
        key_arn: Encrypts the images. Another key is another repository.
        keep: Whether a destroy leaves repositories behind, with their images.
        protect: Whether Pulumi refuses to delete them.
    """

    cluster_name: str
    repositories: Sequence[str]
    pushers: Mapping[str, str] = field(default_factory=dict)
    key_arn: pulumi.Input[str]
    keep: bool = False
    protect: bool = False
    place: Place


class Registry(pulumi.ComponentResource):
    """Repositories whose tags never change and whose images are scanned when they come; old images go.

    They have no policy of their own: this account's IAM decides. Nodes pull by their role.

    Attributes:
        repository_urls: By the repository's name; an image is the URL, a colon and its tag.
        push_role_arn: For pipelines; none without pushers.
    """

    repository_urls: Mapping[str, pulumi.Output[str]]
    push_role_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the repositories."""
        super().__init__("platform:storage:Registry", name, None, opts)
        self._name = name
        self._args = args
        self.repository_urls = {
            repository: self._create_repository(repository).repository_url for repository in args.repositories
        }
        pushed = args.pushers and args.repositories
        self.push_role_arn = self._create_push_role().arn if pushed else None
        self.register_outputs({"repository_urls": self.repository_urls, "push_role_arn": self.push_role_arn})

    def _create_repository(self, repository: str) -> Repository:
        args = self._args
        name = f"{self._name}-{repository}"
        kept = args.keep or None
        created = Repository(
            name,
            name=repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
            ],
            force_delete=not args.keep,
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None, retain_on_delete=kept),
        )
        LifecyclePolicy(
            name,
            repository=created.name,
            policy=policy.render(policy.image_lifecycle()),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=kept),
        )
        return created

    def _create_push_role(self) -> Role:
        args = self._args
        child = pulumi.ResourceOptions(parent=self)
        role = Role(
            f"{self._name}-push",
            name=plan_names(args.cluster_name).push_role,
            description=f"Pushes images to the repositories of {args.cluster_name}",
            assume_role_policy=policy.render(policy.push_trust(list(args.pushers.values()))),
            permissions_boundary=args.place.permissions_boundary,
            tags=dict(args.place.tags),
            opts=child,
        )
        RolePolicy(
            f"{self._name}-push",
            role=role.name,
            policy=policy.render(policy.push(args.repositories, **args.place.where)),
            opts=child,
        )
        return role
