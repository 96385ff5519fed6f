"""Careless edits of stacks: type, name, inputs (None takes one out), and what checkov has to say."""

from __future__ import annotations

import json
from typing import Any

Edits = list[tuple[str, str, dict[str, Any], set[str]]]

ANYWHERE = "0.0.0.0/0"


def _anybody(action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_CLUSTER: Edits = [
    (
        "aws:eks/cluster:Cluster",
        "cluster-eksCluster",
        {
            "enabledClusterLogTypes": ["api"],
            "encryptionConfig": None,
            "vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": [ANYWHERE]},
        },
        {"CKV_AWS_37", "CKV_AWS_38", "CKV_AWS_39", "CKV_AWS_58"},
    ),
    (
        "aws:ec2/launchTemplate:LaunchTemplate",
        "nodes",
        {"metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 2}},
        {"CKV_AWS_79", "CKV_AWS_341"},
    ),
    ("aws:eks/nodeGroup:NodeGroup", "nodes", {"remoteAccess": {"ec2SshKey": "mine"}}, {"CKV_AWS_100"}),
    ("aws:ec2/subnet:Subnet", "network-private-a", {"mapPublicIpOnLaunch": True}, {"CKV_AWS_130"}),
    ("aws:sqs/queue:Queue", "karpenter-interruption", {"sqsManagedSseEnabled": None}, {"CKV_AWS_27"}),
    ("aws:kms/key:Key", "cluster-secrets", {"enableKeyRotation": False}, {"CKV_AWS_7"}),
    ("aws:kms/key:Key", "cluster-logs", {"policy": None}, {"CKV2_AWS_64"}),
    (
        "aws:cloudwatch/logGroup:LogGroup",
        "cluster-logs",
        {"kmsKeyId": None, "retentionInDays": 30},
        {"CKV_AWS_158", "CKV_AWS_338"},
    ),
]

_STORAGE: Edits = [
    ("aws:s3/bucketLogging:BucketLogging", "storage-backups", {"bucket": None}, set()),
    (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "storage-backups",
        dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False),
        {"CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"},
    ),
    (
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "storage-backups",
        {"rule": {"objectOwnership": "ObjectWriter"}},
        {"CKV2_AWS_65"},
    ),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        "storage-backups",
        {"versioningConfiguration": {"status": "Suspended"}},
        set(),
    ),
    (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "storage-backups",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        set(),
    ),
    # What the four before it break is said of the bucket.
    ("aws:s3/bucket:Bucket", "storage-backups", {}, {"CKV_AWS_18", "CKV_AWS_21", "CKV_AWS_145", "CKV2_AWS_6"}),
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "storage-backups",
        {"rules": [{"id": "expire", "status": "Enabled", "filter": {"prefix": ""}}]},
        {"CKV_AWS_300"},
    ),
    (
        "aws:s3/bucketPolicy:BucketPolicy",
        "storage-backups",
        {"policy": _anybody("s3:GetObject", "arn:aws:s3:::demo/*")},
        {"CKV_AWS_70"},
    ),
    ("aws:efs/fileSystem:FileSystem", "storage-files", {"encrypted": None, "kmsKeyId": None}, {"CKV_AWS_42"}),
    (
        "aws:efs/accessPoint:AccessPoint",
        "storage-files",
        {"posixUser": None, "rootDirectory": {"path": "/"}},
        {"CKV_AWS_329", "CKV_AWS_330"},
    ),
    (
        "aws:ecr/repository:Repository",
        "storage-registry-petclinic",
        {
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
        },
        {"CKV_AWS_51", "CKV_AWS_136", "CKV_AWS_163"},
    ),
    ("aws:backup/vault:Vault", "storage-vault", {"kmsKeyArn": None}, {"CKV_AWS_166"}),
    ("aws:secretsmanager/secret:Secret", "secrets-gitops/github", {"kmsKeyId": None}, {"CKV_AWS_149"}),
]

