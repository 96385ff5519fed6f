"""The form of a row: how one resource type becomes AWS calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError

__all__ = ["AutoName", "Row", "Step"]

# A recipe (sandbox/aws/calls.py) or, where text does not do, a function.
Step = str | Callable[[Session, Scope], Any]


@dataclass(frozen=True)
class AutoName:
    """The input that the provider fills when it is left out: `<prefix><logical name>-<7 hex digits>`."""

    input: str = "name"
    limit: int = 255
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one resource type becomes AWS calls.

    Attributes:
        token: Pulumi's type token.
        service: boto3's name of the service.
        create: The call that creates it. `*` in a recipe maps the inputs by name.
        id: Where the id comes from: a JMESPath into create's answer, or a template of inputs such as
            `{clusterName}:{addonName}`, from which the inputs are taken back when a resource is imported.
        imported: Template of the id that an import takes, where that is not the resource's own.
        read: Calls whose answers together are the resource. An empty answer of the first means that it is gone.
        delete: Calls that delete it.
        set: Inputs (space between them, or `*` for all others) → the call that changes them. Runs after create for
            what create does not take. An input that neither this nor `local` names forces a replacement.
        unset: Input → the call that takes it away again, when `set` cannot.
        rename: Input, or path of a nested one → AWS member, where the names differ.
        nest: Member of create's parameters that holds what the top level does not.
        out: Output → JMESPath over the answers of `read`, where the names differ.
        fixed: Paths of nested inputs, such as `accessConfig.bootstrap…`, that force a replacement although the input
            around them changes in place.
        kept: Inputs that can be added and changed in place, but whose removal forces a replacement.
        renewed: Input that changes in place → path over the inputs `old` and `new`; where it holds, a change forces a
            replacement.
        takes: Inputs that functions among the calls use.
        local: Inputs that steer the provider and never reach AWS.
        defaults: Inputs' defaults, equal to AWS's own.
        computed: Inputs that AWS chooses when they are left out; leaving them out is no change.
        moves: Outputs that an update may change: its preview does not know them, so what takes them shows a change.
        volatile: Outputs that other resources change; kept out of the state unless the program sets them.
        ordered: List inputs whose order matters.
        name: The input that makes the resource unique, besides those in the template of `id`.
        auto: The input that is named automatically.
        derive: Further values for recipes and templates, as JMESPath over the inputs.
        tags: Entry of `tags.APIS` that serves the tags; empty when the type has none.
        tag_type: EC2's resource type in `TagSpecifications`.
    """

    token: str
    service: str
    create: Step
    id: str
    read: tuple[Step, ...]
    delete: tuple[Step, ...] = ()
    set: Mapping[str, Step] = field(default_factory=dict)
    unset: Mapping[str, Step] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    nest: str = ""
    out: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    renewed: Mapping[str, str] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    name: str = ""
    auto: AutoName | None = None
    derive: Mapping[str, str] = field(default_factory=dict)
    imported: str = ""
    tags: str = ""
    tag_type: str = ""

    def parse(self, rid: str) -> dict[str, str]:
        """Return the inputs in an id, by the template of `imported` or `id`; none when there is no template.

        Raises:
            HostError: The id does not have the template's form.
        """
        template = self.imported or self.id
        if "{" not in template or not rid:
            return {}
        *first, last = re.split(r"\{(\w+)\}", template)[:-1]
        pattern = "".join(re.escape(part) if index % 2 == 0 else f"(?P<{part}>.+?)" for index, part in enumerate(first))
        match = re.fullmatch(f"{pattern}(?P<{last}>.+)", rid)
        if not match and self.imported:
            # The resource's own id; the state has the inputs.
            return {}
        if not match:
            raise HostError(f"unexpected format for ID ({rid}) of {self.token}, expected {self.id}")
        return match.groupdict()
