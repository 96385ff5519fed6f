"""An S3 bucket that is nobody's but ours, but for objects that are published on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws.s3 import (
    Bucket,
    BucketLifecycleConfiguration,
    BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs,
    BucketLifecycleConfigurationRuleArgs,
    BucketLifecycleConfigurationRuleExpirationArgs,
    BucketLifecycleConfigurationRuleFilterArgs,
    BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs,
    BucketLogging,
    BucketOwnershipControls,
    BucketOwnershipControlsRuleArgs,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs,
    BucketServerSideEncryptionConfigurationRuleArgs,
    BucketVersioning,
    BucketVersioningVersioningConfigurationArgs,
)

from components.place import Place
from components.storage import policy

# An object that was overwritten or deleted can be had back for so long.
NONCURRENT_DAYS: Final = 30
_INCOMPLETE_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateBucketArgs:
    """What a bucket needs to know.

    Attributes:
        bucket: Its name, in a space that all accounts share. Another name is another, empty bucket.
        key_arn: Of the KMS key of its objects; without one S3's own key, which is the only one that access logs of load
            balancers and buckets can be written with.
        log_bucket: Takes its access logs, under `s3/<bucket>/`.
        expire_days: Age at which objects go; without it they stay.
        published: Full keys of the objects that everybody may fetch. An account that blocks public policies for all of
            its buckets refuses the policy with `AccessDenied`.
        keep: Whether a destroy leaves it, what is set on it, and what it holds behind.
        protect: Whether Pulumi refuses to delete it.
    """

    bucket: str
    key_arn: pulumi.Input[str] | None = None
    log_bucket: pulumi.Input[str] | None = None
    expire_days: int | None = None
    published: Sequence[str] = ()
    keep: bool = False
    protect: bool = False
    place: Place


class PrivateBucket(pulumi.ComponentResource):
    """A bucket without public access, but to what is published, and without ACLs: versioned, encrypted, over TLS only.

    Its policy is left to `attach_policy`, which is called once: some name what is made for the bucket.

    Attributes:
        bucket: Its name; after `attach_policy` known once the policy stands.
        arn: As above.
        regional_domain_name: Where CloudFront fetches from.
    """

    bucket: pulumi.Output[str]
    arn: pulumi.Output[str]
    regional_domain_name: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the bucket and all but its policy."""
        super().__init__("platform:storage:PrivateBucket", name, None, opts)
        self._name = name
        self._args = args
        self._policy: BucketPolicy | None = None
        bucket = self._create_bucket()
        self._public_access_block = BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=not args.published,
            ignore_public_acls=True,
            restrict_public_buckets=not args.published,
            opts=self._child(),
        )
        BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child(),
        )
        self._create_encryption(bucket)
        self._create_lifecycle(bucket)
        if args.log_bucket is not None:
            BucketLogging(
                name,
                bucket=bucket.bucket,
                target_bucket=args.log_bucket,
                target_prefix=f"{policy.S3_LOGS}/{args.bucket}/",
                opts=self._child(),
            )
        self._name_by(bucket)
        self.regional_domain_name = bucket.bucket_regional_domain_name
        shown = ("bucket", "arn", "regional_domain_name")
        self.register_outputs({output: getattr(self, output) for output in shown})

    def attach_policy(
        self, statements: Sequence[Mapping[str, Any]] | pulumi.Output[Sequence[Mapping[str, Any]]] = ()
    ) -> None:
        """Register the bucket's policy: nobody without TLS 1.2, everybody for what is published, and the statements.

        Raises:
            ValueError: It was called before. A bucket has one policy, and a second would take the first one's place.
        """
        if self._policy is not None:
            raise ValueError(f"bucket {self._args.bucket} has its policy; give all statements at once")
        args = self._args
        arn = policy.bucket_arn(args.place.partition, args.bucket)
        published = [policy.everybody_reads(arn, args.published)] if args.published else []
        document: pulumi.Input[str]
        if isinstance(statements, pulumi.Output):
            document = statements.apply(lambda known: policy.render(policy.bucket_policy(arn, [*published, *known])))
        else:
            document = policy.render(policy.bucket_policy(arn, [*published, *statements]))
        self._policy = BucketPolicy(
            self._name,
            bucket=self.bucket,
            policy=document,
            # S3 refuses two changes of a bucket's access at once.
            opts=self._child(self._public_access_block),
        )
        self._name_by(self._policy)

    def _name_by(self, resource: Bucket | BucketPolicy) -> None:
        """Take name and ARN from what has to stand before others use the bucket; a preview knows both."""
        partition = self._args.place.partition
        self.bucket = resource.bucket
        self.arn = resource.bucket.apply(lambda bucket: policy.bucket_arn(partition, bucket))

    def _child(self, *needs: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(needs),
            protect=protect or None,
            retain_on_delete=self._args.keep or None,
        )

    def _create_bucket(self) -> Bucket:
        args = self._args
        return Bucket(
            self._name,
            bucket=args.bucket,
            force_destroy=not args.keep,
            tags={**args.place.tags, "Name": args.bucket},
            opts=self._child(protect=args.protect),
        )

    def _create_encryption(self, bucket: Bucket) -> None:
        """Encrypt new objects; a key per bucket and day instead of one per object saves calls of KMS."""
        default = BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs
        key_arn = self._args.key_arn
        by_default = (
            default(sse_algorithm="AES256")
            if key_arn is None
            else default(sse_algorithm="aws:kms", kms_master_key_id=key_arn)
        )
        BucketServerSideEncryptionConfiguration(
            self._name,
            bucket=bucket.bucket,
            rules=[
                BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=by_default, bucket_key_enabled=key_arn is not None
                )
            ],
            opts=self._child(),
        )

    def _create_lifecycle(self, bucket: Bucket) -> None:
        """Keep versions, and let old ones, half uploads and, if so asked, old objects go."""
        versioning = BucketVersioning(
            self._name,
            bucket=bucket.bucket,
            versioning_configuration=BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child(),
        )
        expiration = BucketLifecycleConfigurationRuleExpirationArgs
        days = self._args.expire_days
        BucketLifecycleConfiguration(
            self._name,
            bucket=bucket.bucket,
            rules=[
                BucketLifecycleConfigurationRuleArgs(
                    id="expire",
                    status="Enabled",
                    # Said aloud: every object.
                    filter=BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    # With an age S3 takes away the last trace of a deleted object by itself.
                    expiration=expiration(expired_object_delete_marker=True) if days is None else expiration(days=days),
                    noncurrent_version_expiration=BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=NONCURRENT_DAYS
                    ),
                    abort_incomplete_multipart_upload=BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=_INCOMPLETE_DAYS
                    ),
                )
            ],
            # A rule about versions is refused before there are any.
            opts=self._child(versioning),
        )