_EDGE: Edits = [
    (
        "aws:cloudfront/distribution:Distribution",
        "images",
        {
            "defaultCacheBehavior": {"targetOriginId": "images", "viewerProtocolPolicy": "allow-all"},
            "viewerCertificate": {"cloudfrontDefaultCertificate": True, "minimumProtocolVersion": "TLSv1"},
            "origins": [
                {
                    "originId": "images",
                    "domainName": "demo.s3.amazonaws.com",
                    "customOriginConfig": {"originProtocolPolicy": "http-only", "originSslProtocols": ["SSLv3"]},
                }
            ],
            "webAclId": None,
            "enabled": False,
        },
        {"CKV_AWS_34", "CKV_AWS_68", "CKV_AWS_174", "CKV_AWS_216", "CKV2_AWS_42", "CKV2_AWS_54"},
    ),
    (
        "aws:acm/certificate:Certificate",
        "edge-certificate",
        {"options": {"certificateTransparencyLoggingPreference": "DISABLED"}},
        {"CKV_AWS_234"},
    ),
    ("aws:wafv2/webAcl:WebAcl", "edge-firewall", {"rules": None}, {"CKV_AWS_175", "CKV_AWS_192"}),
    (
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        "edge-global-firewall",
        {"resourceArn": None},
        set(),
    ),
    (
        "aws:wafv2/webAcl:WebAcl",
        "edge-global-firewall",
        {
            "rules": [
                {
                    "name": "counted",
                    "priority": 0,
                    "overrideAction": {"count": {}},
                    "statement": {
                        "managedRuleGroupStatement": {
                            "vendorName": "AWS",
                            "name": "AWSManagedRulesKnownBadInputsRuleSet",
                        }
                    },
                }
            ]
        },
        {"CKV_AWS_192", "CKV2_AWS_31"},
    ),
]

_ALARMS: Edits = [
    (
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "observability-unschedulable-pods",
        {"actionsEnabled": False},
        {"CKV_AWS_319"},
    ),
    ("aws:sns/topic:Topic", "observability-alarms", {"kmsMasterKeyId": None}, {"CKV_AWS_26"}),
    (
        "aws:sns/topicPolicy:TopicPolicy",
        "observability-alarms",
        {"policy": _anybody("sns:Publish", "arn:aws:sns:ap-northeast-2:123456789012:demo")},
        {"CKV_AWS_169"},
    ),
    (
        "aws:lambda/function:Function",
        "observability-free-addresses",
        {"runtime": "python3.7", "environment": {"variables": {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLF"}}},
        {"CKV_AWS_45", "CKV_AWS_173", "CKV_AWS_363"},
    ),
    ("aws:lambda/permission:Permission", "observability-free-addresses", {"sourceArn": None}, {"CKV_AWS_364"}),
]

EDITS: Edits = [*_CLUSTER, *_STORAGE, *_EDGE, *_ALARMS]

# Of nodes14.
_MACHINE = "aws:ec2/instance:Instance"
SELF_MANAGED_EDITS: Edits = [
    (
        _MACHINE,
        "machines-k8s-redis",
        {
            "associatePublicIpAddress": True,
            "ebsOptimized": False,
            "iamInstanceProfile": None,
            "metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 2},
            "monitoring": False,
            "rootBlockDevice": {"encrypted": False},
            "userData": "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLF",
        },
        {"CKV_AWS_8", "CKV_AWS_46", "CKV_AWS_79", "CKV_AWS_88", "CKV_AWS_126", "CKV_AWS_135", "CKV2_AWS_41"},
    ),
    ("aws:ebs/volume:Volume", "machines-k8s-master-etcd", {"encrypted": False}, {"CKV_AWS_3"}),
    ("aws:ssm/parameter:Parameter", "parameters-sa-key", {"type": "String", "keyId": None}, {"CKV2_AWS_34"}),
    ("aws:lb/loadBalancer:LoadBalancer", "endpoint-public", {"enableCrossZoneLoadBalancing": False}, {"CKV_AWS_152"}),
    (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "security-groups-nodes-kubelet-from-nodes",
        {"referencedSecurityGroupId": None, "cidrIpv4": ANYWHERE, "fromPort": 22, "toPort": 22},
        {"CKV_AWS_24"},
    ),
    ("aws:kms/key:Key", "parameters-control-plane", {"enableKeyRotation": False}, {"CKV_AWS_7"}),
]
