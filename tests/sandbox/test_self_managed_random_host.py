"""The provider `random`: what is drawn, how long it stays, and what is secret about it."""

from __future__ import annotations

import base64
import importlib
import inspect
import re
from typing import Any

import pytest

from sandbox.protocol import UNKNOWN, HostError, Properties
from sandbox.random_host import RandomHost

STRING = "random:index/randomString:RandomString"
PASSWORD = "random:index/randomPassword:RandomPassword"
BYTES = "random:index/randomBytes:RandomBytes"
ID = "random:index/randomId:RandomId"
URN = "urn:pulumi:dev::project::type::thing"

HOST = RandomHost()


def make(token: str, **inputs: Any) -> tuple[str, Properties]:
    return HOST.create(token, URN, HOST.check(token, URN, {}, inputs, b""), False)


def test_a_join_token_can_be_drawn() -> None:
    """Six and sixteen lower-case letters and digits make a token of kubeadm's form; no two are alike."""
    drawn = [
        f"{make(STRING, length=6, upper=False, special=False)[1]['result']}."
        f"{make(PASSWORD, length=16, upper=False, special=False)[1]['result']}"
        for _ in range(20)
    ]
    assert all(re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token) for token in drawn)
    assert len({*drawn}) == len(drawn)


def test_least_counts_are_kept() -> None:
    """The minima of each class are in the result."""
    text = make(PASSWORD, length=8, minUpper=2, minNumeric=3, minSpecial=1, overrideSpecial="_")[1]["result"]
    assert len(re.findall("[A-Z]", text)) >= 2
    assert len(re.findall("[0-9]", text)) >= 3
    assert "_" in text


def test_only_a_password_hides_its_value_from_its_id() -> None:
    """Ids stand in clear in the state: a password's tells nothing, those of strings and bytes are the value."""
    assert make(PASSWORD, length=16)[0] == "none"
    for token, output in ((STRING, "result"), (BYTES, "base64")):
        rid, outputs = make(token, length=16)
        assert rid == outputs[output]


def test_bytes_and_ids_have_all_their_forms() -> None:
    """Base64, hexadecimal and decimal say the same; a prefix stands before an id's."""
    _, drawn = make(BYTES, length=32)
    assert base64.b64decode(drawn["base64"]).hex() == drawn["hex"]
    assert len(drawn["hex"]) == 64
    rid, named = make(ID, byteLength=4, prefix="p-")
    assert named["b64Url"] == f"p-{rid}"
    assert int(named["hex"].removeprefix("p-"), 16) == int(named["dec"].removeprefix("p-"))


def test_a_value_stays_until_a_keeper_changes() -> None:
    """Nothing changes by itself; a keeper or any other input makes a new value."""
    olds = HOST.check(STRING, URN, {}, {"length": 6, "keepers": {"nodes": "1"}}, b"")
    rid, state = HOST.create(STRING, URN, olds, False)
    assert HOST.diff(STRING, URN, state, olds, olds).changed == ()
    assert HOST.read(STRING, URN, rid, olds, state) == (rid, olds, state)
    assert HOST.diff(STRING, URN, state, olds, {**olds, "keepers": {"nodes": "2"}}).replace == ("keepers",)
    assert HOST.diff(STRING, URN, state, olds, {**olds, "keepers": UNKNOWN}).replace == ("keepers",)
    assert HOST.diff(STRING, URN, state, olds, {**olds, "length": 7}).replace == ("length",)


def test_a_preview_draws_nothing() -> None:
    """At preview the result is not known."""
    rid, outputs = HOST.create(PASSWORD, URN, HOST.check(PASSWORD, URN, {}, {"length": 16}, b""), True)
    assert rid == ""
    assert "result" not in outputs


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"length": 3, "minUpper": 4}, "sum of the min_ attributes"),
        ({"length": 3, "lower": False, "upper": False, "numeric": False, "special": False}, "must be true"),
        ({}, "missing required input length"),
        ({"length": 3, "colour": "red"}, "input colour is not served"),
    ],
)
def test_what_the_provider_refuses_is_refused(inputs: Properties, said: str) -> None:
    """Lengths, classes and inputs are checked."""
    with pytest.raises(HostError, match=said):
        HOST.check(STRING, URN, {}, inputs, b"")


@pytest.mark.parametrize("token", sorted(RandomHost.kinds))
def test_the_inputs_are_the_package_s(token: str) -> None:
    """Every input here is one of pulumi_random; only the old name of `numeric` is not played."""
    cls = getattr(importlib.import_module("pulumi_random"), f"{token.rpartition(':')[2]}Args")
    names = [name.split("_") for name in inspect.signature(cls.__init__).parameters if "__" not in name]
    theirs = {first + "".join(word.title() for word in rest) for first, *rest in names}
    kind = RandomHost.kinds[token]
    assert {*kind.required, *kind.optional, *kind.defaults} == theirs - {"number"}
