"""Rules of IAM's OIDC providers."""

from __future__ import annotations

import re

from sandbox.aws.refusals.registry import Case, error, rule

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
URL = re.compile(r"https://[A-Za-z0-9.-]+(/[^?#]*)?")
THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


@rule(PROVIDER, at="check")
def provider_url(case: Case) -> None:
    """An issuer is an https URL without port, query and fragment, of at most 255 characters."""
    url = case["url"]
    if isinstance(url, str) and (not URL.fullmatch(url) or len(url) > 255):
        reason = f"Invalid Open ID Connect Provider URL: {url}"
        raise error("ValidationError", "CreateOpenIDConnectProvider", reason)


@rule(PROVIDER, at="check")
def clients_and_thumbprints(case: Case) -> None:
    """A provider has up to 100 clients and up to five thumbprints of 40 hexadecimal digits."""
    clients, thumbprints = case["clientIdLists"] or [], case["thumbprintLists"] or []
    if len(clients) > 100 or len(thumbprints) > 5:
        reason = "Cannot exceed quota for OpenIdConnectProvider"
        raise error("LimitExceeded", "CreateOpenIDConnectProvider", reason)
    for one in thumbprints:
        if isinstance(one, str) and not THUMBPRINT.fullmatch(one):
            reason = f"Value '{one}' at 'thumbprintList' failed to satisfy constraint: 40 hexadecimal digits"
            raise error("ValidationError", "CreateOpenIDConnectProvider", reason)


@rule(PROVIDER, at="create")
def provider_is_new(case: Case) -> None:
    """An issuer is one provider's, whichever stack made it."""
    arns = [one["Arn"] for one in case.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"]]
    bare = str(case["url"]).removeprefix("https://").rstrip("/")
    if any(arn.partition(":oidc-provider/")[2].rstrip("/") == bare for arn in arns):
        reason = f"Provider with url {case['url']} already exists."
        raise error("EntityAlreadyExists", "CreateOpenIDConnectProvider", reason)
