"""Steps of S3: a bucket's place and tags, and emptying one."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.session import Scope, Session

__all__ = ["create", "empty", "tags"]

# The one region that takes no location: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html.
HOME = "us-east-1"


def create(session: Session, scope: Scope) -> dict[str, Any]:
    """Create the bucket in the session's region, and tag it."""
    params: dict[str, Any] = {"Bucket": scope["bucket"]}
    if session.region != HOME:
        params["CreateBucketConfiguration"] = {"LocationConstraint": session.region}
    if scope["objectLockEnabled"]:
        params["ObjectLockEnabledForBucket"] = True
    answer = session.call("create_bucket", **params)
    if scope["tagList"]:
        session.call("put_bucket_tagging", Bucket=scope["bucket"], Tagging={"TagSet": scope["tagList"]})
    return answer


def tags(session: Session, scope: Scope) -> dict[str, Any]:
    """Return the bucket's tags; a bucket without any is an error of the API's."""
    try:
        return {"Tags": session.call("get_bucket_tagging", Bucket=scope["id"])["TagSet"]}
    except AwsError as failure:
        if failure.code != "NoSuchTagSet":
            raise
        return {"Tags": []}


def empty(session: Session, scope: Scope) -> None:
    """Delete every version of every object, when the program says that the bucket goes with what is in it."""
    if not scope["forceDestroy"]:
        return
    while True:
        page = session.call("list_object_versions", Bucket=scope["id"])
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            return
        keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        session.call("delete_objects", Bucket=scope["id"], Delete={"Objects": keys})
