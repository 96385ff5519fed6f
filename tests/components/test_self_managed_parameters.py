"""Parameters and their keys, control by control, each with mutations that the control catches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pulumi
import pytest

from components.self_managed.names import CONTROL_PLANE_FILES, ENCRYPTION_KEY
from components.self_managed.parameters import Parameters, ParametersArgs
from tests.captures import UNKNOWN, Capture, Secret
from tests.components import Control, Mutation, changed
from tests.conftest import ACCOUNT, CaptureProgram
from tests.self_managed import ISSUER
from tests.self_managed.pki import material
from tests.storage import ALIAS, KEY, PLACE, TAGS

COMPONENT: Final = "platform:self_managed:Parameters"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
SECRETS: Final = (*CONTROL_PLANE_FILES, ENCRYPTION_KEY)
KEYS: Final = {**dict.fromkeys(SECRETS, "control-plane"), "token": "join"}
# Of a standard parameter (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html).
MOST: Final = 4096


def register(
    protect: bool = True, cluster: str = "demo", values: Mapping[str, pulumi.Input[str]] | None = None
) -> Parameters:
    given = {**{key: f"secret {key}" for key in SECRETS}, **(values or {})}
    return Parameters(
        "parameters",
        ParametersArgs(
            cluster_name=cluster, values=given, token="abc.def", issuer=ISSUER, protect=protect, place=PLACE
        ),
    )


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def legible(captured: Capture) -> list[str]:
    """Every value is encrypted at AWS, and a secret in Pulumi's state."""
    return [
        r.name
        for r in captured.of_type(PARAMETER)
        if not isinstance(r.inputs.get("value"), Secret)
        or (r.inputs.get("type"), r.inputs.get("tier")) != ("SecureString", "Standard")
        or "insecureValue" in r.inputs
    ]


def wrong_keys(captured: Capture) -> list[str]:
    """The token is under a key of its own: who may decrypt it can decrypt nothing else."""
    named = {f"parameters-{key}": f"parameters-{purpose}" for key, purpose in KEYS.items()}
    wrong = sorted(named.keys() ^ {r.name for r in captured.of_type(PARAMETER)})
    return wrong + [
        r.name
        for r in captured.of_type(PARAMETER)
        if r.name in named and r.property_dependencies.get("keyId") != (captured.one(KEY, named[r.name]).urn,)
    ]


def wrong_names(captured: Capture) -> list[str]:
    """Machines find each by its name: those of control planes and the token under prefixes of their own."""
    wanted = {f"parameters-{key}": f"/kubernetes/demo/control-plane/{key}" for key in SECRETS}
    wanted["parameters-token"] = "/kubernetes/demo/join/token"
    wrong = [r.name for r in captured.of_type(PARAMETER) if r.inputs.get("name") != wanted.get(r.name)]
    aliases = {r.name: r.inputs.get("name") for r in captured.of_type(ALIAS)}
    keys = {"parameters-control-plane": "alias/demo-control-plane", "parameters-join": "alias/demo-join"}
    return wrong if aliases == keys else [*wrong, *aliases]


def overwriting(captured: Capture) -> list[str]:
    """Another cluster's parameter of the same name is never taken over."""
    return [r.name for r in captured.of_type(PARAMETER) if "overwrite" in r.inputs]


def open_keys(captured: Capture) -> list[str]:
    """Each key rotates, and its policy keeps service accounts out, the control planes' also workers."""
    workers = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/demo-worker"}}
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER.removeprefix('https://')}"
    accounts = {"StringEquals": {"aws:FederatedProvider": provider}}
    wanted = {"parameters-control-plane": [workers, accounts], "parameters-join": [accounts]}
    wrong = []
    for key in captured.of_type(KEY):
        denied = [s for s in json.loads(key.inputs["policy"])["Statement"] if s["Effect"] == "Deny"]
        everything = all("kms:Decrypt" in s["Action"] and s["Resource"] == "*" for s in denied)
        right = [s["Condition"] for s in denied] == wanted[key.name] and everything
        wrong += [] if right and key.inputs.get("enableKeyRotation") is True else [key.name]
    return wrong


def unprotected(captured: Capture) -> list[str]:
    """Nobody deletes what the cluster cannot start without; the token comes and goes."""
    passing = {"parameters-token", "parameters-join"}
    kinds = (KEY, PARAMETER)
    return [r.urn for type_ in kinds for r in captured.of_type(type_) if r.protect is (r.name in passing)]


