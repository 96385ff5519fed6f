"""Pin, key set and kubeconfig against the real kubeadm and kubectl."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from components.self_managed import pki_math
from components.self_managed.kubeconfig import kubeconfig
from components.self_managed.names import CONTROL_PLANE_FILES
from sandbox.tools import load_tools
from tests.self_managed import nodes14
from tests.self_managed.pki import Material, material

TOOLS = load_tools(Path(__file__).resolve().parents[2])
TOKEN = "abcdef.0123456789abcdef"
ISSUER = "https://demo-issuer.s3.ap-northeast-2.amazonaws.com"


@pytest.fixture(scope="module")
def made() -> Material:
    return material()


@pytest.fixture
def file(made: Material, tmp_path: Path) -> Path:
    """A kubeconfig of the cluster's administrator."""
    path = tmp_path / "kubeconfig"
    path.write_text(rendered(made))
    return path


def rendered(made: Material) -> str:
    return kubeconfig(
        cluster="demo",
        server="https://api.example.com:6443",
        ca_pem=made.values["ca-crt"],
        certificate_pem=made.admin_certificate,
        key_pem=made.admin_key,
        tls_server_name="api.demo.internal",
    )


def run(tool: str, *arguments: object) -> str:
    done = subprocess.run([TOOLS[tool], *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pin_is_the_one_that_kubeadm_prints(made: Material, file: Path) -> None:
    """The real kubeadm, which reads the authority from the kubeconfig, prints a join command with the same pin."""
    printed = run("kubeadm", "token", "create", TOKEN, "--print-join-command", "--dry-run", "--kubeconfig", file)
    found = re.findall(r"--discovery-token-ca-cert-hash (\S+)", printed)
    assert found == [pki_math.ca_pin(made.values["ca-crt"])]


def test_another_authority_has_another_pin(made: Material) -> None:
    """Each authority's pin is its own."""
    pins = {pki_math.ca_pin(made.values[key]) for key in ("ca-crt", "etcd-ca-crt", "front-proxy-ca-crt")}
    assert len(pins) == 3


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_pin(text: str) -> None:
    """Machines would be given a pin that fits nobody."""
    with pytest.raises(ValueError, match=r"PEM|parsing"):
        pki_math.ca_pin(text)


def test_key_set_verifies_what_the_private_key_signs(made: Material) -> None:
    """The published numbers are the signing key's, in the form of RFC 7517."""
    (entry,) = json.loads(pki_math.jwks(made.values["sa-pub"]))["keys"]
    assert {key: entry[key] for key in ("use", "kty", "alg", "e")} == {
        "use": "sig",
        "kty": "RSA",
        "alg": "RS256",
        "e": "AQAB",
    }
    signer = load_pem_private_key(made.values["sa-key"].encode(), None)
    assert isinstance(signer, RSAPrivateKey)
    numbers = (int.from_bytes(base64.urlsafe_b64decode(entry[part] + "==")) for part in ("e", "n"))
    signature = signer.sign(b"token", padding.PKCS1v15(), SHA256())
    RSAPublicNumbers(*numbers).public_key().verify(signature, b"token", padding.PKCS1v15(), SHA256())


def test_keys_that_sts_does_not_take_are_refused(made: Material) -> None:
    """A curve's key would sign tokens that no role accepts."""
    private = load_pem_private_key(made.values["ca-key"].encode(), None)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="RS256"):
        pki_math.jwks(public)


def test_configuration_leads_to_the_published_keys() -> None:
    """The issuer is said exactly as tokens name it, and the keys lie where they are published."""
    document = json.loads(pki_math.openid_configuration(ISSUER))
    assert (document["issuer"], document["jwks_uri"]) == (ISSUER, f"{ISSUER}/{pki_math.KEYS_PATH}")


def test_kubectl_reads_the_kubeconfig(made: Material, file: Path) -> None:
    """The real kubectl finds server, name in the certificate, authority and client certificate."""
    seen = json.loads(run("kubectl", "config", "view", "--kubeconfig", file, "--raw", "--minify", "-o", "json"))
    cluster, user = seen["clusters"][0]["cluster"], seen["users"][0]["user"]
    assert (cluster["server"], cluster["tls-server-name"]) == ("https://api.example.com:6443", "api.demo.internal")
    assert base64.b64decode(cluster["certificate-authority-data"]).decode() == made.values["ca-crt"]
    assert base64.b64decode(user["client-certificate-data"]).decode() == made.admin_certificate
    assert base64.b64decode(user["client-key-data"]).decode() == made.admin_key


def test_kubeconfig_opens_no_door_without_proof(made: Material) -> None:
    """Nothing in it turns the verification of the server off."""
    assert "insecure" not in rendered(made)


@pytest.fixture
def machine(made: Material, tmp_path: Path) -> Path:
    """A control plane's PKI folder as its parameters fill it."""
    for key, path in CONTROL_PLANE_FILES.items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(made.values[key])
    return tmp_path


def cluster_configuration(folder: Path) -> dict[str, object]:
    spec = nodes14()
    return {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": f"v{spec.version}",
        "controlPlaneEndpoint": f"{spec.endpoint}:6443",
        "certificatesDir": str(folder / "etc/kubernetes/pki"),
        "networking": {"serviceSubnet": str(spec.service_cidr)},
    }


def test_kubeadm_takes_the_authorities_and_makes_the_rest(made: Material, machine: Path) -> None:
    """The real kubeadm keeps every file that it was given, makes each leaf from them, which verify against them."""
    configuration = machine / "kubeadm.yaml"
    configuration.write_text(yaml.safe_dump(cluster_configuration(machine)))
    printed = run("kubeadm", "init", "phase", "certs", "all", "--config", configuration)
    for authority in ("ca", "front-proxy-ca", "etcd/ca"):
        assert f"Using existing {authority} certificate authority" in printed
    assert 'Using the existing "sa" key' in printed
    given = {path: made.values[key] for key, path in CONTROL_PLANE_FILES.items()}
    assert {path: (machine / path.lstrip("/")).read_text() for path in given} == given
    pki = machine / "etc/kubernetes/pki"
    leaves = {
        "ca.crt": ["apiserver.crt", "apiserver-kubelet-client.crt"],
        "front-proxy-ca.crt": ["front-proxy-client.crt"],
        "etcd/ca.crt": ["etcd/server.crt", "etcd/peer.crt", "apiserver-etcd-client.crt"],
    }
    for authority, names in leaves.items():
        issuer = load_pem_x509_certificate((pki / authority).read_bytes())
        for name in names:
            load_pem_x509_certificate((pki / name).read_bytes()).verify_directly_issued_by(issuer)


def test_kubeadm_needs_both_halves_of_the_service_account_pair(machine: Path) -> None:
    """Without `sa.pub` kubeadm makes none, so that the API server would not start: that is why it is delivered."""
    (machine / CONTROL_PLANE_FILES["sa-pub"].lstrip("/")).unlink()
    configuration = machine / "kubeadm.yaml"
    configuration.write_text(yaml.safe_dump(cluster_configuration(machine)))
    run("kubeadm", "init", "phase", "certs", "all", "--config", configuration)
    assert not (machine / CONTROL_PLANE_FILES["sa-pub"].lstrip("/")).exists()


def test_openid_configuration_has_what_the_standard_requires() -> None:
    """All that OpenID Connect Discovery requires of a provider without a login page is there."""
    schema = {
        "type": "object",
        "required": [
            "issuer",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
        ],
        "properties": {
            "issuer": {"pattern": "^https://[^/]+[^/]$"},
            "jwks_uri": {"pattern": "^https://"},
            "id_token_signing_alg_values_supported": {"contains": {"const": "RS256"}},
        },
    }
    jsonschema.validate(json.loads(pki_math.openid_configuration(ISSUER)), schema)


@pytest.mark.parametrize("password", ["", "x" * 31, "x" * 33, "\u00e9" * 32])
def test_an_encryption_key_of_another_length_is_refused(password: str) -> None:
    """The API server would not start with it."""
    with pytest.raises(ValueError, match="32 bytes"):
        pki_math.encryption_key(password)
