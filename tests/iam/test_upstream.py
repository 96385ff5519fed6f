"""Each document is its publisher's policy with the listed deviations, and nothing else.

upstream/ holds the published policies with their source; deviations/ says what is changed and why.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.identity.policies import load_balancer_controller
from components.identity.policies.ebs_csi import ebs_csi
from components.identity.policies.efs_csi import required_values
from tests.iam import many
from tests.iam.catalog import ACCOUNT, CLUSTER, DEMO, FOLDER, KEY, MANAGED, REGION, identity_documents, published, size

Document = dict[str, Any]
WORDS = {"{region}": REGION, "{account}": ACCOUNT, "{cluster}": CLUSTER}
OURS = {
    "load_balancer_controller": "aws-load-balancer-controller/",
    "efs_csi": "aws-efs-csi-driver/access-points",
    "external_secrets": "external-secrets/secrets",
    "chart_registry": "external-secrets/charts",
    "external_dns": "external-dns/records",
    "monitoring": "monitoring/metrics-and-logs",
}
# Characters of the published texts, as their publishers' files count.
SIZES = {"load_balancer_controller": 5_196, "ebs_csi": 3_631, "monitoring": 609, "AmazonSSMManagedInstanceCore": 864}


def ours(name: str) -> list[Document]:
    """The platform's statements; the load balancer controller's fill several documents."""
    if name == "ebs_csi":
        return list(ebs_csi(DEMO)["Statement"])
    documents = [document for key, document in identity_documents().items() if key.startswith(OURS[name])]
    return [statement for document in documents for statement in document["Statement"]]


def table(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "deviations" / f"{name}.yaml").read_text())
    return loaded


def filled(value: Any) -> Any:
    """Put the example's words in."""
    text = json.dumps(value)
    for word, meaning in WORDS.items():
        text = text.replace(word, meaning)
    return json.loads(text)


def deviated(name: str, deviations: list[dict[str, Any]]) -> list[Document]:
    """Upstream's statements after the deviations."""
    statements = published(table(name)["upstream"])
    named = {s.get("Sid", f"S{number}"): s for number, s in enumerate(statements, 1)}
    for deviation in deviations:
        if "replace" in deviation:
            old, new = deviation["replace"]
            named = json.loads(json.dumps(named).replace(old, filled(new)))
        elif "add" in deviation:
            named[f"added {len(named)}"] = filled(deviation["add"])
        elif deviation.get("drop"):
            del named[deviation["statement"]]
        elif "without" in deviation:
            actions = named[deviation["statement"]]["Action"]
            for action in deviation["without"]:
                actions.remove(action)
        else:
            named[deviation["statement"]].update(filled(deviation["set"]))
    return list(named.values())


