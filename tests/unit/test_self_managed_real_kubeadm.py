"""The real kubeadm, on every text that a machine gets, and on an authority of our own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from components.self_managed.control_plane import AUDIT_FOLDER, ENCRYPTION, FOLDER
from components.self_managed.kubeadm import join_configuration
from components.self_managed.names import CONTROL_PLANE_FILES
from components.self_managed.spec import Taint
from sandbox.tools import load_tools
from tests.self_managed import ISSUER, MACHINES, PIN, documents, filled, node, rendered, with_node

CHECKOUT: Final = Path(__file__).resolve().parents[2]


class Kubeadm:
    """The pinned kubeadm, run on texts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kubeadm = load_tools(CHECKOUT)["kubeadm"]

    def run(self, text: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a text, as its `--config`."""
        config = self._folder / "kubeadm.yaml"
        config.write_text(text, encoding="utf-8")
        words = [str(self._kubeadm), *command, "--config", str(config)]
        environment = {"PATH": os.defpath, "KUBEADM_INIT_DRYRUN_DIR": str(self._folder)}
        return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)

    def refusal(self, text: str) -> str:
        """Validate a text and return what kubeadm has against it."""
        result = self.run(text, "config", "validate")
        assert (result.returncode == 0) == (result.stdout == "ok\n")
        return "" if result.returncode == 0 else result.stderr

    def manifest(self, text: str, component: str) -> list[str]:
        """Return the command that a control plane would run, from the static pod that kubeadm writes for it."""
        phase = ("etcd", "local") if component == "etcd" else ("control-plane", component.removeprefix("kube-"))
        data = self._folder / "etcd-data"
        result = self.run(text.replace("/var/lib/etcd-volume/etcd", str(data)), "init", "phase", *phase, "--dry-run")
        assert result.returncode == 0, result.stderr
        text = (self._folder / f"{component}.yaml").read_text(encoding="utf-8")
        command: list[str] = documents(text)["Pod"]["spec"]["containers"][0]["command"]
        return command


@pytest.fixture
def kubeadm(tmp_path: Path) -> Kubeadm:
    return Kubeadm(tmp_path)


@pytest.mark.parametrize("name", MACHINES)
def test_kubeadm_accepts_each_machines_documents(kubeadm: Kubeadm, name: str) -> None:
    """Once the blanks are filled; before, it refuses the token, so that no machine runs with a blank left."""
    assert kubeadm.refusal(filled(rendered(name))) == ""
    assert "token" in kubeadm.refusal(rendered(name))


def changed(kind: str, change: Callable[[dict[str, Any]], object]) -> str:
    """Return the master's documents with one of them changed."""
    parts = documents(filled(rendered("k8s-master")))
    change(parts[kind])
    return "---\n".join(json.dumps(part) for part in parts.values())


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("ClusterConfiguration", lambda part: part["apiServer"].update(extraArgs={"profiling": "false"})),
        ("InitConfiguration", lambda part: part["nodeRegistration"].update(kubeletExtraArgs={"node-ip": "10.0.0.1"})),
        ("InitConfiguration", lambda part: part["localAPIEndpoint"].update(advertiseAddress="127.0.0.1")),
        ("InitConfiguration", lambda part: part.update(nodeName="x")),
        ("InitConfiguration", lambda part: part["bootstrapTokens"][0].update(token="ABC.def")),
        ("ClusterConfiguration", lambda part: part["networking"].update(serviceSubnet="10.0.0.0/8")),
        ("KubeletConfiguration", lambda part: part.update(serverTLSBootstrapp=True)),
    ],
    ids=["map of arguments", "map for the kubelet", "loopback", "unknown key", "token", "services", "kubelet's key"],
)
def test_kubeadm_would_refuse_what_we_never_write(
    kubeadm: Kubeadm, kind: str, change: Callable[[dict[str, Any]], object]
) -> None:
    """The check above can fail: each of these mistakes does."""
    assert kubeadm.refusal(changed(kind, change)) != ""


def test_kubeadm_passes_bad_effects_and_forbidden_labels(kubeadm: Kubeadm) -> None:
    """This is why rules of our own judge both; should kubeadm learn to, they can go."""
    effect: Any = "NoSchedul"
    wrong = with_node(
        "k8s-redis",
        taints=(Taint(key="workload", value="redis", effect=effect),),
        labels={"node-role.kubernetes.io/api": "x"},
    )
    assert kubeadm.refusal(filled(join_configuration(wrong, node("k8s-redis", wrong), PIN))) == ""


