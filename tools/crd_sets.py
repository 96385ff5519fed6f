"""The kinds that operators bring, as their publishers define them: one row per set of CRDs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import versions


@dataclass(frozen=True, kw_only=True)
class CrdSet:
    """The files with the CRDs of one operator at one version.

    Attributes:
        repository: On GitHub, where tag `v<version>` has the files; empty when only the Go module is at that version.
        module: The Go module that has them too.
        folder: Where they lie in both.
        sha256: By file.
    """

    name: str
    version: str
    repository: str = ""
    module: str
    folder: str
    sha256: Mapping[str, str]


CRD_SETS: Final = (
    CrdSet(
        name="argocd-crds",
        version=versions.ARGOCD_CLI,
        repository="argoproj/argo-cd",
        module="github.com/argoproj/argo-cd/v3",
        folder="manifests/crds",
        sha256={
            "application-crd.yaml": "5dde0e229249b6b707beb98674c1deae3949d5c319a6c45b9f5a80c99618e40c",
            "applicationset-crd.yaml": "7d282054f41ca2b71a22bab04a8caf0000e07e53a62432e6ea292dae5ab4f07d",
            "appproject-crd.yaml": "ab225266944322750136f1198d93786e4a79a0e43c8d149abfba44da30a3eac8",
        },
    ),
    CrdSet(
        name="argo-rollouts-crds",
        version=versions.ARGO_ROLLOUTS,
        repository="argoproj/argo-rollouts",
        module="github.com/argoproj/argo-rollouts",
        folder="manifests/crds",
        sha256={
            "analysis-run-crd.yaml": "eb1052e728aeb5e46eb1c1202958585eb48edc5ba25b406b7b41c1049009477d",
            "analysis-template-crd.yaml": "96a871705477bb8876f91630789ce753c8291f0ff5457a8cbc781ff150522369",
            "cluster-analysis-template-crd.yaml": "265283fa1dbf10a6b37c3b1e0ece97fa7fe561ca66da8521ca4b194297b31882",
            "experiment-crd.yaml": "419f87b0f6b1b3bfaf0020d71e2b3fe269e232a344e175d123dadceaa17de7ab",
            "rollout-crd.yaml": "d79c0dab9bb386b1c9329fb69cf0d843fff2152b3f7916839755c1aabc7387f5",
        },
    ),
    CrdSet(
        name="cloudnative-pg-crds",
        version=versions.CLOUDNATIVE_PG,
        repository="cloudnative-pg/cloudnative-pg",
        module="github.com/cloudnative-pg/cloudnative-pg",
        folder="config/crd/bases",
        sha256={
            "postgresql.cnpg.io_backups.yaml": "694bafce2eda4603629657c2141a89189c15250c74215002a6987538d3d78ff5",
            "postgresql.cnpg.io_clusterimagecatalogs.yaml": (
                "a409d4e9418110672d14c263793d0458dd328f794caac668671c08c257e762ae"
            ),
            "postgresql.cnpg.io_clusters.yaml": "ae47f4a00f6e998faef57e480f9a3960cd48ea16a79270861fc7442601507472",
            "postgresql.cnpg.io_databaseroles.yaml": "bbe900fb057c5ea29bb3f41537b941eee80f528f22733e54a5b2704c4bd9516d",
            "postgresql.cnpg.io_databases.yaml": "53f7dfca6d23eb70246f41f1e7db596f8782341cd4fffb6ad990107cc8a588e7",
            "postgresql.cnpg.io_failoverquorums.yaml": (
                "c97e5376830385bf47f2d669269e40812ae9251668dbf630d25f94361a82413f"
            ),
            "postgresql.cnpg.io_imagecatalogs.yaml": "dce0b11005f65a4728144c155a78183169eeb63d42c57b6af6270b4fbdf2b8aa",
            "postgresql.cnpg.io_poolers.yaml": "9e0dad05355f72dceb154a12b43ebe8a410d470133ad228bf711c1fdee221124",
            "postgresql.cnpg.io_publications.yaml": "481121c9f7232402726364a7331f8684ce540c45805574e20a11b6dfb36fd2df",
            "postgresql.cnpg.io_scheduledbackups.yaml": (
                "1dffb969a92ed6b09abe59d9c848ff97c6646c7824e75f8e0b8379df8473a145"
            ),
            "postgresql.cnpg.io_subscriptions.yaml": "d6ed0223df8a7898ff10b9ca6c2d2543144cade69f351adaff349da6b97458f5",
        },
    ),
    CrdSet(
        name="external-secrets-crds",
        version=versions.EXTERNAL_SECRETS_CRDS,
        repository="external-secrets/external-secrets",
        module="github.com/external-secrets/external-secrets",
        folder="config/crds/bases",
        sha256={
            "external-secrets.io_clustersecretstores.yaml": (
                "5f2b3425b831546b3d051ece29caf1eb1010d961d7a00640e0c0a6aceac5ffef"
            ),
            "external-secrets.io_externalsecrets.yaml": (
                "690dbc0d51b5f9bc5266b450b533cfd22c5273268e8569102e528a39519cd4ba"
            ),
            "external-secrets.io_secretstores.yaml": "ef1fc349941cea1d56b87f8c31cf05a9fed85b7c000a60e69c6b2b29a13fa648",
        },
    ),
    # The AWS provider's copies: they carry its own patches to the kinds of Karpenter's core.
    CrdSet(
        name="karpenter-crds",
        version=versions.KARPENTER,
        repository="aws/karpenter-provider-aws",
        module="github.com/aws/karpenter-provider-aws",
        folder="pkg/apis/crds",
        sha256={
            "autoscaling.x-k8s.io_capacitybuffers.yaml": (
                "66fd5680b902b38fb9657ad2b432196a06c42b37d078e53be2e39909200a6342"
            ),
            "karpenter.k8s.aws_ec2nodeclasses.yaml": (
                "62dec59f01c0972d4503ca3ed25f243ba9c2f561be0d964ce7a14c8df406132f"
            ),
            "karpenter.sh_nodeclaims.yaml": "96037dc241031fe0f7a09ddf78183d885ce6a1dfe115f7b3fbf8a12c564be694",
            "karpenter.sh_nodeoverlays.yaml": "6ff6199aff096cc87cd9508f8c5ae62c6d3452aa90c2828ee36380340f3ece62",
            "karpenter.sh_nodepools.yaml": "3bb64a20c80776b77aa19a699ebdaf34480a7b2e7ec4ef890b43225b3517f878",
        },
    ),
    CrdSet(
        name="load-balancer-crds",
        version=versions.LOAD_BALANCER_CRDS,
        module="sigs.k8s.io/aws-load-balancer-controller",
        folder="config/crd/bases",
        sha256={
            "elbv2.k8s.aws_albtargetcontrolconfigs.yaml": (
                "9f78853c37088c1533f4a90c01fd878c0b65ec6d6905434f727cad903fef390f"
            ),
            "elbv2.k8s.aws_ingressclassparams.yaml": "ecc9a6272f05b23da799e8c62f2ace623ca7b061e9808fdee50d1ab15dfbd825",
            "elbv2.k8s.aws_targetgroupbindings.yaml": (
                "0efbdd3d88d29abbdd6feb2c1329dceb5e1b7788644f2d9b0be9158589a98432"
            ),
        },
    ),
    CrdSet(
        name="prometheus-operator-crds",
        version=versions.PROMETHEUS_OPERATOR,
        repository="prometheus-operator/prometheus-operator",
        module="github.com/prometheus-operator/prometheus-operator",
        folder="example/prometheus-operator-crd",
        sha256={
            "monitoring.coreos.com_alertmanagerconfigs.yaml": (
                "405d1e8f8c7f99cc2d4bbbcf394f055823c1d8e2e7d9ae80904c1c104877a421"
            ),
            "monitoring.coreos.com_alertmanagers.yaml": (
                "a2adf6c349e6b955bf87ed4f5c9be573f8fc2b3009e9447c8321249f33577b21"
            ),
            "monitoring.coreos.com_podmonitors.yaml": (
                "eef45bb50df838a85226eb6b03c0c7094c54d605776bdf2ec149f17fba8a1df0"
            ),
            "monitoring.coreos.com_probes.yaml": "9e091f0f95a8ec4b4e7f69a60f5c189a0846db17f5d014e24ca7c39e04c30adb",
            "monitoring.coreos.com_prometheusagents.yaml": (
                "4a85558bd15ed4df43732f15e1001e8cd1ecdc6306cac96f4a21a914ee355ec9"
            ),
            "monitoring.coreos.com_prometheuses.yaml": (
                "e453c7f324077b3fcc3f82ca40b095f0f23cc07e6177b2e61b863f04011bed41"
            ),
            "monitoring.coreos.com_prometheusrules.yaml": (
                "2d72928f7ceb99d153f2f91d2c2fd68d4b89c4914f2a09e15ac049b2f0316df3"
            ),
            "monitoring.coreos.com_scrapeconfigs.yaml": (
                "3528c4d2afa4eadec9c1416959581b30199291e1e32abbc0818878ad9fec2582"
            ),
            "monitoring.coreos.com_servicemonitors.yaml": (
                "7dd4206947c94bc76f71daa07c45a1010a5d697c54fe079f8207b0e82026a26a"
            ),
            "monitoring.coreos.com_thanosrulers.yaml": (
                "75d58ca8a97cb89b6295e06d18beb717b954439c989ab1811fe98e54404dc720"
            ),
        },
    ),
)
