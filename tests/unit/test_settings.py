from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

import versions
from components.eks import kubelet
from rules import combinations, support
from rules.instance_types import INSTANCE_TYPES, is_arm64
from rules.sections import adapters, known_keys
from settings import EksSettings, Settings, SettingsError
from tests.bad_inputs import BAD_INPUTS, ELSEWHERE, REMOVED, ROOT, TODAY, BadInput, changed, sections

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
DEV = sections("dev")
KNOWN_KEYS = known_keys("eks")
PATHS = sorted("/".join(path) for path in KNOWN_KEYS) + sorted(
    "/".join((*path, key)) for path, keys in KNOWN_KEYS.items() for key in keys
)


def _parse(changes: Mapping[str, Any], *, stack: str = "dev", today: date = TODAY) -> EksSettings:
    settings = Settings.parse(changed(sections(stack), changes), today=today)
    assert isinstance(settings, EksSettings)
    return settings


def _lines(changes: Mapping[str, Any], *, stack: str = "dev", today: date = TODAY) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        _parse(changes, stack=stack, today=today)
    return caught.value.lines


class TestStacks:
    def test_dev_is_valid_without_a_warning(self) -> None:
        """The dev stack's file holds a small, three-zone platform."""
        settings = _parse({})
        assert settings.aws.account_id == "123456789012"
        assert settings.aws.partition == "aws"
        assert settings.network.cidr == IPv4Network("10.0.0.0/16")
        assert settings.network.zones == {"ap-northeast-2a": 0, "ap-northeast-2b": 1, "ap-northeast-2c": 2}
        assert settings.network.nat == "single"
        assert (settings.nodes.count.min, settings.nodes.count.desired) == (3, 3)
        assert settings.nodes.disk_gib == 20
        assert settings.karpenter.capacity_types == ("spot", "on-demand")
        assert settings.gitops.charts.mirror is None
        assert settings.warnings == ()

    def test_prod_is_valid_without_a_warning(self) -> None:
        """The prod stack's file satisfies every rule of production."""
        settings = _parse({}, stack="prod")
        assert settings.policy.tier == "production"
        assert len(settings.network.zones) == 3
        assert settings.cluster.public_access_cidrs == ()
        assert settings.cluster.deletion_protection
        assert settings.warnings == ()

    def test_every_stack_has_the_same_keys(self) -> None:
        """Stacks differ by values only; names of zones and administrators are values."""

        def keys(stack: str) -> set[tuple[str, ...]]:
            found: set[tuple[str, ...]] = {(name,) for name in sections(stack)}
            for path in KNOWN_KEYS:
                value: Any = sections(stack)
                for step in path:
                    value = value[step]
                found |= {(*path, key) for key in value}
            return found

        assert keys("dev") == keys("prod")

    def test_default_providers_are_disabled_in_the_project(self) -> None:
        """No resource can slip through to a provider that was not made explicitly."""
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        assert project["name"] == "platform"
        assert project["config"]["pulumi:disable-default-providers"] == ["*"]

    def test_pins_agree_with_versions(self) -> None:
        """Every stack starts with the versions that this release of the platform was tried with."""
        for stack in ("dev", "prod"):
            settings = _parse({}, stack=stack)
            assert settings.cluster.version == versions.KUBERNETES
            assert settings.nodes.ami_release == versions.AL2023_NODE_GROUP_RELEASE
            assert settings.karpenter.ami_alias == f"al2023@{versions.AL2023_RELEASE}"


