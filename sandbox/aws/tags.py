"""How each service changes tags in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.codec import tag_list
from sandbox.aws.session import Scope, Session

__all__ = ["APIS", "TagApi", "change_tags", "creation_tags"]


@dataclass(frozen=True)
class TagApi:
    """Two recipes over `add` (map), `addList`, `goneKeys`, `goneList` besides the resource's own values."""

    add: str
    remove: str


APIS: Mapping[str, TagApi] = {
    "ec2": TagApi("create_tags {Resources: [id], Tags: addList}", "delete_tags {Resources: [id], Tags: goneList}"),
    "role": TagApi("tag_role {RoleName: id, Tags: addList}", "untag_role {RoleName: id, TagKeys: goneKeys}"),
    "policy": TagApi("tag_policy {PolicyArn: id, Tags: addList}", "untag_policy {PolicyArn: id, TagKeys: goneKeys}"),
    "oidc": TagApi(
        "tag_open_id_connect_provider {OpenIDConnectProviderArn: id, Tags: addList}",
        "untag_open_id_connect_provider {OpenIDConnectProviderArn: id, TagKeys: goneKeys}",
    ),
    "instance-profile": TagApi(
        "tag_instance_profile {InstanceProfileName: id, Tags: addList}",
        "untag_instance_profile {InstanceProfileName: id, TagKeys: goneKeys}",
    ),
    "service-role": TagApi(
        "tag_role {RoleName: name, Tags: addList}", "untag_role {RoleName: name, TagKeys: goneKeys}"
    ),
    "eks": TagApi("tag_resource {resourceArn: arn, tags: add}", "untag_resource {resourceArn: arn, tagKeys: goneKeys}"),
    "logs": TagApi(
        "tag_resource {resourceArn: arn, tags: add}", "untag_resource {resourceArn: arn, tagKeys: goneKeys}"
    ),
    "budgets": TagApi(
        "tag_resource {ResourceARN: arn, ResourceTags: addList}",
        "untag_resource {ResourceARN: arn, ResourceTagKeys: goneKeys}",
    ),
    "cloudwatch": TagApi(
        "tag_resource {ResourceARN: arn, Tags: addList}", "untag_resource {ResourceARN: arn, TagKeys: goneKeys}"
    ),
    "cognito": TagApi(
        "tag_resource {ResourceArn: arn, Tags: add}", "untag_resource {ResourceArn: arn, TagKeys: goneKeys}"
    ),
    "lambda": TagApi("tag_resource {Resource: arn, Tags: add}", "untag_resource {Resource: arn, TagKeys: goneKeys}"),
    "sns": TagApi(
        "tag_resource {ResourceArn: id, Tags: addList}", "untag_resource {ResourceArn: id, TagKeys: goneKeys}"
    ),
    "events": TagApi(
        "tag_resource {ResourceARN: arn, Tags: addList}", "untag_resource {ResourceARN: arn, TagKeys: goneKeys}"
    ),
    "acm": TagApi(
        "add_tags_to_certificate {CertificateArn: id, Tags: addList}",
        "remove_tags_from_certificate {CertificateArn: id, Tags: goneList}",
    ),
    "cloudfront": TagApi(
        "tag_resource {Resource: arn, Tags: {Items: addList}}",
        "untag_resource {Resource: arn, TagKeys: {Items: goneKeys}}",
    ),
    "route53": TagApi(
        "change_tags_for_resource {ResourceType: 'hostedzone', ResourceId: id, AddTags: addList}",
        "change_tags_for_resource {ResourceType: 'hostedzone', ResourceId: id, RemoveTagKeys: goneKeys}",
    ),
    "wafv2": TagApi(
        "tag_resource {ResourceARN: arn, Tags: addList}", "untag_resource {ResourceARN: arn, TagKeys: goneKeys}"
    ),
    "backup": TagApi(
        "tag_resource {ResourceArn: arn, Tags: add}", "untag_resource {ResourceArn: arn, TagKeyList: goneKeys}"
    ),
    "ecr": TagApi(
        "tag_resource {resourceArn: arn, tags: addList}", "untag_resource {resourceArn: arn, tagKeys: goneKeys}"
    ),
    "efs": TagApi("tag_resource {ResourceId: id, Tags: addList}", "untag_resource {ResourceId: id, TagKeys: goneKeys}"),
    # One call writes all of a bucket's tags.
    "s3": TagApi(
        "put_bucket_tagging {Bucket: id, Tagging: {TagSet: tagList}}",
        "put_bucket_tagging {Bucket: id, Tagging: {TagSet: tagList}}",
    ),
    "s3-object": TagApi(
        "put_object_tagging {Bucket: bucket, Key: key, Tagging: {TagSet: tagList}}",
        "put_object_tagging {Bucket: bucket, Key: key, Tagging: {TagSet: tagList}}",
    ),
    "elbv2": TagApi(
        "add_tags {ResourceArns: [id], Tags: addList}", "remove_tags {ResourceArns: [id], TagKeys: goneKeys}"
    ),
    "ssm": TagApi(
        "add_tags_to_resource {ResourceType: 'Parameter', ResourceId: id, Tags: addList}",
        "remove_tags_from_resource {ResourceType: 'Parameter', ResourceId: id, TagKeys: goneKeys}",
    ),
    "secretsmanager": TagApi(
        "tag_resource {SecretId: id, Tags: addList}", "untag_resource {SecretId: id, TagKeys: goneKeys}"
    ),
    "kms": TagApi(
        "tag_resource {KeyId: id, Tags: addList[].{TagKey: Key, TagValue: Value}}",
        "untag_resource {KeyId: id, TagKeys: goneKeys}",
    ),
    "sqs": TagApi("tag_queue {QueueUrl: id, Tags: add}", "untag_queue {QueueUrl: id, TagKeys: goneKeys}"),
}


def creation_tags(session: Session, operation: str, tag_type: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that give tags to a new resource, in the form that its create operation takes."""
    members = session.caller.shape(session.service, session.region, operation).members
    if not tags:
        return {}
    if tag_type and "TagSpecifications" in members:
        return {"TagSpecifications": [{"ResourceType": tag_type, "Tags": tag_list(tags)}]}
    name = next((name for name in ("Tags", "tags") if name in members), "")
    if not name:
        return {}
    if members[name].type_name == "map":
        return {name: dict(tags)}
    return {
        name: tag_list(tags, *("TagKey", "TagValue") if "TagKey" in members[name].member.members else ("Key", "Value"))
    }


def change_tags(session: Session, api: TagApi, scope: Scope, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Bring the tags of a resource from old to new."""
    add = {name: text for name, text in new.items() if old.get(name) != text}
    gone = {name: text for name, text in old.items() if name not in new}
    scope.values.update(add=add, addList=tag_list(add), goneKeys=[*gone], goneList=[{"Key": name} for name in gone])
    if gone:
        session.run(api.remove, scope)
    if add:
        session.run(api.add, scope)