def untagged(captured: Capture) -> list[str]:
    """Whatever can carry tags carries the caller's, and hangs under the component."""
    parents = {r.urn for r in captured.resources if not r.custom}
    wrong = [r.urn for type_ in (KEY, PARAMETER) for r in captured.of_type(type_) if r.inputs.get("tags") != TAGS]
    return wrong + [r.urn for r in captured.resources if r.custom and r.parent not in parents]


def _denials(*kept: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        text = captured.one(KEY, "parameters-control-plane").inputs["policy"]
        rest = [s for s in json.loads(text)["Statement"] if s["Sid"] in kept]
        return captured.changed(KEY, "parameters-control-plane", {"policy": json.dumps({"Statement": rest})})

    return mutate


_ONE: Final = "parameters-ca-key"
MUTATIONS: list[tuple[Control, Mutation]] = [
    (legible, changed(PARAMETER, _ONE, {"type": "String"})),
    (legible, changed(PARAMETER, _ONE, {"value": "shown"})),
    (legible, changed(PARAMETER, _ONE, {"tier": None})),
    (wrong_keys, changed(PARAMETER, _ONE, property_dependencies={})),
    (
        wrong_keys,
        lambda c: c.changed(PARAMETER, "parameters-token", property_dependencies={"keyId": (c.of_type(KEY)[0].urn,)}),
    ),
    (wrong_names, changed(PARAMETER, _ONE, {"name": "/kubernetes/demo/join/ca-key"})),
    (wrong_names, changed(ALIAS, "parameters-join", {"name": "alias/demo-control-plane"})),
    (overwriting, changed(PARAMETER, _ONE, {"overwrite": True})),
    (open_keys, changed(KEY, "parameters-join", {"enableKeyRotation": False})),
    (open_keys, _denials("DenyWorkers")),
    (open_keys, _denials("DenyServiceAccounts")),
    (unprotected, changed(PARAMETER, _ONE, protect=False)),
    (unprotected, changed(KEY, "parameters-control-plane", protect=False)),
    (unprotected, changed(PARAMETER, "parameters-token", protect=True)),
    (untagged, changed(PARAMETER, _ONE, {"tags": {}})),
    (untagged, changed(PARAMETER, _ONE, parent="")),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The parameters break no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_real_keys_fit_the_free_tier() -> None:
    """What is really made has less than half of the characters of a standard parameter."""
    assert max(map(len, material().values.values())) * 2 < MOST


@pytest.mark.parametrize("wrong", [{"ca-key": None}, {"more": "x"}], ids=str)
def test_an_incomplete_set_is_refused(wrong: dict[str, str | None]) -> None:
    """Without one of its files no control plane comes up, and that would be seen after minutes only."""
    values = {key: value for key, value in {**dict.fromkeys(SECRETS, "x"), **wrong}.items() if value}
    with pytest.raises(ValueError, match=f"values: {next(iter(wrong))} missing or unknown"):
        ParametersArgs(cluster_name="demo", values=values, token="x", issuer=ISSUER, place=PLACE)


def test_clusters_of_one_account_share_no_name(capture: CaptureProgram, captured: Capture) -> None:
    """Parameters and aliases carry the cluster's name."""
    other = capture(lambda: register(cluster="other"))
    names = [{r.inputs["name"] for t in (PARAMETER, ALIAS) for r in one.of_type(t)} for one in (captured, other)]
    assert not names[0] & names[1]
    assert len(names[0]) == 12


def test_preview_shows_all_but_values(capture: CaptureProgram) -> None:
    """Names and key policies are known before anything exists."""
    previewed = capture(lambda: register(values={"ca-key": pulumi.Output.secret("x")}), preview=True)
    assert wrong_names(previewed) == open_keys(previewed) == []
    assert previewed.one(PARAMETER, _ONE).inputs["keyId"] == UNKNOWN


def test_component_shows_its_keys(captured: Capture) -> None:
    """The roles' policies name both keys."""
    shown = captured.outputs[captured.one(COMPONENT, "parameters").urn]
    assert shown.keys() == {"control_plane_key_arn", "join_key_arn"}
    assert shown["control_plane_key_arn"] != shown["join_key_arn"]
