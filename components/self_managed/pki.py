"""Authorities, keys and the join token of a cluster: made before any machine, so that all may boot at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_random import RandomPassword, RandomString
from pulumi_tls import (
    CertRequest,
    CertRequestSubjectArgs,
    LocallySignedCert,
    PrivateKey,
    SelfSignedCert,
    SelfSignedCertSubjectArgs,
)

from components.self_managed import pki_math
from components.self_managed.kubeconfig import ADMIN_GROUP, ADMIN_USER
from components.self_managed.names import ENCRYPTION_KEY

# Subjects as kubeadm names its own authorities.
_AUTHORITIES: Final[Mapping[str, str]] = {"ca": "kubernetes", "front-proxy-ca": "front-proxy-ca", "etcd-ca": "etcd-ca"}
_DAY: Final = 24
_AUTHORITY_HOURS: Final = 10 * 365 * _DAY
_ADMIN_HOURS: Final = 365 * _DAY
_RENEWAL_HOURS: Final = 30 * _DAY
# The first and second half of a bootstrap token
# (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#token-format).
_TOKEN_ID: Final = 6
_TOKEN_SECRET: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PkiArgs:
    """What the keys need to know.

    Attributes:
        cluster_name: Tells its authorities from another cluster's, by their organization.
        nodes_digest: Changes whenever a machine is added or replaced: each such rollout has a join token of its own.
        protect: Whether Pulumi refuses to delete or replace what the cluster cannot lose: authorities, the key of
            service accounts, the key of what etcd holds.
    """

    cluster_name: str
    nodes_digest: str
    protect: bool = False


class Pki(pulumi.ComponentResource):
    """Three authorities, the pair that signs service accounts, an administrator's certificate, a token, a key.

    Authorities last ten years and are not renewed by themselves: each machine knows them. The administrator's
    certificate lasts one, and an `up` in its last thirty days makes the next. Everything secret is in the stack's
    state, encrypted by the stack's secrets provider. `opts.providers` has to hold those of `tls` and `random`.

    Attributes:
        ca_certificate: The cluster's authority, PEM.
        ca_pin: Of its key, as `kubeadm join` takes it.
        jwks: Keys of the service accounts' tokens, as verifiers read them.
        values: What lies on control planes, by the last word of the parameter's name; all secret.
        token: By which machines join, secret.
        admin_certificate: PEM.
        admin_key: PEM, secret.
    """

    ca_certificate: pulumi.Output[str]
    ca_pin: pulumi.Output[str]
    jwks: pulumi.Output[str]
    values: Mapping[str, pulumi.Output[str]]
    token: pulumi.Output[str]
    admin_certificate: pulumi.Output[str]
    admin_key: pulumi.Output[str]

    def __init__(self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the keys and certificates."""
        super().__init__("platform:self_managed:Pki", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        keys = {key: self._create_key(key, self._kept) for key in _AUTHORITIES}
        authorities = {key: self._create_authority(key, private) for key, private in keys.items()}
        accounts = self._create_service_account_key()
        # What everybody may know has to be legible in user data and policies, whatever a provider marks.
        self.ca_certificate = pulumi.Output.unsecret(authorities["ca"].cert_pem)
        self.ca_pin = self.ca_certificate.apply(pki_math.ca_pin)
        self.jwks = pulumi.Output.unsecret(accounts.public_key_pem).apply(pki_math.jwks)
        self.values = {
            **{f"{key}-crt": pulumi.Output.secret(authorities[key].cert_pem) for key in _AUTHORITIES},
            **{f"{key}-key": pulumi.Output.secret(keys[key].private_key_pem) for key in _AUTHORITIES},
            "sa-key": pulumi.Output.secret(accounts.private_key_pem),
            "sa-pub": pulumi.Output.secret(accounts.public_key_pem),
            ENCRYPTION_KEY: self._create_encryption_key(),
        }
        self.token = self._create_token()
        self.admin_certificate, self.admin_key = self._create_administrator(keys["ca"])
        self.register_outputs({"ca_certificate": self.ca_certificate, "ca_pin": self.ca_pin, "jwks": self.jwks})

    def _create_key(self, purpose: str, opts: pulumi.ResourceOptions) -> PrivateKey:
        return PrivateKey(f"{self._name}-{purpose}", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)

    def _create_authority(self, key: str, private: PrivateKey) -> SelfSignedCert:
        return SelfSignedCert(
            f"{self._name}-{key}",
            private_key_pem=private.private_key_pem,
            is_ca_certificate=True,
            set_subject_key_id=True,
            subject=SelfSignedCertSubjectArgs(common_name=_AUTHORITIES[key], organization=self._args.cluster_name),
            validity_period_hours=_AUTHORITY_HOURS,
            allowed_uses=["digital_signature", "key_encipherment", "cert_signing"],
            opts=self._kept,
        )

    def _create_service_account_key(self) -> PrivateKey:
        # RSA, for AWS verifies tokens by RS256 only.
        return PrivateKey(f"{self._name}-service-accounts", algorithm="RSA", rsa_bits=2048, opts=self._kept)

    def _create_encryption_key(self) -> pulumi.Output[str]:
        # 32 characters of 83 are 204 bits. RandomBytes would make 256, and show them: they are its id, which the state
        # holds in clear (https://github.com/pulumi/pulumi-random/blob/master/provider/resources.go).
        password = RandomPassword(f"{self._name}-encryption-key", length=pki_math.ENCRYPTION_KEY_BYTES, opts=self._kept)
        return pulumi.Output.secret(password.result.apply(pki_math.encryption_key))

    def _create_token(self) -> pulumi.Output[str]:
        keepers = {"nodes": self._args.nodes_digest}
        public = RandomString(
            f"{self._name}-token-id", length=_TOKEN_ID, upper=False, special=False, keepers=keepers, opts=self._child
        )
        secret = RandomPassword(
            f"{self._name}-token-secret",
            length=_TOKEN_SECRET,
            upper=False,
            special=False,
            keepers=keepers,
            opts=self._child,
        )
        return pulumi.Output.secret(pulumi.Output.concat(public.result, ".", secret.result))

    def _create_administrator(self, ca_key: PrivateKey) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        name = f"{self._name}-admin"
        private = self._create_key("admin", self._child)
        request = CertRequest(
            name,
            private_key_pem=private.private_key_pem,
            subject=CertRequestSubjectArgs(common_name=ADMIN_USER, organization=ADMIN_GROUP),
            opts=self._child,
        )
        certificate = LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_cert_pem=self.ca_certificate,
            ca_private_key_pem=ca_key.private_key_pem,
            validity_period_hours=_ADMIN_HOURS,
            early_renewal_hours=_RENEWAL_HOURS,
            allowed_uses=["digital_signature", "client_auth"],
            opts=self._child,
        )
        return certificate.cert_pem, pulumi.Output.secret(private.private_key_pem)
