"""What the set-up provides, as data: one row per tool, its ways in the order they are tried.

Download patterns are the publishers' own; a row without `Release` has no download with a published checksum.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import versions
from tools.crd_sets import CRD_SETS, CrdSet
from tools.fits import same_major_from, same_minor, within_one_minor


class Platform(NamedTuple):
    """A machine as Go spells it."""

    os: str
    arch: str


LINUX: Final = (Platform("linux", "amd64"), Platform("linux", "arm64"))
DARWIN: Final = (Platform("darwin", "amd64"), Platform("darwin", "arm64"))


def this_platform() -> Platform:
    """Name the machine this runs on."""
    machine = platform.machine().lower()
    return Platform(platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine))


@dataclass(frozen=True, kw_only=True)
class OnPath:
    """A tool the user has already.

    Attributes:
        arguments: Make it print its version.
        fits: Whether a version found serves for the one pinned.
        wanted: The same rule in words, with {version} for the pinned one.
    """

    arguments: tuple[str, ...]
    fits: Callable[[str, str], bool] = same_minor
    wanted: str = "the minor of {version}"


@dataclass(frozen=True, kw_only=True)
class Release:
    """The publisher's own build. Fields are templates over {version}, {os} and {arch}.

    Attributes:
        url: Where the file is.
        checksum: Where its SHA-256 is published, alone or in a list of names.
        member: The tool inside the archive; empty when the file is the tool itself.
        extras: More members of the archive, which the tool wants beside it.
        platforms: What the publisher builds for.
        spelling: How the publisher spells an operating system or architecture, where it differs from Go.
    """

    url: str
    checksum: str
    member: str = ""
    extras: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = LINUX + DARWIN
    spelling: Mapping[str, str] = field(default_factory=dict)

    def fill(self, template: str, version: str, machine: Platform) -> str:
        """Fill one of the templates."""
        system, arch = (self.spelling.get(part, part) for part in machine)
        return template.format(version=version, os=system, arch=arch)


@dataclass(frozen=True, kw_only=True)
class GoBuild:
    """A build of the module pinned in a folder of tools/."""

    module: str
    package: str
    ldflags: str = ""


@dataclass(frozen=True, kw_only=True)
class PipInstall:
    """A wheel that carries the tool, installed into an environment of its own."""

    package: str


@dataclass(frozen=True, kw_only=True)
class PinnedFiles:
    """Plain files of a repository at a tag; their SHA-256 stands in the row, because nobody publishes one."""

    url: str
    sha256: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ModuleFiles:
    """The same files out of the Go module, checked against the same SHA-256."""

    module: str
    folder: str
    sha256: Mapping[str, str]


Way = Release | GoBuild | PipInstall | PinnedFiles | ModuleFiles


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One thing the set-up provides.

    Attributes:
        files: What lies in the cache folder afterwards: the tool itself, or the files of a data set.
    """

    name: str
    version: str
    ways: tuple[Way, ...]
    on_path: OnPath | None = None
    files: tuple[str, ...] = ()

    @property
    def is_data(self) -> bool:
        """Whether this is a folder of files and not a program."""
        return bool(self.files)


