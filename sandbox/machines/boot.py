"""One machine's way from its user data to a member of a cluster, step by step, each tried until it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.aws.console import CONSOLE
from sandbox.certificates import write_private
from sandbox.kubernetes.api import ApiError
from sandbox.kubernetes.control_plane import ClusterError
from sandbox.kubernetes.instance_types import UnknownInstanceTypeError, instance_type
from sandbox.kubernetes.processes import ProcessError
from sandbox.machines.around import Around, Member
from sandbox.machines.description import Description, DescriptionError, filled, read_description
from sandbox.machines.hardware import Hardware
from sandbox.machines.joining import initialise, join
from sandbox.machines.kubeadm import Configuration, Kubeadm, KubeadmError
from sandbox.machines.kubelet import Kubelet
from sandbox.machines.network import NetworkError
from sandbox.machines.rights import Rights, RightsError
from sandbox.machines.tls_bootstrap import JoinError
from sandbox.machines.user_data import UserDataError, WrittenFile, mounted, written_files

_RETRY_SECONDS: Final = 0.5
_RETRY_MOST: Final = 4.0
# A timer's minute on a real machine.
_RENEW_SECONDS: Final = 4.0
# What a boot script would meet and try again after.
_TROUBLE: Final = (
    ApiError,
    BotoCoreError,
    ClientError,
    ClusterError,
    JoinError,
    KubeadmError,
    NetworkError,
    ProcessError,
    ResponseParserError,
    RightsError,
)
# What no second try changes.
_FATAL: Final = (DescriptionError, UnknownInstanceTypeError, UserDataError)

Result = TypeVar("Result")


class _EndedError(Exception):
    """The machine was switched off."""


class Machine:
    """Boots one instance in a thread of its own.

    Args:
        around: The world around it.
        identity: Id of the instance.
        user_data: Of the instance, in base64.
        joined: Told of the kubelet once its node is registered.
    """

    def __init__(self, around: Around, identity: str, user_data: str, joined: Callable[[str, Kubelet], None]) -> None:
        self.identity = identity
        self.root = around.folder / identity
        self._around = around
        self._user_data = user_data
        self._joined = joined
        self._validated = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"machine-{identity}", daemon=True)

    def start(self) -> None:
        """Switch it on."""
        self._thread.start()

    def end(self) -> None:
        """Begin to switch it off."""
        self._ended.set()

    def stop(self) -> None:
        """Switch it off. Idempotent."""
        self.end()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._boot()
        except _EndedError:
            pass
        except (*_FATAL, *_TROUBLE) as error:
            # Trouble outside of a step that is tried again: the instance or its volume goes while it begins to boot.
            self._say(f"cloud-init: {error}")

    def _boot(self) -> None:
        files = written_files(self._user_data)
        for path, file in files.items():
            self._write(path, file.content)
            if file.mode & 0o100:
                self._path(path).chmod(0o700)
        self._say(f"cloud-init: {len(files)} files of user data written")
        settings = self._around.settings
        if settings.description not in files or settings.kubeadm not in files:
            self._say(f"cloud-init: finished; no {settings.description} or {settings.kubeadm}, so no kubeadm either")
            return
        description = read_description(files[settings.description].content)
        hardware = self._hardware(description)
        self._until("packages", lambda: self._packages(description))
        if volumes := mounted(files):
            self._until("volume", lambda: self._volume(volumes))
        self._until("parameters", lambda: self._deliver(description, files))
        target = self._chosen(description, files)
        phase = "kubeadm-init" if Configuration(target.read_bytes()).initialises else "kubeadm-join"

        def become_member() -> Kubelet:
            # Like a boot script that begins again: a parameter may have another value by now.
            self._deliver(description, files)
            return self._become_member(target, hardware)

        token = Configuration(target.read_bytes()).token
        kubelet = self._until(phase, become_member)
        self._joined(self.identity, kubelet)
        self._say(settings.phase.format(phase="done"))
        if settings.renewal in files:
            self._renew(description, files, token)

    def _until(self, phase: str, step: Callable[[], Result]) -> Result:
        """Try a step until it works, and tell the console why it does not."""
        settings, pause = self._around.settings, _RETRY_SECONDS
        self._say(settings.phase.format(phase=phase))
        while not self._ended.is_set():
            try:
                return step()
            except _TROUBLE as error:
                if not self._ended.is_set():
                    self._say(settings.failure.format(phase=phase, reason=" ".join(str(error).split())))
            self._ended.wait(pause)
            pause = min(pause * 1.5, _RETRY_MOST)
        raise _EndedError

    # Steps ---------------------------------------------------------------------------------------------------------

    def _hardware(self, description: Description) -> Hardware:
        instance = self._around.fabric.instance(self.identity)
        root, _ = instance.volumes()
        volumes = self._around.clients.of(instance.region)("ec2").describe_volumes(VolumeIds=[root])["Volumes"]
        return Hardware(
            kind=instance_type(instance.type),
            disk_gib=int(volumes[0]["Size"]),
            instance=self.identity,
            version=description.kubernetes,
        )

    def _packages(self, description: Description) -> None:
        instance = self._around.fabric.instance(self.identity)
        self._around.fabric.network(instance.region).reaches_internet(instance)
        here = self._around.tools["kubeadm"].parent.name
        if description.kubernetes.split(".")[:2] != here.split(".")[:2]:
            raise KubeadmError(f"the machine installs Kubernetes {description.kubernetes}, the sandbox has {here}")

    def _volume(self, paths: Sequence[str]) -> None:
        _, others = self._around.fabric.instance(self.identity).volumes()
        if not others:
            raise NetworkError(f"no volume is attached for {', '.join(paths)}")

    def _deliver(self, description: Description, files: Mapping[str, WrittenFile]) -> None:
        """Write the secrets and the files that they are filled into."""
        values = self._parameters(description)
        for path, name in description.files.items():
            self._write(path, values[name].encode())
        blanks = self._blanks(description, values)
        for template, target in description.rendered.items():
            if template not in files:
                raise RightsError(f"user data writes no {template}, which is to become {target}")
            self._write(target, filled(files[template].content, blanks))

    def _parameters(self, description: Description) -> Mapping[str, str]:
        instance = self._around.fabric.instance(self.identity)
        rights = Rights(self._around.clients.of(instance.region), instance.region)
        if description.parameters and not instance.profile:
            raise RightsError(f"{self.identity} has no instance profile: it may read no parameter")
        return {name: rights.read(instance.profile, name) for name in description.parameters}

    def _blanks(self, description: Description, values: Mapping[str, str]) -> Mapping[str, str]:
        instance = self._around.fabric.instance(self.identity)
        known = {"provider_id": instance.provider_id, "address": instance.address, "instance": self.identity}
        facts = {blank: text.format(**known) for blank, text in self._around.settings.facts.items()}
        return facts | {blank: values[name] for blank, name in description.blanks.items()}

    def _chosen(self, description: Description, files: Mapping[str, WrittenFile]) -> Path:
        """Return kubeadm's file: that for joining, if the machine has one and its cluster is there already."""
        settings = self._around.settings
        target = self._path(description.rendered.get(settings.kubeadm, settings.kubeadm))
        if settings.join not in files:
            return target
        join = self._path(description.rendered.get(settings.join, settings.join))
        discovery = Configuration(join.read_bytes()).get("JoinConfiguration").get("discovery") or {}
        endpoint = str((discovery.get("bootstrapToken") or {}).get("apiServerEndpoint", ""))
        try:
            self._around.fabric.server(self._around.fabric.instance(self.identity), endpoint)
        except NetworkError:
            return target
        return join

    def _renew(self, description: Description, files: Mapping[str, WrittenFile], known: str) -> None:
        """Make each new join token known to the cluster, for as long as the machine runs."""
        kubeadm = Kubeadm(
            self._around.tools["kubeadm"], self._around.control_plane.supervisor, self.root, f"{self.identity}-token"
        )
        template = files[self._around.settings.kubeadm].content
        while not self._ended.wait(_RENEW_SECONDS):
            try:
                blanks = self._blanks(description, self._parameters(description))
                token = Configuration(filled(template, blanks)).token
                if token != known:
                    kubeadm.create_token(self._around.control_plane.kubeconfig, token)
                    self._say("the join token's new value is known to the cluster")
                    known = token
            except _TROUBLE as error:
                self._say(f"join token: {' '.join(str(error).split())}")

    def _become_member(self, target: Path, hardware: Hardware) -> Kubelet:
        text = target.read_bytes()
        configuration = Configuration(text)
        supervisor = self._around.control_plane.supervisor
        if text != self._validated:
            Kubeadm(self._around.tools["kubeadm"], supervisor, self.root, self.identity).validate(text)
            self._validated = text
        member = Member(
            identity=self.identity,
            root=self.root,
            hardware=hardware,
            configuration=configuration,
            active=lambda: not self._ended.is_set(),
        )
        return (initialise if configuration.initialises else join)(self._around, member)

    # Parts ---------------------------------------------------------------------------------------------------------

    def _path(self, path: str) -> Path:
        found = (self.root / path.lstrip("/")).resolve()
        if not found.is_relative_to(self.root.resolve()):
            raise UserDataError(f"{path} leads out of the machine")
        return found

    def _write(self, path: str, content: bytes) -> None:
        target = self._path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_private(target, content)

    def _say(self, line: str) -> None:
        CONSOLE.say(self.identity, line)