class TestBadInputs:
    @pytest.mark.parametrize("row", BAD_INPUTS, ids=lambda row: row.id)
    def test_one_line_says_key_value_rule_and_fix(self, row: BadInput) -> None:
        """A single fault is refused by its one line and nothing else."""
        with pytest.raises(SettingsError) as caught:
            Settings.parse(row.sections, today=TODAY)
        assert caught.value.lines == (row.line,)
        assert str(caught.value) == row.line
        rule, _, fix = row.line.partition("; ")
        assert rule
        assert fix

    def test_each_of_the_forty_is_refused_or_explained(self) -> None:
        """The list of forty bad inputs has no gap: each is refused here or has a reason not to be."""
        refused = {row.number for row in BAD_INPUTS} - {0}
        assert refused.isdisjoint(ELSEWHERE)
        assert refused | ELSEWHERE.keys() == set(range(1, 41))

    def test_all_faults_are_told_at_once(self) -> None:
        """Three faults in two sections, and one between sections, give four lines."""
        lines = _lines(
            {
                "aws/accountId": 1,
                "network/cidr": "10.0.0.1/16",
                "network/nat": "none of them",
                "nodes/count/desired": 9,
            }
        )
        assert [line.partition(" = ")[0] for line in lines] == [
            "platform:aws.accountId",
            "platform:network.cidr",
            "platform:network.nat",
            "platform:nodes.count.desired",
        ]

    def test_nothing_configured_names_every_section(self) -> None:
        """A stack without configuration is told what it lacks."""
        with pytest.raises(SettingsError) as caught:
            Settings.parse({}, today=TODAY)
        assert [line.split(":")[1] for line in caught.value.lines] == list(adapters("eks"))

    def test_pulumi_prints_the_error_without_a_traceback(self) -> None:
        """Pulumi treats this kind of error as the user's, not the program's."""
        assert issubclass(SettingsError, pulumi.RunError)

    @pytest.mark.parametrize(
        "value",
        [
            "https://bot:s3cr3t@git.example.com/x.git",
            "https://s3cr3t@git.example.com/x.git",
            "https://git.example.com/x.git?private_token=s3cr3t",
            "ssh://bot:s3cr3t@git.example.com/x.git",
            "ftp://bot:s3/cr3t@git.example.com",
            "bot:s3cr3t@git.example.com/x.git",
            "ghp_s3cr3ts3cr3t",
            {"token": "s3cr3t"},
            ["s3cr3t"],
        ],
    )
    def test_credentials_are_never_repeated(self, value: object) -> None:
        """A URL's credentials stay out of the message that refuses them."""
        for path in ("gitops/repository", "gitops/charts/mirror", "gitops/password"):
            (line,) = _lines({path: value})
            assert "cr3t" not in line

    def test_the_planner_has_the_last_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What only the network's planner refuses is a fault like any other."""

        def refuse(cidr: IPv4Network, zones: Mapping[str, int], pod_cidr: IPv4Network | None) -> None:
            raise ValueError(f"cidr={cidr}: no such plan; take another")

        monkeypatch.setattr(combinations, "plan_network", refuse)
        assert _lines({}) == ("platform:network: cidr=10.0.0.0/16: no such plan; take another",)


