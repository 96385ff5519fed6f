"""Steps of single objects in buckets."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError, Properties

__all__ = ["delete_object", "put_object", "read_object"]

_HEADERS = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
}


def put_object(session: Session, scope: Scope) -> dict[str, Any]:
    """Write an object, whole.

    Raises:
        HostError: The program gives no content, or gives it twice.
    """
    contents = [scope[name] for name in ("content", "contentBase64") if scope[name] is not None]
    if len(contents) != 1:
        raise HostError("the sandbox plays objects with one of `content,contentBase64`")
    body = base64.b64decode(contents[0]) if scope["contentBase64"] is not None else contents[0].encode()
    given = {parameter: scope[name] for name, parameter in _HEADERS.items() if scope[name] is not None}
    session.call("put_object", Bucket=scope["bucket"], Key=scope["key"], Body=body, **given)
    if scope["tags"]:
        tags = {"TagSet": scope["tagList"]}
        session.call("put_object_tagging", Bucket=scope["bucket"], Key=scope["key"], Tagging=tags)
    return {"key": scope["key"]}


def read_object(session: Session, scope: Scope) -> Properties | None:
    """Return an object under the names of the provider's properties; the provider does not read the content."""
    try:
        found = session.call("head_object", Bucket=scope["bucket"], Key=scope["key"])
    except AwsError as error:
        # A HEAD's answer has no body, so no code but the number.
        if error.gone or error.code == "404":
            return None
        raise
    tags = session.call("get_object_tagging", Bucket=scope["bucket"], Key=scope["key"])["TagSet"]
    told = {name: found.get(parameter) for name, parameter in _HEADERS.items()}
    return {
        **told,
        "arn": f"arn:{scope['partition']}:s3:::{scope['bucket']}/{scope['key']}",
        "bucket": scope["bucket"],
        "content": scope.inputs.get("content"),
        "contentBase64": scope.inputs.get("contentBase64"),
        "etag": found["ETag"].strip('"'),
        "key": scope["key"],
        "serverSideEncryption": found.get("ServerSideEncryption") or "AES256",
        "storageClass": found.get("StorageClass") or "STANDARD",
        "versionId": found.get("VersionId"),
        "Tags": tags,
    }


def delete_object(session: Session, scope: Scope) -> None:
    """Delete an object with all its versions."""
    answer = session.call("list_object_versions", Bucket=scope["bucket"], Prefix=scope["key"])
    for one in [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]:
        if one["Key"] == scope["key"]:
            session.call("delete_object", Bucket=scope["bucket"], Key=scope["key"], VersionId=one["VersionId"])
