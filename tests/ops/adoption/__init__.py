"""A stack whose preview is given and whose state is in memory, and what a former one left in moto's AWS."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3

from ops.adoption import adopt
from ops.engine import Pulumi

REGION = "eu-west-1"
PROJECT = "urn:pulumi:dev::p::"
STACK = f"{PROJECT}pulumi:pulumi:Stack::p-dev"
DATA = f"{PROJECT}platform:storage:Storage::storage"
AWS = f"{PROJECT}pulumi:providers:aws::aws"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
OWN = {"Project": "p", "Environment": "dev"}
THEIRS = {"Project": "p", "Environment": "prod"}
BUCKET, SECRET, LOG_GROUP = (
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "aws:cloudwatch/logGroup:LogGroup",
)
ZONE, RECORD = "aws:route53/zone:Zone", "aws:route53/record:Record"
KEY, ALIAS, ROLE = "aws:kms/key:Key", "aws:kms/alias:Alias", "aws:iam/role:Role"


def urn(type_: str) -> str:
    return f"{DATA.rpartition('::')[0]}${type_}::it"


def new(type_: str, /, **inputs: Any) -> dict[str, Any]:
    """Return a planned create below a component and a provider that are planned as well."""
    state = {"urn": urn(type_), "type": type_, "custom": True, "parent": DATA, "provider": f"{AWS}::{UNKNOWN}"}
    return {"op": "create", "urn": urn(type_), "newState": {**state, "retainOnDelete": True, "inputs": inputs}}


def alias(name: str = "alias/p-data") -> list[dict[str, Any]]:
    """Return a planned key and its alias."""
    pointing = new(ALIAS, name=name, targetKeyId=UNKNOWN)
    pointing["newState"] |= {
        "dependencies": [urn(KEY)],
        "propertyDependencies": {"targetKeyId": [urn(KEY)], "name": []},
    }
    return [new(KEY, description="data"), pointing]


def preview(*steps: dict[str, Any], tags: Mapping[str, str] = OWN, **more: Any) -> dict[str, Any]:
    settings = {"region": REGION, "defaultTags": json.dumps({"tags": dict(tags)}), "__internal": {}, **more}
    around = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False},
        {"urn": AWS, "type": "pulumi:providers:aws", "custom": True, "parent": STACK, "inputs": settings},
        {"urn": DATA, "type": "platform:storage:Storage", "custom": False, "parent": STACK},
    ]
    return {"steps": [*({"op": "create", "urn": one["urn"], "newState": one} for one in around), *steps]}


class FakePulumi(Pulumi):
    """A state in memory, and a preview that is given."""

    def __init__(self, said: dict[str, Any], deployment: dict[str, Any] | None = None) -> None:
        super().__init__(Path(), "dev")
        self.said = said
        self.state: dict[str, Any] = {"version": 3, "deployment": deployment}
        self.before = copy.deepcopy(self.state)
        self.refreshed: list[str] = []
        self.exported = 0
        self.around: dict[str, dict[str, Any]] = {}

    def export(self) -> dict[str, Any]:
        self.exported += 1
        return copy.deepcopy(self.state)

    def others(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, deployment in self.around.items():
            yield name, {"version": 3, "deployment": deployment}

    def import_(self, state: dict[str, Any]) -> None:
        self.state = state

    def refresh(self, urns: Any) -> None:
        self.refreshed += urns

    def config(self) -> dict[str, Any]:
        return {"platform:cluster": {"value": json.dumps({"name": "p-dev"})}}

    def preview_steps(self, arguments: Any) -> dict[str, Any]:
        return self.said


def run(*steps: dict[str, Any], dry: bool = False, **more: Any) -> tuple[FakePulumi, list[str]]:
    pulumi, said = FakePulumi(preview(*steps, **more)), list[str]()
    adopt(pulumi, [], None, said.append, dry=dry)
    return pulumi, said


def client(service: str) -> Any:
    return boto3.client(service, REGION)


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def make_bucket(tags: Mapping[str, str] = OWN) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": REGION})
    if tags:
        s3.put_bucket_tagging(Bucket="documents", Tagging={"TagSet": pairs(tags)})


def make_key(tags: Mapping[str, str] = OWN) -> str:
    kms = client("kms")
    listed = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    key = str(kms.create_key(Tags=listed)["KeyMetadata"]["KeyId"])
    kms.create_alias(AliasName="alias/p-data", TargetKeyId=key)
    return key