def test_the_api_servers_flags_are_what_the_controls_ask_for(kubeadm: Kubeadm) -> None:
    """As the static pod has them, which kubeadm writes: its own flags and ours, none of them lost."""
    flags = kubeadm.manifest(filled(rendered("k8s-master")), "kube-apiserver")
    wanted = {
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,EventRateLimit",
        "--profiling=false",
        "--request-timeout=1m0s",
        "--service-account-extend-token-expiration=false",
        "--tls-min-version=VersionTLS12",
        f"--audit-log-path={AUDIT_FOLDER}/audit.log",
        "--audit-log-maxage=30",
        "--audit-log-maxbackup=10",
        "--audit-log-maxsize=100",
        f"--encryption-provider-config={ENCRYPTION}",
        f"--authentication-config={FOLDER}/authentication.yaml",
        "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
        "--advertise-address=10.0.0.20",
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
    }
    assert wanted <= set(flags)
    issuers = [flag.partition("=")[2] for flag in flags if flag.startswith("--service-account-issuer=")]
    assert issuers == [ISSUER, "https://kubernetes.default.svc.cluster.local"]
    names = {flag.partition("=")[0] for flag in flags}
    # Gone since Kubernetes 1.33, at odds with the file, and in clear on the disk.
    assert not names & {"--cloud-provider", "--anonymous-auth", "--token-auth-file", "--basic-auth-file"}


def test_the_other_parts_listen_on_the_machine_only(kubeadm: Kubeadm) -> None:
    """Controller manager and scheduler at 127.0.0.1, without profiling; the former runs each controller by itself."""
    text = filled(rendered("k8s-master"))
    controllers = kubeadm.manifest(text, "kube-controller-manager")
    wanted = {
        "--bind-address=127.0.0.1",
        "--profiling=false",
        "--use-service-account-credentials=true",
        "--cloud-provider=external",
        "--allocate-node-cidrs=false",
    }
    assert wanted <= set(controllers)
    assert {"--bind-address=127.0.0.1", "--profiling=false"} <= set(kubeadm.manifest(text, "kube-scheduler"))


def test_etcd_lets_nobody_in_without_a_certificate(kubeadm: Kubeadm) -> None:
    """Clients and peers show one of etcd's own authority."""
    flags = set(kubeadm.manifest(filled(rendered("k8s-master")), "etcd"))
    assert {"--client-cert-auth=true", "--peer-client-cert-auth=true"} <= flags
    assert {"--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt", "--tls-min-version=TLS1.2"} <= flags


def test_the_kubelets_flags_are_what_the_node_is_to_be(kubeadm: Kubeadm, tmp_path: Path) -> None:
    """As kubeadm writes them for the control plane: nothing of ours is lost, and its taint is there because of us."""
    result = kubeadm.run(filled(rendered("k8s-master")), "init", "phase", "kubelet-start", "--dry-run")
    assert result.returncode == 0, result.stderr
    (line,) = (tmp_path / "kubeadm-flags.env").read_text(encoding="utf-8").splitlines()
    assert set(line.partition("=")[2].strip('"').split()) == {
        "--hostname-override=k8s-master",
        "--cloud-provider=external",
        "--image-credential-provider-bin-dir=/usr/local/lib/platform",
        "--image-credential-provider-config=/etc/platform/image-credentials.yaml",
        "--node-ip=10.0.0.20",
        "--provider-id=aws:///ap-northeast-2a/i-0123456789abcdef0",
        "--register-with-taints=node-role.kubernetes.io/control-plane:NoSchedule",
    }


def test_the_kubelets_configuration_is_complete(kubeadm: Kubeadm, tmp_path: Path) -> None:
    """Kubeadm adds what it knows (authority, DNS) and changes nothing of ours."""
    text = filled(rendered("k8s-master"))
    assert kubeadm.run(text, "init", "phase", "kubelet-start", "--dry-run").returncode == 0
    written = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    ours = documents(text)["KubeletConfiguration"]
    assert written["clusterDNS"] == ["172.20.0.10"]
    assert written["authentication"]["x509"]["clientCAFile"] == "/etc/kubernetes/pki/ca.crt"
    # What is written otherwise: completed above, a minute in other words, and a zero that is left out.
    others = {"authentication", "authorization", "shutdownGracePeriod", "readOnlyPort"}
    assert {key: written.get(key) for key in ours if key not in others} == {
        key: value for key, value in ours.items() if key not in others
    }
    assert (written["shutdownGracePeriod"], written.get("readOnlyPort", 0)) == ("1m0s", 0)
    assert (written["authentication"]["anonymous"], written["authorization"]["mode"]) == ({"enabled": False}, "Webhook")


# --- Authorities that lie there before kubeadm comes ---


