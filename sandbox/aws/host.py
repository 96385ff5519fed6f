"""The AWS provider host: Pulumi's protocol over rows, refusals and the emulated AWS."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.balancer_gaps import attach_balancers
from sandbox.aws.calls import Caller
from sandbox.aws.effects import BalancerEffects, ClusterEffects
from sandbox.aws.eks_api import EKS
from sandbox.aws.inputs import check_inputs
from sandbox.aws.invokes import invoke
from sandbox.aws.lifecycle import Lifecycle
from sandbox.aws.refusals import Case, refuse
from sandbox.aws.rows import ROWS
from sandbox.aws.schema import provider_inputs
from sandbox.aws.session import ACCOUNT, Session
from sandbox.protocol import CONNECTION, UNKNOWN, DiffResult, HostError, Properties, ProviderHost, has_unknown

__all__ = ["AwsHost"]

# Settings that the host acts on; the others of `REACHES` say how to reach AWS, which is not a question here.
REACHES = {
    "accessKey",
    "assumeRoles",
    "httpProxy",
    "httpsProxy",
    "maxRetries",
    "noProxy",
    "profile",
    "retryMode",
    "secretKey",
    "sharedConfigFiles",
    "sharedCredentialsFiles",
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
    "stsRegion",
    "token",
    "userAgents",
    "version",
}
# An import of what lies in another region than the provider's says so behind the id.
ELSEWHERE = re.compile(r"(?P<id>.+)@(?P<region>[a-z]{2}(-[a-z]+)+-\d)")
ACTED_ON = {"region", "defaultTags", "allowedAccountIds", "forbiddenAccountIds"}


@dataclass(frozen=True)
class _Settings:
    region: str
    default_tags: Mapping[str, str]


class AwsHost(ProviderHost):
    """Serves the package `aws` from an emulated AWS.

    Args:
        endpoint: URL of the emulated AWS.
        effects: Told about EKS clusters and node groups; None when there is no Kubernetes beside.
        balancers: Told about network load balancers; None when nobody forwards their connections.

    Attributes:
        counts: How often each operation ran, by `<operation> <type token>`.
    """

    package = "aws"
    version = "7.51.1"

    def __init__(self, endpoint: str, effects: ClusterEffects | None, balancers: BalancerEffects | None = None) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self._caller = Caller(endpoint, ACCOUNT)
        self._settings: dict[str, _Settings] = {}
        self._lock = threading.Lock()
        EKS.attach(effects)
        attach_balancers(balancers)

    # Protocol ------------------------------------------------------------------------------------------------------

    def configure(self, values: Properties) -> None:
        """Take region, default tags and the accounts that the program is meant for."""
        given = {name: _parsed(value) for name, value in values.items() if value is not None}
        if unknown := sorted(given.keys() - provider_inputs() - {"version"}):
            raise HostError(f"the AWS provider has no setting {', '.join(unknown)}")
        if unserved := sorted(given.keys() - REACHES - ACTED_ON):
            raise HostError(f"provider setting {', '.join(unserved)} is not served; add it in sandbox/aws/host.py")
        region = given.get("region")
        if not region or region == UNKNOWN:
            raise HostError("Missing region configuration: set the AWS provider's `region`")
        if region not in self._caller.regions():
            raise HostError(f"invalid AWS Region: {region}")
        _check_account(given)
        with self._lock:
            self._settings[CONNECTION.get()] = _Settings(region, (given.get("defaultTags") or {}).get("tags") or {})

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with defaults and names."""
        return check_inputs(self._life(token, news), urn, olds, news, seed)

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        """Compare old inputs with new ones."""
        return self._life(token, state).diff(state, olds, news)

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        """Create; at preview return what is known before."""
        life = self._life(token, inputs)
        if preview:
            return "", life.preview(inputs, {})
        self._count("create", token)
        refuse(token, "create", Case(life.session, inputs))
        return life.create(inputs)

    def read(
        self, token: str, urn: str, rid: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        """Return id, inputs and outputs as AWS has them; an empty id when the resource is gone."""
        self._count("read", token)
        place: Properties = {}
        if not state and (match := ELSEWHERE.fullmatch(rid)):
            rid, place = match["id"], {"region": match["region"]}
        life = self._life(token, {**state, **place})
        outputs = life.observe(rid, inputs, state)
        if outputs is None:
            return "", {}, {}
        return life.own_id(rid, outputs), {**life.inputs(outputs, inputs), **place}, outputs

    def update_from(
        self, token: str, urn: str, rid: str, state: Properties, olds: Properties, news: Properties, preview: bool
    ) -> Properties:
        """Update in place."""
        life = self._life(token, state)
        if preview:
            return life.preview(news, state)
        self._count("update", token)
        refuse(token, "update", Case(life.session, news, rid))
        return life.update(rid, state, olds, news)

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        """Delete."""
        self._count("delete", token)
        life = self._life(token, state)
        refuse(token, "delete", Case(life.session, state, rid))
        life.delete(rid, state)

    def invoke(self, token: str, args: Properties) -> Properties:
        """Answer a provider function."""
        self._count("invoke", token)
        return invoke(token, self._session(args.get("region")), args)

    # Parts ---------------------------------------------------------------------------------------------------------

    def _life(self, token: str, values: Properties) -> Lifecycle:
        if token not in ROWS:
            raise HostError(
                f"resource type {token} is not served; add a row for it in sandbox/aws/rows "
                "(sandbox/aws/README.md: 'Add a resource type')"
            )
        return Lifecycle(ROWS[token], self._session(values.get("region")))

    def _session(self, region: Any) -> Session:
        settings = self._settings_here()
        chosen = region if isinstance(region, str) and not has_unknown(region) else settings.region
        return Session(self._caller, chosen, default_tags=settings.default_tags)

    def _settings_here(self) -> _Settings:
        with self._lock:
            known = self._settings.get(CONNECTION.get())
            alike = {
                json.dumps([one.region, dict(one.default_tags)], sort_keys=True) for one in self._settings.values()
            }
            if known is None and len(alike) == 1:
                # A connection that the engine opened anew; there is only one configuration that it can mean.
                known = next(iter(self._settings.values()))
        if known is None:
            raise HostError("this instance of the AWS provider is not configured")
        return known

    def _count(self, operation: str, token: str) -> None:
        with self._lock:
            self.counts[f"{operation} {token}"] += 1


def _parsed(value: Any) -> Any:
    """Return a setting; the protocol carries everything but text as JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value


def _check_account(given: Properties) -> None:
    allowed, forbidden = given.get("allowedAccountIds"), given.get("forbiddenAccountIds")
    if (allowed and ACCOUNT not in allowed) or (forbidden and ACCOUNT in forbidden):
        raise HostError(f"AWS account ID not allowed: {ACCOUNT}")
