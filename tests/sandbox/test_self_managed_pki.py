"""The keys on the real engine: what lies in the stack's state, and what a second run makes anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from sandbox.language import LanguageHost
from sandbox.random_host import RandomHost
from sandbox.tls_host import TlsHost
from sandbox.tools import load_tools

pytestmark = pytest.mark.engine

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = """
import sys
sys.path.insert(0, {checkout!r})
import pulumi, pulumi_random, pulumi_tls
from components.self_managed.pki import Pki, PkiArgs

providers = [pulumi_tls.Provider("tls"), pulumi_random.Provider("random")]
args = PkiArgs(cluster_name="demo", nodes_digest={digest!r}, protect=True)
pki = Pki("pki", args, pulumi.ResourceOptions(providers=providers))
pulumi.export("values", dict(pki.values))
pulumi.export("token", pki.token)
pulumi.export("pin", pki.ca_pin)
"""
LEAK: Final = """
import pulumi, pulumi_random

random = pulumi.ResourceOptions(provider=pulumi_random.Provider("random"))
pulumi_random.RandomBytes("key", length=32, opts=random)
"""
PRIVATE: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


class Engine:
    """One stack of keys in a folder; `printed` is what its first `up` said."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.program = folder / "program"
        self.program.mkdir()
        (self.program / "Pulumi.yaml").write_text("name: keys\nruntime: python\n")
        self._pulumi = str(load_tools(CHECKOUT)["pulumi"])
        self._environment = os.environ | {
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DEBUG_LANGUAGES": f"python:{ports.pop('python')}",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items()),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.run("stack", "init", "dev")
        self.printed = self.up("1")

    def run(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [self._pulumi, *arguments, "--non-interactive"],
            cwd=self.program,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, digest: str, *more: str) -> str:
        (self.program / "__main__.py").write_text(PROGRAM.format(checkout=str(CHECKOUT), digest=digest))
        return self.run("up", "--yes", "--skip-preview", *more)

    def state(self, *more: str) -> dict[str, dict[str, Any]]:
        """Every resource by its logical name and type."""
        exported = json.loads(self.run("stack", "export", *more))["deployment"]["resources"]
        return {"::".join(r["urn"].split("::")[2:]).rpartition("$")[2]: r for r in exported}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with ExitStack() as stack:
        hosts: dict[str, LanguageHost | TlsHost | RandomHost] = {
            "python": LanguageHost(),
            "tls": TlsHost(),
            "random": RandomHost(),
        }
        for host in hosts.values():
            stack.callback(host.stop)
        yield Engine(tmp_path_factory.mktemp("keys"), {name: host.serve() for name, host in hosts.items()})


def shown_secrets(engine: Engine, printed: str = "") -> tuple[set[str], list[str]]:
    """What providers answered as secret, and which of it stands in the exported state or in what was printed."""
    whole, exported = engine.state("--show-secrets"), engine.run("stack", "export") + printed
    known = {
        str(json.loads(whole[name]["outputs"][key]["plaintext"]))
        for name, resource in engine.state().items()
        for key, value in resource.get("outputs", {}).items()
        if isinstance(value, dict) and "ciphertext" in value and resource["custom"]
    }
    return known, [secret for secret in known if secret in exported or json.dumps(secret)[1:-1] in exported]


def test_the_state_shows_no_secret(engine: Engine) -> None:
    """No output, input or id of the exported state holds a key, and neither does what `up` printed."""
    known, shown = shown_secrets(engine, engine.printed)
    # Five keys in three forms each, and two passwords.
    assert len(known) >= 5 * 3 + 2
    assert len(shown) == 0
    assert not PRIVATE.search(engine.run("stack", "export") + engine.printed)


def test_a_secret_that_is_an_id_is_seen(engine: Engine) -> None:
    """RandomBytes, whose id is its value, would be found: that is why the keys have none of it."""
    (engine.program / "__main__.py").write_text(LEAK)
    engine.run("stack", "init", "leak")
    try:
        engine.run("up", "--yes", "--skip-preview")
        known, shown = shown_secrets(engine)
        assert len(known) == 2
        assert len(shown) == 1
    finally:
        engine.run("stack", "select", "dev")


def test_what_everybody_may_know_is_shown(engine: Engine) -> None:
    """The pin and the authority are legible; the token is not."""
    shown = json.loads(engine.run("stack", "output", "--json"))
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", shown["pin"])
    assert shown["token"] == "[secret]"
    whole = json.loads(engine.run("stack", "output", "--json", "--show-secrets"))
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", whole["token"])


def test_a_second_run_makes_nothing_anew(engine: Engine) -> None:
    """Keys stay as long as nobody asks for others."""
    assert "unchanged" in engine.up("1", "--expect-no-changes")


def test_another_rollout_makes_another_token_alone(engine: Engine) -> None:
    """New machines change the two halves of the token and nothing else."""
    before = engine.state("--show-secrets")
    engine.up("2")
    after = engine.state("--show-secrets")
    changed = {name for name, r in after.items() if r.get("outputs") != before[name].get("outputs")}
    own = {name.rpartition("::")[2] for name in changed if not name.startswith("pulumi:pulumi:Stack")}
    assert own == {"pki-token-id", "pki-token-secret"}


def test_the_engine_refuses_to_delete_what_cannot_be_lost(engine: Engine) -> None:
    """A destroy stops before the authorities, and says which resource is protected."""
    printed = engine.run("destroy", "--yes", "--skip-preview", fails=True)
    assert "protected" in printed
    kept = {name.rpartition("::")[2] for name, r in engine.state().items() if r.get("protect")}
    assert {"pki-ca", "pki-etcd-ca", "pki-front-proxy-ca", "pki-service-accounts", "pki-encryption-key"} == kept
