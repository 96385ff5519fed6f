"""Secrets Manager as external-secrets reads it: by the rights of the operator's role, with properties out of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.identity import RightsError, role_of
from sandbox.kubernetes.row import Surroundings

__all__ = ["NoSecretError", "ProviderError", "SecretsManager"]

# What a store's provider may say here; the rest would need a chain of roles or other credentials.
_KNOWN: Final = {"service", "region", "prefix"}
_REFERENCE: Final = {"key", "property", "version", "decodingStrategy", "conversionStrategy", "metadataPolicy"}
# Their defaults, which the server writes into every reference; what else they can be is not played.
_DEFAULTS: Final = {"decodingStrategy": "None", "conversionStrategy": "Default", "metadataPolicy": "None"}
_HERE: Final = "sandbox/kubernetes/operators/secrets_manager.py"
_OWN_KEY: Final = "alias/aws/secretsmanager"


class ProviderError(Exception):
    """What the provider refuses, or what is not played here."""


class NoSecretError(ProviderError):
    """The secret has no value."""


class SecretsManager:
    """One store.

    Args:
        around: Whose operator reads.
        store: The SecretStore or ClusterSecretStore.

    Raises:
        ProviderError: The store says what is not played.
        RightsError: The operator has no role.
    """

    def __init__(self, around: Surroundings, store: Manifest) -> None:
        provider = store["spec"]["provider"]
        aws: Mapping[str, Any] = provider.get("aws") or {}
        unknown = sorted({*(provider.keys() - {"aws"}), *(aws.keys() - _KNOWN)})
        if unknown or aws.get("service") != "SecretsManager":
            raise ProviderError(f"provider with {', '.join(unknown) or aws.get('service')}: not played in {_HERE}")
        self._role = role_of(around)
        self._region = str(aws["region"])
        self._aws = around.aws
        self._prefix = str(aws.get("prefix") or "")

    def value(self, reference: Mapping[str, Any]) -> str:
        """Return what `remoteRef` points to."""
        text = self._text(reference)
        wanted = reference.get("property")
        if not wanted:
            return text
        found = _property(text, str(wanted))
        if found is None:
            raise ProviderError(f"key {wanted} does not exist in secret {reference['key']}")
        return found

    def values(self, reference: Mapping[str, Any]) -> dict[str, str]:
        """Return all that `dataFrom.extract` points to, by key."""
        text = self.value(reference)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, Mapping):
            raise ProviderError(f"unable to unmarshal secret {reference['key']}: it is no JSON object")
        return {str(name): _word(value) for name, value in found.items()}

    def _text(self, reference: Mapping[str, Any]) -> str:
        odd = sorted(name for name, value in _DEFAULTS.items() if reference.get(name, value) != value)
        odd += sorted(reference.keys() - _REFERENCE)
        if odd:
            raise ProviderError(f"remoteRef with {', '.join(odd)}: not played in {_HERE}")
        client, name = self._aws("secretsmanager", self._region), f"{self._prefix}{reference['key']}"
        try:
            secret = client.describe_secret(SecretId=name)
            self._require(client, secret)
            found = client.get_secret_value(SecretId=name, **_version(reference))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise NoSecretError("Secret does not exist") from error
            raise ProviderError(f"{error.response['Error']['Message']}") from error
        if "SecretString" in found:
            return str(found["SecretString"])
        return bytes(found["SecretBinary"]).decode()

    def _require(self, client: Any, secret: Mapping[str, Any]) -> None:
        arn = str(secret["ARN"])
        if self._region not in arn.split(":"):
            raise ProviderError(f"secret {arn} is in another region than its store's, {self._region}")
        self._role.require("secretsmanager:GetSecretValue", arn)
        if policy := client.get_resource_policy(SecretId=arn).get("ResourcePolicy"):
            self._role.require_undenied(policy, "secretsmanager:GetSecretValue", arn)
        key = str(secret.get("KmsKeyId") or _OWN_KEY)
        # AWS's own key serves every principal of the account that comes through Secrets Manager.
        if key.rpartition(":")[2] != _OWN_KEY:
            context = {
                "kms:ViaService": f"secretsmanager.{self._region}.amazonaws.com",
                "kms:EncryptionContext:SecretARN": arn,
            }
            try:
                self._role.require_decryption(self._aws("kms", self._region), key, arn, context)
            except RightsError as error:
                raise ProviderError(f"Access to KMS is not allowed: {error}") from error


def _version(reference: Mapping[str, Any]) -> dict[str, str]:
    version = str(reference.get("version") or "AWSCURRENT")
    identity = version.removeprefix("uuid/")
    return {"VersionStage": version} if identity == version else {"VersionId": identity}


def _property(text: str, path: str) -> str | None:
    """Return a value out of JSON; the whole path may be one key, a dot inside a key is escaped by a backslash."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if isinstance(found, Mapping) and path in found:
        return _word(found[path])
    for part in path.replace("\\.", "\0").split("."):
        key = part.replace("\0", ".")
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return _word(found)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
