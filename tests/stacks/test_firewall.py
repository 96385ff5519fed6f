"""A firewall that is handed to the tree is one that the tree's controller may put before load balancers."""

from __future__ import annotations

import json

import pytest

from tests.whole_stacks import WholeStack

POLICY = "aws:iam/policy:Policy"
ROOT = "kubernetes:argoproj.io/v1alpha1:Application"


@pytest.mark.parametrize(("name", "walled"), [("prod", True), ("dev", False)])
def test_the_controller_may_use_the_firewall_that_is_handed_over(
    whole_stack: WholeStack, name: str, walled: bool
) -> None:
    """A web ACL whose ARN nobody may associate would stand before nothing, and no check of AWS says so (N11)."""
    captured = whole_stack(name)
    (root,) = captured.of_type(ROOT)
    edge = root.inputs["spec"]["source"]["helm"]["valuesObject"]["edge"]
    associating = [p for p in captured.of_type(POLICY) if "wafv2:AssociateWebACL" in p.inputs["policy"]]
    assert ("wafv2AclArn" in edge["loadBalancer"], len(associating)) == (walled, int(walled))
    for policy in associating:
        granted = [s for s in json.loads(policy.inputs["policy"])["Statement"] if s["Sid"] == "AllowFirewall"]
        assert ":regional/webacl/platform-prod/*" in granted[0]["Resource"][0]
