"""What happens to a resource, from its row: create, observe, update, delete and the comparison of inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.aws.calls import AwsError, pick, recipe
from sandbox.aws.codec import UnmappedError
from sandbox.aws.compare import same
from sandbox.aws.observation import imported_inputs, observed_outputs, refreshed_inputs
from sandbox.aws.row import Row, Step
from sandbox.aws.schema import Schema, schema
from sandbox.aws.session import Scope, Session
from sandbox.aws.tags import APIS, change_tags, creation_tags
from sandbox.protocol import UNKNOWN, DiffResult, HostError, Properties, has_unknown

__all__ = ["Lifecycle"]


class Lifecycle:
    """One resource type in one region.

    Args:
        row: The type's row.
        session: AWS in the resource's region.
    """

    def __init__(self, row: Row, session: Session) -> None:
        self.row = row
        self.session = session.of(row.service)
        self.schema: Schema = schema(row.token)

    # Which input does what -----------------------------------------------------------------------------------------

    def unmapped(self, names: Iterable[str]) -> list[str]:
        """Return the inputs that the row does nothing about."""
        known = self._created() | self._changeable(names) | {"region", "tags" if self.row.tags else "region"}
        if self.row.auto:
            known |= {self.row.auto.input, f"{self.row.auto.input}Prefix"}
        return sorted(set(names) - known)

    def changed(self, olds: Properties, news: Properties) -> list[str]:
        """Return the inputs that differ, by meaning."""
        found = []
        for name in sorted({*olds, *news}):
            if name.startswith("__") or (name in self.row.computed and news.get(name) is None):
                continue
            old = self._chosen(name, olds.get(name), news.get(name))
            if has_unknown(news.get(name)) or not same(old, news.get(name), name in self.row.ordered):
                found.append(name)
        return found

    def diff(self, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        """Compare inputs and say which changes need a new resource."""
        changed = self.changed(olds, news)
        replace = [
            name
            for name in changed
            if name not in self._changeable(changed) | {"tags"}
            or self._replaces(name, olds.get(name), news.get(name))
            or (name in self.row.renewed and pick(self.row.renewed[name], {"old": olds, "new": news}, {}))
        ]
        if self.row.tags and "tags" not in changed and self._defaults_changed(state, news):
            changed.append("tagsAll")
        return DiffResult(
            changed=tuple(changed), replace=tuple(replace), delete_first=bool(replace) and self._clashes(olds, news)
        )

    # Life ----------------------------------------------------------------------------------------------------------

    def preview(self, inputs: Properties, state: Properties) -> Properties:
        """Return the outputs that are known before AWS is asked."""
        outputs = {**state, **{name: value for name, value in inputs.items() if not name.startswith("__")}}
        if "region" in self.schema.outputs:
            outputs.setdefault("region", self.session.region)
        if self.row.tags and not has_unknown(inputs.get("tags")):
            outputs["tagsAll"] = self.session.tag_values(inputs.get("tags"))
        if state:
            outputs |= {name: UNKNOWN for name in self.row.moves if name not in inputs}
        for path in self.row.computed:
            outer, _, inner = path.partition(".")
            held = outputs.get(outer)
            # A known object would say of what AWS adds to it that it is not there.
            if inner and isinstance(held, dict) and inner not in held:
                known = state.get(outer) or {}
                outputs[outer] = {**held, inner: known.get(inner, UNKNOWN)}
        return outputs

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create and return id and outputs."""
        scope = self._scope(inputs)
        scope.answer = self._create_call(scope)
        rid = (
            self.row.id.format(**scope.values)
            if "{" in self.row.id
            else str(pick(self.row.id, scope.answer, scope.values))
        )
        scope.values["id"] = rid
        try:
            outputs = self._complete(rid, inputs, scope)
        except HostError:
            # The engine records no half-made resource, so nobody else would take it away.
            self.delete(rid, {**inputs, **scope.values})
            raise
        return rid, outputs

    def observe(self, rid: str, inputs: Properties, state: Properties | None = None) -> Properties | None:
        """Return the outputs as AWS has them now, None when the resource is gone."""
        scope = self._scope({**(state or {}), **inputs}, rid)
        document: dict[str, Any] = {}
        try:
            for index, step in enumerate(self.row.read):
                answer = self._run(step, scope)
                if index == 0 and not answer:
                    return None
                document.update({name: value for name, value in (answer or {}).items() if value is not None})
        except AwsError as error:
            if error.gone:
                return None
            raise
        return observed_outputs(self.row, self.schema, self.session, document, scope, inputs)

    def own_id(self, rid: str, outputs: Properties) -> str:
        """Return the id that goes into the state; that of an import may have another form."""
        return str(pick(self.row.id, {}, self._scope(outputs, rid).values)) if self.row.imported else rid

    def inputs(self, outputs: Properties, olds: Properties) -> Properties:
        """Return the inputs that live outputs amount to; the old wording stays where it means the same."""
        if not olds:
            return imported_inputs(self.row, self.schema, outputs)
        return refreshed_inputs(self.row, self.schema, outputs, olds)

    def update(self, rid: str, state: Properties, olds: Properties, news: Properties) -> Properties:
        """Change in place and return the outputs."""
        scope = self._scope(news, rid, state)
        scope.olds = olds
        self._set(scope, [name for name in self.changed(olds, news) if name not in ("tags", *self.row.local)])
        if self.row.tags:
            change_tags(self.session, APIS[self.row.tags], scope, state.get("tagsAll", {}), scope["tags"])
        outputs = self.observe(rid, news)
        if outputs is None:
            raise HostError(f"{self.row.token} {rid} does not exist any more")
        return outputs

    def delete(self, rid: str, state: Properties) -> None:
        """Delete. What is gone already is no error."""
        scope = self._scope(state, rid)
        for step in self.row.delete:
            try:
                self._run(step, scope)
            except AwsError as error:
                # "Not found" may speak of something else that the call needs.
                if not error.gone or self.observe(rid, {}, state) is not None:
                    raise

    def problems(self, inputs: Properties) -> list[str]:
        """Return what botocore's service model finds wrong with the inputs."""
        if not isinstance(self.row.create, str):
            return []
        params = self._create_params(self.row.create, self._scope(inputs))
        step = recipe(self.row.create)
        return self.session.caller.problems(
            self.session.service, self.session.region, step.operation, params, has_unknown(inputs)
        )

    # Parts ---------------------------------------------------------------------------------------------------------

    def _complete(self, rid: str, inputs: Properties, scope: Scope) -> Properties:
        created = self._created()
        pending = [
            name for name in inputs if name not in created and not same(inputs[name], self.row.defaults.get(name))
        ]
        self._set(scope, [name for name in pending if name in self.schema.inputs and name not in ("tags", "region")])
        outputs = self.observe(rid, inputs)
        if outputs is None:
            raise HostError(
                f"{self.row.token} {rid} is not there right after its creation: the row's `read` does not find it"
            )
        return outputs

    def _chosen(self, name: str, old: Any, new: Any) -> Any:
        """Return an old input without the nested ones that AWS chose and the program leaves to it."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            return old
        return {key: value for key, value in old.items() if key in new or f"{name}.{key}" not in self.row.computed}

    def _created(self) -> set[str]:
        row, names = self.row, {*self.schema.inputs}
        taken = {*row.takes}
        if isinstance(row.create, str):
            taken |= self.session.taken(row.create, row.rename, row.nest, names)
            derived = " ".join(
                text
                for name, text in row.derive.items()
                if name in recipe(row.create).names or "{" + name + "}" in row.id
            )
            taken |= {*re.findall(r"\w+", derived)} & names
        return taken

    def _changeable(self, names: Iterable[str]) -> set[str]:
        keys = {name for key in self.row.set for name in key.split()}
        fixed = {self.row.name, "region", *re.findall(r"\{(\w+)\}", self.row.id)}
        return (keys | {*self.row.local}) | ({*names} - fixed if "*" in keys else set())

    def _replaces(self, name: str, old: Any, new: Any) -> bool:
        """Say whether a change of an input that changes in place is one of those that do not."""
        if name in self.row.kept and not same(old, None):
            return bool(same(new, None))
        if not isinstance(old, dict) or not isinstance(new, dict):
            return False
        paths = [path.partition(".")[2] for path in self.row.fixed if path.startswith(f"{name}.")]
        old = self._chosen(name, old, new)
        return any(has_unknown(new.get(part)) or not same(old.get(part), new.get(part)) for part in paths)

    def _defaults_changed(self, state: Properties, news: Properties) -> bool:
        if has_unknown(news.get("tags")) or "tagsAll" not in state:
            return False
        return bool(state["tagsAll"] != self.session.tag_values(news.get("tags")))

    def _clashes(self, olds: Properties, news: Properties) -> bool:
        names = re.findall(r"\{(\w+)\}", self.row.id) or ([self.row.name] if self.row.name else [])
        parts = [
            part
            for name in names
            for part in re.findall(r"[a-z]\w*", self.row.derive.get(name, name))
            if part in self.schema.inputs
        ]
        automatic = news.get("__defaults", [])
        return bool(parts) and all(same(olds.get(name), news.get(name)) and name not in automatic for name in parts)

    def _scope(self, inputs: Properties, rid: str = "", state: Properties | None = None) -> Scope:
        values = self.session.scope({**(state or {}), **inputs}, id=rid)
        values["tags"] = self.session.tag_values(inputs.get("tags") if not has_unknown(inputs.get("tags")) else {})
        for name, text in self.row.derive.items():
            values[name] = pick(text, values, values)
        values.update(self.row.parse(rid))
        return Scope(inputs=inputs, values=values, rename=self.row.rename, nest=self.row.nest)

    def _run(self, step: Step, scope: Scope) -> Any:
        return self.session.run(step, scope) if isinstance(step, str) else step(self.session, scope)

    def _create_call(self, scope: Scope) -> dict[str, Any]:
        step = self.row.create
        if not isinstance(step, str):
            return dict(step(self.session, scope) or {})
        return self.session.call(recipe(step).operation, **self._create_params(step, scope))

    def _create_params(self, step: str, scope: Scope) -> dict[str, Any]:
        try:
            params = self.session.params(step, scope)
        except UnmappedError as error:
            raise HostError(
                f"{self.row.token}: input {error} has no mapping; give it one in the type's row (sandbox/aws/rows)"
            ) from None
        tags = scope["tags"] if self.row.tags else {}
        return {**params, **creation_tags(self.session, recipe(step).operation, self.row.tag_type, tags)}

    def _set(self, scope: Scope, names: list[str]) -> None:
        left = set(names)
        for key, step in self.row.set.items():
            wanted = set(left) if key == "*" else left & {*key.split()}
            left -= wanted
            for name in sorted(wanted & {*self.row.unset}):
                if same(scope.inputs.get(name), self.row.defaults.get(name)):
                    self._run(self.row.unset[name], scope)
                    wanted = wanted - {name}
            if wanted:
                self._run(step, scope)
