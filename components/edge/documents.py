"""Policy statements of the CDN, as plain dicts."""

from __future__ import annotations

from typing import Any

Statement = dict[str, Any]


def distribution_reads(*, bucket_arn: str, distribution_arn: str) -> Statement:
    """Let one distribution read the objects of a bucket; it cannot list them, so a missing one answers 403.

    Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html.
    """
    return {
        "Sid": "AllowDistribution",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{bucket_arn}/*",
        "Condition": {"StringEquals": {"aws:SourceArn": distribution_arn}},
    }


def distributions_decrypt(*, partition: str, account_id: str) -> Statement:
    """Let the account's distributions decrypt what they may read: a statement of the key's policy.

    The key is there before any distribution, so none can be named; which objects one reaches is the bucket's to say.
    CloudFront only reads, so it gets none of the writing actions.
    """
    return {
        "Sid": "AllowDistributions",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:{partition}:cloudfront::{account_id}:distribution/*"}},
    }