def authority(name: str) -> tuple[bytes, bytes]:
    """Make certificate and key in the shapes of Pulumi's tls provider: an EC key as SEC 1 has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = dict.fromkeys(("content_commitment", "data_encipherment", "key_agreement", "encipher_only"), False)
    usage |= {"decipher_only": False, "crl_sign": True, "digital_signature": True, "key_encipherment": True}
    builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(key, SHA256())
    return certificate.public_bytes(Encoding.PEM), private_pem(key)


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture(scope="module")
def delivered() -> Mapping[str, bytes]:
    """What lies on a control plane before kubeadm comes, by path below its folder."""
    pair = rsa.generate_private_key(65537, 2048)
    files = {
        "sa.key": private_pem(pair),
        "sa.pub": pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    for name, path in (("kubernetes", "ca"), ("etcd-ca", "etcd/ca"), ("front-proxy-ca", "front-proxy-ca")):
        files[f"{path}.crt"], files[f"{path}.key"] = authority(name)
    return files


def certificates(kubeadm: Kubeadm, folder: Path, files: Mapping[str, bytes]) -> subprocess.CompletedProcess[str]:
    """Have kubeadm make what is missing beside the files."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    text = filled(rendered("k8s-master")).replace('"/etc/kubernetes/pki"', json.dumps(str(folder)))
    return kubeadm.run(text, "init", "phase", "certs", "all")


def test_kubeadm_takes_the_authorities_and_makes_the_leaves(
    kubeadm: Kubeadm, tmp_path: Path, delivered: Mapping[str, bytes]
) -> None:
    """Nothing delivered changes; each leaf is elliptic, lives for a year and is signed by the authority of its kind."""
    pki = tmp_path / "pki"
    assert {f"/etc/kubernetes/pki/{path}" for path in delivered} == set(CONTROL_PLANE_FILES.values())
    result = certificates(kubeadm, pki, delivered)
    assert result.returncode == 0, result.stderr
    assert {path: (pki / path).read_bytes() for path in delivered} == dict(delivered)
    leaves = {
        str(file.relative_to(pki)): x509.load_pem_x509_certificate(file.read_bytes())
        for file in pki.rglob("*.crt")
        if str(file.relative_to(pki)) not in delivered
    }
    for name, leaf in leaves.items():
        issuer = "etcd/ca" if "etcd" in name else "front-proxy-ca" if "front-proxy" in name else "ca"
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(delivered[f"{issuer}.crt"]))
        assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=365, minutes=6)
    assert len(leaves) == 7


def test_the_servers_certificate_names_what_it_is_called(
    kubeadm: Kubeadm, tmp_path: Path, delivered: Mapping[str, bytes]
) -> None:
    """The private zone's name, the fixed address, the first address of Services and the machine itself."""
    assert certificates(kubeadm, tmp_path / "pki", delivered).returncode == 0
    leaf = x509.load_pem_x509_certificate((tmp_path / "pki" / "apiserver.crt").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "api.nodes14.internal" in names.get_values_for_type(x509.DNSName)
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"10.0.0.20", "172.20.0.1", "127.0.0.1"}


def test_a_signing_key_without_its_public_half_would_end_the_server(
    kubeadm: Kubeadm, tmp_path: Path, delivered: Mapping[str, bytes]
) -> None:
    """Kubeadm is content and makes no sa.pub, which it tells the API server to read: both halves are delivered."""
    partial = {path: content for path, content in delivered.items() if path != "sa.pub"}
    assert certificates(kubeadm, tmp_path / "pki", partial).returncode == 0
    assert not (tmp_path / "pki" / "sa.pub").exists()
    assert "/etc/kubernetes/pki/sa.pub" in CONTROL_PLANE_FILES.values()


def test_an_authority_without_its_key_would_end_the_boot(
    kubeadm: Kubeadm, tmp_path: Path, delivered: Mapping[str, bytes]
) -> None:
    """Kubeadm then wants every leaf from outside."""
    partial = {path: content for path, content in delivered.items() if path != "ca.key"}
    assert certificates(kubeadm, tmp_path / "pki", partial).returncode != 0


def test_no_leaf_is_delivered(kubeadm: Kubeadm, tmp_path: Path, delivered: Mapping[str, bytes]) -> None:
    """One that lies there is kept although it no longer fits: only authorities and the signing pair are delivered."""
    folder = tmp_path / "pki"
    assert certificates(kubeadm, folder, delivered).returncode == 0
    before = (folder / "apiserver.crt").read_bytes()
    text = filled(rendered("k8s-master")).replace('"/etc/kubernetes/pki"', json.dumps(str(folder)))
    changed_names = text.replace('"api.nodes14.internal",', '"other.example.com",')
    assert changed_names != text
    assert kubeadm.run(changed_names, "init", "phase", "certs", "all").returncode == 0
    assert (folder / "apiserver.crt").read_bytes() == before
