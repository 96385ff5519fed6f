"""The API as hooks call it: over TLS with the administrator's certificate, and with plain words for what went wrong."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.self_managed.cluster_api import ApiError, ClusterAccess, ClusterApi
from components.self_managed.kubeconfig import kubeconfig
from components.self_managed.readiness import ec2_console
from sandbox.certificates import Authority
from tests.self_managed.api import FakeApi, served
from tests.self_managed.pki import Material, material

NAME = "api.nodes14.internal"


@pytest.fixture(scope="module")
def admin() -> Material:
    """The administrator's certificate and its authority."""
    return material()


@pytest.fixture
def api(tmp_path: Path, admin: Material) -> Iterator[tuple[FakeApi, Authority]]:
    """An API with a certificate for its name only, which asks everybody for one."""
    authority = Authority(tmp_path)
    context = authority.issue("api", [NAME]).context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=admin.values["ca-crt"])
    with served(FakeApi(), context) as fake:
        yield fake, authority


def _config(fake: FakeApi, authority: Authority, admin: Material, name: str = NAME) -> str:
    return kubeconfig(
        cluster="nodes14",
        server=fake.url,
        ca_pem=authority.file.read_text(),
        certificate_pem=admin.admin_certificate,
        key_pem=admin.admin_key,
        tls_server_name=name,
    )


def test_the_administrator_is_let_in_under_any_address(api: tuple[FakeApi, Authority], admin: Material) -> None:
    """What is reached by a load balancer's or a forward's address proves that it is the API by its own name."""
    fake, authority = api
    assert ClusterApi(_config(fake, authority, admin)).unready() is None


def test_another_server_is_not_believed(api: tuple[FakeApi, Authority], admin: Material, tmp_path: Path) -> None:
    """A certificate for another name, or of another authority, is no answer."""
    fake, authority = api
    for config in (
        _config(fake, authority, admin, "api.other.internal"),
        _config(fake, Authority(tmp_path / "other"), admin),
    ):
        said = ClusterApi(config).unready()
        assert said is not None
        assert "CERTIFICATE_VERIFY_FAILED" in said


def test_nobody_there_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    """A closed port is one plain line; the client's own retries put nothing on the terminal."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        fake = FakeApi()
        fake.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        said = ClusterApi(fake.kubeconfig).unready()
    assert said is not None
    assert said.startswith("no answer: ")
    assert "\n" not in said
    assert capfd.readouterr().err == ""


def test_lists_are_read_to_their_end() -> None:
    """Two to a page: the fifth node, and the fifth pod of a node, are found as well."""
    with served(FakeApi()) as fake:
        for number in range(5):
            fake.add_node(f"n{number}", f"i-{number}")
            fake.add_pod(f"p{number}", "n4")
        api = ClusterApi(fake.kubeconfig)
        found = api.node_on("i-4")
        assert found is not None
        assert found["metadata"]["name"] == "n4"
        assert api.node_on("i-40") is None
        assert len(api.pods_on("n4")) == 5


def test_a_later_node_or_pod_of_the_name_is_left_alone() -> None:
    """Between a look and a delete the name may have gone to another."""
    with served(FakeApi()) as fake:
        api = ClusterApi(fake.kubeconfig)
        node, pod = fake.add_node("a", "i-1"), fake.add_pod("web", "a")
        old = ({**node, "metadata": {**node["metadata"]}}, {**pod, "metadata": {**pod["metadata"]}})
        node["metadata"]["uid"] = pod["metadata"]["uid"] = "another"
        api.delete_node(old[0])
        assert api.evict(old[1]) is None
        assert (set(fake.nodes), set(fake.pods)) == ({"a"}, {"web"})


def test_without_a_kubeconfig_the_api_is_not_asked() -> None:
    """Where its parts are gone, as in a destroy that goes on, that is an error of its own."""

    async def story() -> None:
        unknown: Any = asyncio.sleep(0, result=None)
        await ClusterAccess(unknown).ask(lambda api: api.unready())

    with pytest.raises(ApiError, match="no kubeconfig"):
        asyncio.run(story())


def test_a_kubeconfig_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is made of may need the worker of the engine that the asking hook holds: that ends in words."""
    monkeypatch.setattr("components.self_managed.cluster_api._KNOWN", 0.05)

    async def story() -> None:
        known: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        access = ClusterAccess(pulumi.Output.from_input(known))
        with pytest.raises(ApiError, match="no kubeconfig yet"):
            await access.ask(lambda api: api.unready())
        fake = FakeApi()
        fake.url = "http://127.0.0.1:1"
        known.set_result(fake.kubeconfig)
        assert "no answer" in str(await access.ask(lambda api: api.unready()))

    asyncio.run(story())


def test_the_console_is_asked_for_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """EC2 keeps an old copy unless the latest is wanted; an instance without output has none."""
    asked: list[dict[str, Any]] = []

    class Client:
        def get_console_output(self, **parameters: Any) -> dict[str, str]:
            asked.append(parameters)
            return {"Output": "platform-boot: phase=packages"} if len(asked) == 1 else {}

    monkeypatch.setattr("boto3.client", lambda service, region_name: Client())
    assert ec2_console("i-1", "ap-northeast-2") == "platform-boot: phase=packages"
    assert ec2_console("i-1", "ap-northeast-2") == ""
    assert asked[0] == {"InstanceId": "i-1", "Latest": True}