def normal(statement: Document) -> str:
    """One text and a list of one mean the same, order means nothing, and the Sid is the author's."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return sorted(many(value))

    return json.dumps({key: plain(value) for key, value in statement.items() if key != "Sid"}, sort_keys=True)


def differences(expected: list[Document], actual: list[Document]) -> list[str]:
    """Statements that only one side has."""
    wanted, found = sorted(map(normal, expected)), sorted(map(normal, actual))
    lost = [f"lost: {text}" for text in wanted if text not in found]
    added = [f"not listed: {text}" for text in found if text not in wanted]
    return lost + added + ([] if len(wanted) == len(found) else [f"{len(found)} statements, not {len(wanted)}"])


def mutations(value: Any) -> Iterator[Any]:
    """Every copy in which one text is widened, one list entry is missing, or one key is gone."""
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: changed} for changed in mutations(value[key]))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            yield from ([*value[:index], changed, *value[index + 1 :]] for changed in mutations(item))
    else:
        yield "?" if value == "*" else "*"


NAMES = [*OURS, "ebs_csi"]


@pytest.mark.parametrize("name", NAMES)
def test_document_is_upstreams_with_the_listed_deviations(name: str) -> None:
    """Statement by statement: what upstream has and is not listed as changed is there, and nothing more."""
    assert differences(deviated(name, table(name)["deviations"]), ours(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_deviation_is_needed_and_has_a_reason(name: str) -> None:
    """Taking one deviation off the list shows as a difference, so no entry outlives what it excuses."""
    listed = table(name)["deviations"]
    assert listed
    for index, deviation in enumerate(listed):
        assert len(deviation["reason"]) > 20
        without = deviated(name, listed[:index] + listed[index + 1 :])
        assert differences(without, ours(name)), deviation["reason"]


@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_a_statement_is_noticed(name: str) -> None:
    """Losing or widening any action, resource, condition key or value is a difference that nobody listed."""
    expected, actual = deviated(name, table(name)["deviations"]), ours(name)
    tried = 0
    for index, statement in enumerate(actual):
        for changed in mutations({key: value for key, value in statement.items() if key not in ("Sid", "Effect")}):
            tried += 1
            mutated = [*actual[:index], {"Effect": "Allow", **changed}, *actual[index + 1 :]]
            assert differences(expected, mutated), (statement["Sid"], changed)
    assert tried > 8


def test_a_denied_or_doubled_statement_is_noticed() -> None:
    """The effect counts, and so does how often."""
    expected, actual = deviated("ebs_csi", table("ebs_csi")["deviations"]), ours("ebs_csi")
    denied = copy.deepcopy(actual)
    denied[0]["Effect"] = "Deny"
    assert differences(expected, denied)
    assert differences(expected, [*actual, actual[0]])


@pytest.mark.parametrize(("name", "characters"), SIZES.items())
def test_published_texts_are_complete(name: str, characters: int) -> None:
    """The transcription has as many characters as the published policy."""
    assert size({"Version": "2012-10-17", "Statement": published(name)}) == characters


def test_every_published_text_has_a_source() -> None:
    """A contract says of what: an address and a version; and each is used."""
    texts = {path.stem: json.loads(path.read_text()) for path in (FOLDER / "upstream").glob("*.json")}
    assert [name for name, text in texts.items() if not text["source"].startswith("https://")] == []
    assert texts.keys() == {*MANAGED, *(table(name)["upstream"] for name in NAMES)}


def test_the_drivers_key_is_used_through_ec2_only() -> None:
    """With a customer's key two statements more: used and granted by EBS on the driver's behalf, never directly."""
    added = [s for s in ebs_csi(DEMO, key_arn=KEY)["Statement"] if s not in ebs_csi(DEMO)["Statement"]]
    assert [s["Resource"] for s in added] == [KEY, KEY]
    assert {s["Condition"]["StringEquals"]["kms:ViaService"] for s in added} == {f"ec2.{REGION}.amazonaws.com"}
    assert added[1]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_the_clusters_firewall_is_put_before_its_load_balancers() -> None:
    """With a firewall the controller may associate the cluster's web ACL, without one it may not; it removes none."""
    without = load_balancer_controller.load_balancer_controller(DEMO)
    documents = load_balancer_controller.load_balancer_controller(DEMO, firewall=True)
    assert {name: document for name, document in documents.items() if document != without[name]}.keys() == {
        "load-balancers"
    }
    more = documents["load-balancers"]["Statement"][len(without["load-balancers"]["Statement"]) :]
    balancers = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/*/*"
    acl = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/demo/*"
    assert [(set(s["Action"]), s["Resource"]) for s in more] == [
        ({"wafv2:AssociateWebACL", "wafv2:GetWebACL", "wafv2:GetWebACLForResource"}, [acl, balancers]),
        ({"elasticloadbalancing:SetWebAcl"}, [balancers]),
    ]


def test_the_charts_are_told_what_the_documents_need() -> None:
    """What a document leaves out has its switch in the values that the chart must get."""
    for firewall in (False, True):
        assert load_balancer_controller.required_values(firewall=firewall) == {
            "enableWaf": False,
            "enableWafv2": firewall,
            "enableShield": False,
            "controllerConfig": {"featureGates": {"ListenerRulesTagging": True}},
        }
    assert required_values(DEMO) == {"controller": {"tags": {"kubernetes.io/cluster/demo": "owned"}}}