class TestSupport:
    def test_warns_in_the_last_ninety_days(self) -> None:
        """The warning comes ninety days before the end of standard support and counts down."""
        end = support.STANDARD_SUPPORT_ENDS["1.36"]
        assert _parse({}, today=end - timedelta(days=90)).warnings == ()
        assert _parse({}, today=end - timedelta(days=89)).warnings == (
            'platform:cluster.version = "1.36": standard support ends on 2027-08-02, in 89 days; plan the upgrade',
        )
        assert "in 0 days" in _parse({}, today=end).warnings[0]

    def test_refuses_from_the_day_after(self) -> None:
        """The first day without standard support is refused."""
        end = support.STANDARD_SUPPORT_ENDS["1.36"]
        (line,) = _lines({}, today=end + timedelta(days=1))
        assert line.startswith('platform:cluster.version = "1.36": left standard support on 2027-08-02; ')

    def test_karpenter_must_know_the_kubernetes_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The pair is compared by number: 1.9 is older than 1.13."""
        monkeypatch.setattr(versions, "KARPENTER", "1.9.3")
        (line,) = _lines({})
        assert line == (
            'platform:cluster.version = "1.36": needs Karpenter 1.13 or newer, and versions.py has 1.9.3; raise that'
        )

    def test_kube_proxy_must_not_be_newer(self) -> None:
        """A control plane older than the pinned kube-proxy is refused, and so are nodes newer than it."""
        lines = _lines({"cluster/version": "1.35"})
        assert len(lines) == 1
        assert "older than the kube-proxy v1.36" in lines[0]

    @pytest.mark.parametrize(
        ("pin", "version", "part"),
        [
            ("ADDON_KUBE_PROXY", "v1.35.3-eksbuild.18", "newer than the kube-proxy v1.35.3-eksbuild.18"),
            ("ADDON_COREDNS", "v1.13.2-eksbuild.7", "needs coredns 1.14 or newer"),
            ("ADDON_VPC_CNI", "v1.21.1-eksbuild.1", "needs vpc-cni 1.22 or newer"),
            ("ADDON_EBS_CSI", "v1.64.0-eksbuild.1", "needs aws-ebs-csi-driver 1.66 or newer"),
            ("ADDON_POD_IDENTITY_AGENT", "v1.2.0-eksbuild.1", "needs eks-pod-identity-agent 1.3 or newer"),
        ],
    )
    def test_addons_must_fit_the_version(
        self, monkeypatch: pytest.MonkeyPatch, pin: str, version: str, part: str
    ) -> None:
        """A pin older than what was seen with the Kubernetes version is refused."""
        monkeypatch.setattr(versions, pin, version)
        (line,) = _lines({})
        assert part in line

    def test_every_supported_version_has_a_karpenter(self) -> None:
        """The two tables speak of the same versions, but for the one that was dropped last."""
        assert support.OLDEST_KARPENTER.keys() <= support.STANDARD_SUPPORT_ENDS.keys()
        assert versions.KUBERNETES in support.OLDEST_KARPENTER
        assert support.newest() == versions.KUBERNETES

    def test_nodes_may_lag_three_minors(self) -> None:
        """An upgrade moves the control plane first."""
        assert _parse({"nodes/amiRelease": "1.33.9-20260714"}).nodes.ami_release == "1.33.9-20260714"
        assert len(_lines({"nodes/amiRelease": "1.32.9-20260714"})) == 1


class TestProduction:
    @pytest.mark.parametrize(
        "changes",
        [
            {"secrets/recoveryDays": 7},
            {"storage/keepData": False, "policy/decommission": True},
            {"edge": {}, "storage/buckets/images": REMOVED},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_may_do_what_none_of_its_rules_is_about(self, changes: Mapping[str, Any]) -> None:
        """A shorter recovery is one, what is to go keeps nothing, and nothing published needs no firewall."""
        assert _parse(changes, stack="prod").policy.tier == "production"


class TestDevelopment:
    @pytest.mark.parametrize(
        "changes",
        [
            {"gitops/revision": "HEAD"},
            {"gitops/repository": "git@git.example.com:platform/platform.git"},
            {"gitops/repository": "ssh://git@git.example.com:2222/platform.git"},
            {"gitops/repository": "https://127.0.0.1:40123/tree.git"},
            {"gitops/charts/mirror": "https://charts.example.com/stable"},
            {
                "network/nat": "none",
                "network/privateEndpoints": True,
                "gitops/charts/mirror": "https://charts.example.com",
                "gitops/images/registry": "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/mirror",
            },
            {"cluster/publicAccessCidrs": []},
            {"edge/login": False, "secrets/entries": {"argocd/oidc": "a client of another provider of identities"}},
            {"aws/permissionsBoundary": "arn:aws:iam::123456789012:policy/teams/boundary"},
            {"aws/permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess"},
            {"cluster/access/administrators/sso": "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/SSO"},
        ],
        ids=str,
    )
    def test_may_do_what_production_may_not(self, changes: Mapping[str, Any]) -> None:
        """A development stack follows branches; both kinds of repository URL are taken."""
        assert _parse(changes).policy.tier == "development"

    def test_spot_alone_is_warned_of(self) -> None:
        """A development stack may live on spot alone and is told what that means."""
        (warning,) = _parse({"karpenter/capacityTypes": ["spot"]}).warnings
        assert "add on-demand" in warning

    def test_another_partition_follows_from_the_region(self) -> None:
        """Only the region is configured; ARNs must agree with its partition."""
        settings = _parse(
            {
                "aws/region": "cn-north-1",
                "network/zones": {"cn-north-1a": 0, "cn-north-1b": 3, "cn-north-1d": 4},
                "cluster/access/administrators/platform-team": "arn:aws-cn:iam::123456789012:role/platform-admin",
                "edge/login": False,
                "storage/buckets/images": REMOVED,
            }
        )
        assert settings.aws.partition == "aws-cn"


class TestModel:
    def test_settings_are_frozen(self) -> None:
        """Neither a setting nor what a mapping holds can be changed afterwards."""
        settings = _parse({})
        with pytest.raises(ValidationError, match="frozen"):
            settings.aws.region = "us-east-1"
        with pytest.raises(ValidationError, match="frozen"):
            settings.warnings = ()
        for mapping in (settings.tags, settings.network.zones, settings.cluster.access.administrators):
            assert isinstance(mapping, MappingProxyType)

    @pytest.mark.parametrize("path", sorted(KNOWN_KEYS), ids=".".join)
    def test_unknown_keys_are_refused_everywhere(self, path: tuple[str, ...]) -> None:
        """No mapping of the configuration takes a key that it does not know."""
        (line,) = _lines({"/".join((*path, "surprise")): "s3cr3t"})
        assert line.startswith(f"platform:{'.'.join(path)}.surprise: unknown key; ")
        assert "s3cr3t" not in line

    def test_mappings_keep_one_order(self) -> None:
        """The order of keys in YAML changes nothing, as the engine sorts them anyway."""
        backwards = {"network/zones": {"ap-northeast-2c": 1, "ap-northeast-2a": 4, "ap-northeast-2b": 0}}
        assert list(_parse(backwards).network.zones) == ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]

    @given(path=st.sampled_from(PATHS), value=JSON)
    def test_any_value_is_taken_or_refused_in_lines(self, path: str, value: object) -> None:
        """Whatever stands in the configuration, the answer is settings or printable lines, each with a fix."""
        _assert_clean(changed(DEV, {path: value}))

    @given(content=st.dictionaries(st.sampled_from(sorted(adapters("eks"))) | st.text(), JSON))
    @example(content={"network": {"zones": {"\ud800": 1, "a\nb": []}}})
    def test_any_section_is_taken_or_refused_in_lines(self, content: dict[str, object]) -> None:
        """The same holds for whole sections."""
        _assert_clean(content)

    @given(prefix=st.integers(0, 32), address=st.integers(0, 2**32 - 1))
    @example(prefix=16, address=0x0A000000)
    @example(prefix=20, address=0x64400000)
    def test_accepted_ranges_are_private_and_fit(self, prefix: int, address: int) -> None:
        """Of all IPv4 ranges those of /16 to /20 inside private space pass, and no others."""
        network = IPv4Network((address, prefix), strict=False)
        inside = any(
            network.subnet_of(IPv4Network(block))
            for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
        )
        few = {"karpenter/limits/cpu": "2", "karpenter/maxPods": 60, "nodes/maxPods": 60}
        changes = {"network/cidr": str(network), "cluster/serviceCidr": "192.168.0.0/24", **few}
        if network.overlaps(IPv4Network("192.168.0.0/24")):
            changes["cluster/serviceCidr"] = "172.31.0.0/24"
        if inside and 16 <= prefix <= 20:
            assert _parse(changes).network.cidr == network
        else:
            assert any(line.startswith("platform:network.cidr = ") for line in _lines(changes))


def _assert_clean(content: Mapping[str, object]) -> None:
    untouched = copy.deepcopy(content)
    lines: tuple[str, ...] = ()
    try:
        Settings.parse(content, today=TODAY)
    except SettingsError as error:
        lines = tuple(str(error).split("\n"))
    for line in lines:
        assert line.isprintable()
        assert line.startswith("platform:")
        assert "; " in line
    assert repr(content) == repr(untouched)


class TestInstanceTypes:
    def test_no_arm64_type_is_in_the_table(self) -> None:
        """Base nodes run the x86_64 image, so the table has no Graviton family."""
        assert [name for name in INSTANCE_TYPES if is_arm64(name.partition(".")[0])] == []

    @pytest.mark.parametrize("family", ["a1", "t4g", "m7gd", "c7gn", "im4gn", "is4gen", "x2gd", "g5g", "m8g"])
    def test_graviton_families_are_told_by_name(self, family: str) -> None:
        """The letter g after the generation means arm64."""
        assert is_arm64(family)

    @pytest.mark.parametrize("family", ["t3", "g4dn", "g5", "m7i-flex", "m6in", "gr6", "c5a", "u7in-16tb"])
    def test_other_families_are_not_taken_for_graviton(self, family: str) -> None:
        """A g elsewhere in the name, as in g5, does not."""
        assert not is_arm64(family)

    def test_pods_follow_from_prefixes(self) -> None:
        """Three interfaces with five free places for /28 prefixes each give a t3.medium 242 addresses for pods."""
        type_ = INSTANCE_TYPES["t3.medium"]
        room = kubelet.pods_with_addresses(interfaces=type_.interfaces, addresses=type_.addresses, pod_range=False)
        assert room == 242
