"""Rows of security groups and encryption keys."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import security_groups as groups

GROUP = "describe_security_groups {GroupIds: [id]} -> SecurityGroups[0]"
GROUP_ARN = "join('', [prefix, 'security-group/', id])"

# One rule on its own, with an id and tags, in place of the older `securityGroupRule` that moves rules by content.
PERMISSION = (
    "{IpProtocol: ipProtocol, FromPort: fromPort, ToPort: toPort,"
    " IpRanges: cidrIpv4 && [{CidrIp: cidrIpv4, Description: description}],"
    " Ipv6Ranges: cidrIpv6 && [{CidrIpv6: cidrIpv6, Description: description}],"
    " PrefixListIds: prefixListId && [{PrefixListId: prefixListId, Description: description}],"
    " UserIdGroupPairs: referencedSecurityGroupId"
    " && [{GroupId: referencedSecurityGroupId, Description: description}]}"
)
CHANGE = (
    "{SecurityGroupRuleId: id, SecurityGroupRule: {IpProtocol: ipProtocol, FromPort: fromPort, ToPort: toPort,"
    " CidrIpv4: cidrIpv4, CidrIpv6: cidrIpv6, PrefixListId: prefixListId,"
    " ReferencedGroupId: referencedSecurityGroupId, Description: description}}"
)
CHANGEABLE = "cidrIpv4 cidrIpv6 description fromPort ipProtocol prefixListId referencedSecurityGroupId toPort"


def _single_rule(kind: str) -> Row:
    way = kind.lower()
    return Row(
        token=f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule",
        service="ec2",
        create=f"authorize_security_group_{way} {{GroupId: securityGroupId, IpPermissions: [{PERMISSION}]}}",
        id="SecurityGroupRules[0].SecurityGroupRuleId",
        read=("describe_security_group_rules {SecurityGroupRuleIds: [id]} -> SecurityGroupRules[0]",),
        set={CHANGEABLE: f"modify_security_group_rules {{GroupId: securityGroupId, SecurityGroupRules: [{CHANGE}]}}"},
        delete=(f"revoke_security_group_{way} {{GroupId: securityGroupId, SecurityGroupRuleIds: [id]}}",),
        rename={"securityGroupId": "GroupId"},
        out={
            "arn": "join('', [prefix, 'security-group-rule/', id])",
            "fromPort": "IpProtocol != '-1' && FromPort || `null`",
            "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
            "toPort": "IpProtocol != '-1' && ToPort || `null`",
        },
        tags="ec2",
        tag_type="security-group-rule",
    )


ROWS = (
    _single_rule("Ingress"),
    _single_rule("Egress"),
    Row(
        token="aws:ec2/securityGroup:SecurityGroup",
        service="ec2",
        create=groups.create,
        id="GroupId",
        read=(GROUP, groups.inline_rules),
        set={"ingress": groups.set_ingress, "egress": groups.set_egress},
        delete=(
            "if revokeRulesOnDelete: describe_security_groups {GroupIds: [id]}",
            "delete_security_group {GroupId: id}",
        ),
        rename={"name": "GroupName"},
        out={"arn": GROUP_ARN, "ingress": "ingress", "egress": "egress"},
        takes=("description", "vpcId", "name"),
        local=("revokeRulesOnDelete",),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        computed=("vpcId", "ingress", "egress"),
        volatile=("ingress", "egress"),
        name="name",
        auto=AutoName(),
        tags="ec2",
    ),
    Row(
        token="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        service="ec2",
        create=groups.adopt_default,
        id="GroupId",
        read=(GROUP, groups.inline_rules),
        set={"ingress": groups.set_ingress, "egress": groups.set_egress},
        # The group goes with its VPC; the provider only forgets it.
        delete=(),
        rename={"name": "GroupName"},
        out={"arn": GROUP_ARN, "ingress": "ingress", "egress": "egress"},
        takes=("vpcId", "ingress", "egress"),
        local=("revokeRulesOnDelete",),
        defaults={"revokeRulesOnDelete": False},
        computed=("vpcId",),
        name="vpcId",
        tags="ec2",
    ),
    Row(
        token="aws:ec2/securityGroupRule:SecurityGroupRule",
        service="ec2",
        create=groups.create_rule,
        id="{securityGroupId}_{type}_{protocol}_{fromPort}_{toPort}_{source}",
        derive={
            "source": "join('_', "
            "[cidrBlocks, ipv6CidrBlocks, prefixListIds, [sourceSecurityGroupId], [self && 'self']][] | [?@])",
        },
        read=(groups.read_rule,),
        set={"description": groups.describe_rule},
        delete=(groups.delete_rule,),
        takes=(
            "cidrBlocks",
            "description",
            "fromPort",
            "ipv6CidrBlocks",
            "prefixListIds",
            "protocol",
            "securityGroupId",
            "self",
            "sourceSecurityGroupId",
            "toPort",
            "type",
        ),
        defaults={"self": False},
    ),
    Row(
        token="aws:kms/key:Key",
        service="kms",
        create="create_key *",
        id="KeyMetadata.KeyId",
        read=(
            "describe_key {KeyId: id} -> [KeyMetadata][?KeyState!='PendingDeletion'] | [0]",
            "get_key_policy {KeyId: id, PolicyName: 'default'}",
            "get_key_rotation_status {KeyId: id} -> {enableKeyRotation: KeyRotationEnabled}",
            "list_resource_tags {KeyId: id}",
        ),
        set={
            "enableKeyRotation rotationPeriodInDays": "enable_key_rotation"
            " {KeyId: id, RotationPeriodInDays: rotationPeriodInDays}",
            "policy": "put_key_policy {KeyId: id, PolicyName: 'default', Policy: policy}",
            "description": "update_key_description {KeyId: id, Description: description}",
            "isEnabled": "enable_key {KeyId: id}",
        },
        unset={
            "enableKeyRotation": "disable_key_rotation {KeyId: id}",
        },
        delete=("schedule_key_deletion {KeyId: id, PendingWindowInDays: deletionWindowInDays || `30`}",),
        rename={"customerMasterKeySpec": "KeySpec", "isEnabled": "Enabled"},
        out={"arn": "Arn", "keyId": "KeyId"},
        local=("deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"),
        defaults={
            "bypassPolicyLockoutSafetyCheck": False,
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "enableKeyRotation": False,
            "isEnabled": True,
            "keyUsage": "ENCRYPT_DECRYPT",
        },
        computed=("policy", "description", "multiRegion", "rotationPeriodInDays"),
        tags="kms",
    ),
    Row(
        token="aws:kms/alias:Alias",
        service="kms",
        create="create_alias {AliasName: name, TargetKeyId: targetKeyId}",
        id="{name}",
        read=(
            "list_aliases -> Aliases[?AliasName==$id] | [0]",
            "if targetKeyId: describe_key {KeyId: targetKeyId} -> {targetKeyArn: KeyMetadata.Arn}",
        ),
        set={"targetKeyId": "update_alias {AliasName: id, TargetKeyId: targetKeyId}"},
        delete=("delete_alias {AliasName: id}",),
        out={"name": "AliasName", "arn": "AliasArn"},
        auto=AutoName(limit=256, prefix="alias/"),
    ),
)
