"""Rows of S3: a bucket and, each on its own, what is set on it."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import bucket_objects, buckets

BLOCK = (
    "put_public_access_block {Bucket: bucket, PublicAccessBlockConfiguration: {BlockPublicAcls: blockPublicAcls,"
    " BlockPublicPolicy: blockPublicPolicy, IgnorePublicAcls: ignorePublicAcls,"
    " RestrictPublicBuckets: restrictPublicBuckets}}"
)
OWNERSHIP = (
    "put_bucket_ownership_controls"
    " {Bucket: bucket, OwnershipControls: {Rules: [{ObjectOwnership: rule.objectOwnership}]}}"
)
VERSIONING = (
    "put_bucket_versioning {Bucket: bucket, VersioningConfiguration: {Status: versioningConfiguration.status,"
    " MFADelete: versioningConfiguration.mfaDelete}}"
)
LOGGING = (
    "put_bucket_logging {Bucket: bucket, BucketLoggingStatus: {LoggingEnabled: {TargetBucket: targetBucket,"
    " TargetPrefix: targetPrefix, TargetObjectKeyFormat: targetObjectKeyFormat.{SimplePrefix: simplePrefix,"
    " PartitionedPrefix: partitionedPrefix.{PartitionDateSource: partitionDateSource}}}}}"
)
ENCRYPTION = "put_bucket_encryption *"
LIFECYCLE = "put_bucket_lifecycle_configuration *"
POLICY = "put_bucket_policy {Bucket: bucket, Policy: policy}"

ROWS = (
    Row(
        token="aws:s3/bucket:Bucket",
        service="s3",
        create=buckets.create,
        id="{bucket}",
        read=("get_bucket_location {Bucket: id}", buckets.tags),
        delete=(buckets.empty, "delete_bucket {Bucket: id}"),
        rename={"bucket": "Bucket"},
        out={
            "arn": "join('', ['arn:', partition, ':s3:::', id])",
            "bucket": "id",
            "bucketDomainName": "join('', [id, '.s3.amazonaws.com'])",
            "bucketRegion": "region",
            "bucketRegionalDomainName": "join('', [id, '.s3.', region, '.amazonaws.com'])",
            "bucketNamespace": "`null`",
            "objectLockEnabled": "objectLockEnabled || `false`",
        },
        takes=("bucket", "objectLockEnabled"),
        local=("forceDestroy",),
        defaults={"forceDestroy": False},
        computed=("objectLockEnabled",),
        auto=AutoName(input="bucket", limit=63),
        tags="s3",
    ),
    Row(
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        service="s3",
        create=BLOCK,
        id="{bucket}",
        read=("get_public_access_block {Bucket: id} -> PublicAccessBlockConfiguration",),
        set={"blockPublicAcls blockPublicPolicy ignorePublicAcls restrictPublicBuckets": BLOCK},
        delete=("if !skipDestroy: delete_public_access_block {Bucket: id}",),
        out={"bucket": "id"},
        local=("skipDestroy",),
        defaults={
            "blockPublicAcls": False,
            "blockPublicPolicy": False,
            "ignorePublicAcls": False,
            "restrictPublicBuckets": False,
        },
    ),
    Row(
        token="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        service="s3",
        create=OWNERSHIP,
        id="{bucket}",
        read=("get_bucket_ownership_controls {Bucket: id} -> OwnershipControls",),
        set={"rule": OWNERSHIP},
        delete=("delete_bucket_ownership_controls {Bucket: id}",),
        out={"bucket": "id", "rule": "Rules[0]"},
    ),
    Row(
        token="aws:s3/bucketVersioning:BucketVersioning",
        service="s3",
        create=VERSIONING,
        id="{bucket}",
        read=("get_bucket_versioning {Bucket: id} -> Status && {Status: Status}",),
        set={"versioningConfiguration": VERSIONING},
        # What was once versioned stays so; the provider suspends it.
        delete=("put_bucket_versioning {Bucket: id, VersioningConfiguration: {Status: 'Suspended'}}",),
        out={"bucket": "id", "versioningConfiguration": "{status: Status}"},
    ),
    Row(
        token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        service="s3",
        create=ENCRYPTION,
        id="{bucket}",
        read=("get_bucket_encryption {Bucket: id} -> ServerSideEncryptionConfiguration",),
        set={"rules": ENCRYPTION},
        delete=("delete_bucket_encryption {Bucket: id}",),
        nest="ServerSideEncryptionConfiguration",
        out={"bucket": "id"},
    ),
    Row(
        token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        service="s3",
        create=LIFECYCLE,
        id="{bucket}",
        read=("get_bucket_lifecycle_configuration {Bucket: id} -> @",),
        set={"rules transitionDefaultMinimumObjectSize": LIFECYCLE},
        delete=("delete_bucket_lifecycle {Bucket: id}",),
        nest="LifecycleConfiguration",
        rename={"rules.abortIncompleteMultipartUpload.daysAfterInitiation": "DaysAfterInitiation"},
        out={"bucket": "id"},
        computed=("transitionDefaultMinimumObjectSize",),
        ordered=("rules",),
    ),
    Row(
        token="aws:s3/bucketPolicy:BucketPolicy",
        service="s3",
        create=POLICY,
        id="{bucket}",
        read=("get_bucket_policy {Bucket: id}",),
        set={"policy": POLICY},
        delete=("delete_bucket_policy {Bucket: id}",),
        out={"bucket": "id"},
    ),
    Row(
        token="aws:s3/bucketLogging:BucketLogging",
        service="s3",
        create=LOGGING,
        id="{bucket}",
        read=("get_bucket_logging {Bucket: id} -> LoggingEnabled",),
        set={"targetBucket targetPrefix targetObjectKeyFormat": LOGGING},
        delete=("put_bucket_logging {Bucket: id, BucketLoggingStatus: {LoggingEnabled: `null`}}",),
        out={"bucket": "id"},
    ),
    Row(
        token="aws:s3/bucketObjectv2:BucketObjectv2",
        service="s3",
        create=bucket_objects.put_object,
        id="{bucket}/{key}",
        read=(bucket_objects.read_object,),
        set={
            "cacheControl content contentBase64 contentDisposition contentEncoding contentLanguage contentType kmsKeyId"
            " metadata serverSideEncryption storageClass": bucket_objects.put_object,
        },
        delete=(bucket_objects.delete_object,),
        takes=(
            "bucket",
            "cacheControl",
            "content",
            "contentBase64",
            "contentDisposition",
            "contentEncoding",
            "contentLanguage",
            "contentType",
            "key",
            "kmsKeyId",
            "metadata",
            "serverSideEncryption",
            "storageClass",
        ),
        local=("forceDestroy",),
        defaults={"forceDestroy": False},
        computed=("contentType", "etag", "kmsKeyId", "serverSideEncryption", "storageClass"),
        moves=("etag", "versionId"),
        auto=AutoName(input="key", limit=1024),
        tags="s3-object",
    ),
)