def _kubernetes(name: str, on_path: OnPath, platforms: tuple[Platform, ...] = LINUX) -> Tool:
    url = "https://dl.k8s.io/release/v{version}/bin/{os}/{arch}/" + name
    version = versions.KUBERNETES_TOOLS
    major, minor, _ = version.split(".")
    base = "k8s.io/component-base/version"
    ldflags = (
        f"-X {base}.gitVersion=v{version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor}"
        f" -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    )
    release = Release(url=url, checksum=url + ".sha256", platforms=platforms)
    build = GoBuild(module="kubernetes", package=f"k8s.io/kubernetes/cmd/{name}", ldflags=ldflags)
    return Tool(name=name, version=version, on_path=on_path, ways=(release, build))


def _definitions(crds: CrdSet) -> Tool:
    ways: tuple[Way, ...] = (ModuleFiles(module=crds.module, folder=crds.folder, sha256=crds.sha256),)
    if crds.repository:
        url = f"https://raw.githubusercontent.com/{crds.repository}/v{{version}}/{crds.folder}/"
        ways = (PinnedFiles(url=url, sha256=crds.sha256), *ways)
    return Tool(name=crds.name, version=crds.version, ways=ways, files=tuple(crds.sha256))


def _github(repository: str, tag: str = "v{version}") -> str:
    return f"https://github.com/{repository}/releases/download/{tag}/"


_PULUMI = "github.com/pulumi/pulumi"
_ETCD = _github("etcd-io/etcd")
_ETCD_NAME = "etcd-v{version}-{os}-{arch}"


def _etcd(name: str, package: str, arguments: tuple[str, ...]) -> Tool:
    checksum, member = _ETCD + "SHA256SUMS", f"{_ETCD_NAME}/{name}"
    return Tool(
        name=name,
        version=versions.ETCD,
        on_path=OnPath(arguments=arguments),
        ways=(
            Release(url=_ETCD + _ETCD_NAME + ".tar.gz", checksum=checksum, member=member, platforms=LINUX),
            Release(url=_ETCD + _ETCD_NAME + ".zip", checksum=checksum, member=member, platforms=DARWIN),
            GoBuild(module="etcd", package=package),
        ),
    )


_UV = _github("astral-sh/uv", "{version}") + "uv-{arch}-{os}.tar.gz"
_HELM = "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz"
_KUSTOMIZE = _github("kubernetes-sigs/kustomize", "kustomize%2Fv{version}")
_FROM_MINOR = "{version} or newer of the same major"

UV: Final = Tool(
    name="uv",
    version=versions.UV,
    on_path=OnPath(arguments=("--version",), fits=same_major_from, wanted=_FROM_MINOR),
    ways=(
        Release(
            url=_UV,
            checksum=_UV + ".sha256",
            member="uv-{arch}-{os}/uv",
            spelling={
                "amd64": "x86_64",
                "arm64": "aarch64",
                "linux": "unknown-linux-musl",
                "darwin": "apple-darwin",
            },
        ),
        PipInstall(package="uv"),
    ),
)

TOOLS: Final[tuple[Tool, ...]] = (
    Tool(
        name="pulumi",
        version=versions.PULUMI_CLI,
        on_path=OnPath(arguments=("version",), fits=same_major_from, wanted=_FROM_MINOR),
        ways=(
            Release(
                url="https://get.pulumi.com/releases/sdk/pulumi-v{version}-{os}-{arch}.tar.gz",
                checksum=_github("pulumi/pulumi") + "pulumi-{version}-checksums.txt",
                member="pulumi/pulumi",
                # A preview against real AWS runs the program through Python's language plugin.
                extras=("pulumi/pulumi-language-python", "pulumi/pulumi-language-python-exec"),
                spelling={"amd64": "x64"},
            ),
            GoBuild(
                module="pulumi",
                package=f"{_PULUMI}/pkg/v3/cmd/pulumi",
                ldflags=(
                    f"-X {_PULUMI}/sdk/v3/go/common/version.Version=v{versions.PULUMI_CLI}"
                    f" -X {_PULUMI}/pkg/v3/version.Version=v{versions.PULUMI_CLI}"
                ),
            ),
        ),
    ),
    _etcd("etcd", "go.etcd.io/etcd/server/v3", ("--version",)),
    # Snapshots are taken with the one and restored with the other.
    _etcd("etcdctl", "go.etcd.io/etcd/etcdctl/v3", ("version",)),
    _etcd("etcdutl", "go.etcd.io/etcd/etcdutl/v3", ("version",)),
    _kubernetes("kube-apiserver", OnPath(arguments=("--version",))),
    _kubernetes("kube-scheduler", OnPath(arguments=("--version",))),
    _kubernetes("kube-controller-manager", OnPath(arguments=("--version",))),
    _kubernetes("kubeadm", OnPath(arguments=("version", "-o", "short"))),
    _kubernetes(
        "kubectl",
        OnPath(arguments=("version", "--client"), fits=within_one_minor, wanted="{version} or one minor more or less"),
        LINUX + DARWIN,
    ),
    Tool(
        name="kwok",
        version=versions.KWOK,
        on_path=OnPath(arguments=("--version",)),
        ways=(  # Its releases carry no checksums, so they are not taken.
            GoBuild(
                module="kwok",
                package="sigs.k8s.io/kwok/cmd/kwok",
                ldflags=f"-X sigs.k8s.io/kwok/pkg/consts.Version=v{versions.KWOK}",
            ),
        ),
    ),
    Tool(
        name="argocd",
        version=versions.ARGOCD_CLI,
        on_path=OnPath(arguments=("version", "--client", "--short")),
        ways=(
            Release(
                url=_github("argoproj/argo-cd") + "argocd-{os}-{arch}",
                checksum=_github("argoproj/argo-cd") + "cli_checksums.txt",
            ),
            GoBuild(
                module="argocd",
                package="github.com/argoproj/argo-cd/v3/cmd",
                ldflags=f"-X github.com/argoproj/argo-cd/v3/common.version={versions.ARGOCD_CLI}",
            ),
        ),
    ),
    Tool(
        name="redis",
        version=versions.MINIREDIS,
        ways=(GoBuild(module="redis", package="."),),
    ),
    Tool(
        name="helm",
        version=versions.HELM,
        on_path=OnPath(arguments=("version", "--short")),
        ways=(
            Release(url=_HELM, checksum=_HELM + ".sha256sum", member="{os}-{arch}/helm"),
            GoBuild(
                module="helm",
                package="helm.sh/helm/v4/cmd/helm",
                ldflags=f"-X helm.sh/helm/v4/internal/version.version=v{versions.HELM}",
            ),
        ),
    ),
    Tool(
        name="kustomize",
        version=versions.KUSTOMIZE,
        on_path=OnPath(arguments=("version",)),
        ways=(
            Release(
                url=_KUSTOMIZE + "kustomize_v{version}_{os}_{arch}.tar.gz",
                checksum=_KUSTOMIZE + "checksums.txt",
                member="kustomize",
            ),
            GoBuild(
                module="kustomize",
                package="sigs.k8s.io/kustomize/kustomize/v5",
                ldflags=f"-X sigs.k8s.io/kustomize/api/provenance.version=v{versions.KUSTOMIZE}",
            ),
        ),
    ),
    Tool(
        name="kubeconform",
        version=versions.KUBECONFORM,
        on_path=OnPath(arguments=("-v",)),
        ways=(
            Release(
                url=_github("yannh/kubeconform") + "kubeconform-{os}-{arch}.tar.gz",
                checksum=_github("yannh/kubeconform") + "CHECKSUMS",
                member="kubeconform",
            ),
            GoBuild(module="kubeconform", package="github.com/yannh/kubeconform/cmd/kubeconform"),
        ),
    ),
    Tool(
        name="actionlint",
        version=versions.ACTIONLINT,
        on_path=OnPath(arguments=("-version",)),
        ways=(
            Release(
                url=_github("rhysd/actionlint") + "actionlint_{version}_{os}_{arch}.tar.gz",
                checksum=_github("rhysd/actionlint") + "actionlint_{version}_checksums.txt",
                member="actionlint",
            ),
            GoBuild(module="actionlint", package="github.com/rhysd/actionlint/cmd/actionlint"),
        ),
    ),
    *map(_definitions, CRD_SETS),
)
