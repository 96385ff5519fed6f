"""Rows of IAM and KMS."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

IDENTITY: dict[str, Finder | Repeatable] = {
    "aws:iam/role:Role": Finder(
        service="iam",
        look=Call("get_role", "{RoleName: name}", "Role"),
        tags="Tags",
        unique=True,
        id="name",
    ),
    "aws:iam/policy:Policy": Finder(
        service="iam",
        look=Call(
            "get_policy",
            "{PolicyArn: join('', ['arn:', partition, ':iam::', account, ':policy', path || '/', name])}",
            "Policy",
        ),
        tags="Tags",
        unique=True,
        id="it.Arn",
    ),
    "aws:iam/instanceProfile:InstanceProfile": Finder(
        service="iam",
        look=Call("get_instance_profile", "{InstanceProfileName: name}", "InstanceProfile"),
        tags="Tags",
        unique=True,
        id="name",
    ),
    "aws:iam/rolePolicy:RolePolicy": Finder(
        service="iam",
        # Where the program gives no name, the next run would give another one: two policies, and a role that stays.
        look=Call("get_role_policy", "{RoleName: role, PolicyName: name}"),
        id="join(':', [role, name])",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Repeatable("attaching a policy twice is attaching it once"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Repeatable(
        "the program looks for the account's role first and takes it over"
    ),
    "aws:kms/key:Key": Finder(
        service="kms",
        look=Call("list_keys", result="Keys"),
        more={
            "Key": Call("describe_key", "{KeyId: it.KeyId}", "KeyMetadata"),
            "Tags": Call("list_resource_tags", "{KeyId: it.KeyId}", "Tags"),
        },
        # Keys of AWS itself and keys whose deletion is scheduled are not ours to take.
        match={"Key.Description": "description", "Key.KeyManager": "'CUSTOMER'", "Key.KeyState": "'Enabled'"},
        tags="Tags",
        id="it.KeyId",
    ),
    "aws:kms/alias:Alias": Finder(
        service="kms",
        look=Call("list_aliases", "{KeyId: targetKeyId}", "Aliases"),
        match={"AliasName": "name"},
        id="it.AliasName",
        named_by="name",
    ),
}
