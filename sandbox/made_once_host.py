"""Base of providers whose resources are made once and live in the state alone: keys, certificates, randomness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.protocol import UNKNOWN, DiffResult, HostError, Properties, ProviderHost, has_unknown

__all__ = ["Kind", "MadeOnceHost"]


def _nothing(_: Properties) -> None:
    return None


def _never(_: Properties) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type.

    Attributes:
        make: Makes it of its inputs and returns the id and the outputs besides the inputs.
        required: Inputs that have to be given.
        optional: Inputs that need not be given and have no default.
        defaults: Inputs' defaults.
        moves: Inputs that change in place; every other one forces a replacement.
        check: Raises `HostError` on known inputs that the provider refuses.
        due: Whether a new one is due, by the state alone.
        due_output: The output that tells so.
    """

    make: Callable[[Properties], tuple[str, Properties]]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    moves: tuple[str, ...] = ()
    check: Callable[[Properties], None] = _nothing
    due: Callable[[Properties], bool] = _never
    due_output: str = ""


class MadeOnceHost(ProviderHost):
    """Serves a package of such types; a subclass names the package, its version and its `kinds`."""

    kinds: ClassVar[Mapping[str, Kind]] = {}

    def configure(self, values: Properties) -> None:
        """Take no settings but the version."""
        if unknown := sorted(values.keys() - {"version"}):
            raise HostError(f"setting {', '.join(unknown)} of the {self.package} provider is not served")

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with defaults."""
        kind = self._kind(token)
        given = {name: value for name, value in news.items() if value is not None and not name.startswith("__")}
        known = {*kind.required, *kind.optional, *kind.defaults}
        if unknown := sorted(given.keys() - known):
            raise HostError(
                f"{token}: input {', '.join(unknown)} is not served; if the provider has it, add it to the type's "
                f"entry in sandbox/{self.package}_host.py"
            )
        if missing := sorted({*kind.required} - given.keys()):
            raise HostError(f"missing required input {', '.join(missing)} of {token}")
        inputs = {**kind.defaults, **given}
        kind.check({name: value for name, value in inputs.items() if not has_unknown(value)})
        return inputs

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        """Compare inputs; what is due is made anew although no input changed."""
        kind = self._kind(token)
        changed = sorted(
            name
            for name in {*olds, *news}
            if not name.startswith("__") and (has_unknown(news.get(name)) or olds.get(name) != news.get(name))
        )
        replace = [name for name in changed if name not in kind.moves]
        if kind.due_output and kind.due({**state, **{name: news[name] for name in kind.moves if name in news}}):
            changed.append(kind.due_output)
            replace.append(kind.due_output)
        return DiffResult(changed=tuple(changed), replace=tuple(replace))

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        """Make one; at preview only the inputs are known."""
        own = {name: value for name, value in inputs.items() if not name.startswith("__")}
        if preview:
            return "", own
        rid, outputs = self._kind(token).make(own)
        return rid, {**own, **outputs}

    def read(
        self, token: str, urn: str, rid: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        """Return the state: it is all there is. Whether a new one is due is told anew."""
        kind = self._kind(token)
        if not state:
            raise HostError(f"{token} cannot be imported here: it lives in the state alone")
        return rid, inputs, {**state, **self._due(kind, state)}

    def update(self, token: str, urn: str, rid: str, state: Properties, news: Properties, preview: bool) -> Properties:
        """Take the inputs that change in place."""
        kind = self._kind(token)
        outputs = {**state, **{name: value for name, value in news.items() if not name.startswith("__")}}
        return {**outputs, **({kind.due_output: UNKNOWN} if preview and kind.due_output else self._due(kind, outputs))}

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        """Forget it."""

    def invoke(self, token: str, args: Properties) -> Properties:
        """Answer no function."""
        raise HostError(f"function {token} is not served; add it in sandbox/{self.package}_host.py")

    def _kind(self, token: str) -> Kind:
        if token not in self.kinds:
            raise HostError(
                f"resource type {token} is not served; add an entry to `kinds` in sandbox/{self.package}_host.py"
            )
        return self.kinds[token]

    def _due(self, kind: Kind, state: Properties) -> Properties:
        return {kind.due_output: kind.due(state)} if kind.due_output else {}
