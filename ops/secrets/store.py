"""Puts values into the stack's entries of Secrets Manager, and says which have one. Never shows a value.

A value goes from standard input, or from AWS's own generator, to AWS: not through configuration, state, arguments, logs
or errors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops import changes
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.guard import account_faults, identity
from ops.recovery import Clients, aws_client

# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
MOST_BYTES: Final = 65_536
# Written by the program, of outputs that nobody but AWS knows before.
_LOGIN: Final = "argocd/oidc"
_LENGTH: Final = 40
_NO_TEXT: Final = "the value is no UTF-8 text; a file of bytes has to be encoded first, such as by `base64`"


@dataclass(frozen=True, slots=True, repr=False)
class Value:
    """A secret value that a traceback does not show."""

    text: str

    def __repr__(self) -> str:
        """Say nothing of it."""
        return "Value(hidden)"


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How one entry stands.

    Attributes:
        entry: Its name below the prefix.
        name: The full one.
        found: `value`, `empty`, `deleted` (can still be had back) or `missing`.
        changed: Day of the last change, or none.
    """

    entry: str
    name: str
    found: str
    changed: str = ""


class Store:
    """The entries of one stack."""

    def __init__(
        self, client: Any, prefix: str, entries: Mapping[str, str], written_by_program: frozenset[str]
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._entries = entries
        self._own = written_by_program

    def states(self) -> list[State]:
        """Return how each entry stands, by name."""
        return [self._state(entry) for entry in sorted({*self._entries, *self._own})]

    def put(self, entry: str, value: Callable[[], Value]) -> str:
        """Make this the entry's value; AWS keeps the one before as `AWSPREVIOUS`.

        Args:
            entry: Its name below the prefix.
            value: Asked for the value once the entry is known to take one.

        Returns:
            The entry's full name.

        Raises:
            OpsError: The entry takes no value now, or the value is none.
        """
        state = self._writable(entry)
        return self._write(state.name, value())

    def generate(self, entry: str, key: str, *, username: str | None = None, replace: bool = False) -> str:
        """Make a password of 40 letters and digits the entry's value: JSON with the password under the key.

        Args:
            entry: Its name below the prefix.
            key: Where the password stands.
            username: Stands beside it under `username`.
            replace: Whether a value that is there may go.

        Returns:
            The entry's full name.

        Raises:
            OpsError: The entry takes no value now, or has one.
        """
        state = self._writable(entry)
        if state.found == "value" and not replace:
            raise OpsError(f"{state.name} has a value, which may be in use; add --replace to make another")
        with _silent(), _asked("get_random_password"):
            answer = self._client.get_random_password(
                PasswordLength=_LENGTH, ExcludePunctuation=True, RequireEachIncludedType=True
            )
        content = {**({} if username is None else {"username": username}), key: answer["RandomPassword"]}
        return self._write(state.name, Value(json.dumps(content)))

    def _write(self, name: str, value: Value) -> str:
        """Send the value. What AWS and its SDK say may quote it, so nothing of that goes into the error."""
        _check(value)
        fault = ""
        with _silent():
            try:
                self._client.put_secret_value(SecretId=name, SecretString=value.text)
            except ClientError as error:
                fault = f"AWS does not take the value ({error.response['Error']['Code']})"
            except BotoCoreError as error:
                fault = f"the value did not reach AWS ({type(error).__name__})"
        if fault:
            raise OpsError(f"{name}: {fault}")
        return name

    def _writable(self, entry: str) -> State:
        if entry in self._own:
            raise OpsError(f"{entry}: the program writes it itself; `make up` puts it right")
        if entry not in self._entries:
            known = ", ".join(sorted(self._entries)) or "none"
            raise OpsError(f"{entry}: no entry of platform:secrets.entries, which has {known}")
        state = self._state(entry)
        reasons = {
            "missing": f"{state.name} does not exist yet; run `make up` first",
            "deleted": f"{state.name} is deleted and can still be had back; run `make up` first",
        }
        if reason := reasons.get(state.found):
            raise OpsError(reason)
        return state

    def _state(self, entry: str) -> State:
        name = f"{self._prefix}{entry}"
        with _asked(f"describe_secret {name}"):
            try:
                answer = self._client.describe_secret(SecretId=name)
            except self._client.exceptions.ResourceNotFoundException:
                return State(entry=entry, name=name, found="missing")
        if answer.get("DeletedDate"):
            return State(entry=entry, name=name, found="deleted")
        stages = (answer.get("VersionIdsToStages") or {}).values()
        found = "value" if any("AWSCURRENT" in stage for stage in stages) else "empty"
        day = answer.get("LastChangedDate")
        return State(entry=entry, name=name, found=found, changed=f"{day:%Y-%m-%d}" if day else "")


def store(pulumi: Pulumi, clients: Clients | None = None) -> Store:
    """Return the stack's entries, as its configuration names them.

    Raises:
        OpsError: The configuration lacks them, or the credentials are not known to be those of its account.
    """
    config = changes.configuration(pulumi.config())
    make = clients or aws_client
    caller = identity(config, make)
    if faults := list(account_faults(config, caller)):
        raise OpsError("\n".join(faults))
    if not caller:
        raise OpsError("platform:aws says no account to compare the credentials with; `make preview` says why")
    try:
        region = config["platform:aws"]["region"]
        prefix = config["platform:identity"]["secretsPrefix"]
        entries = dict(config["platform:secrets"]["entries"])
        login = bool((config.get("platform:edge") or {}).get("login"))
    except (KeyError, TypeError) as error:
        raise OpsError(f"the stack's configuration lacks {error}; `make preview` says what it needs") from None
    return Store(make("secretsmanager", region, None), prefix, entries, frozenset({_LOGIN} if login else ()))


def read(terminal: bool, stream: Callable[[], str], prompt: Callable[[], str]) -> Value:
    """Take a value from a pipe, less the line's end that `echo` adds, or ask for it without showing it.

    Raises:
        OpsError: What comes from the pipe is no text.
    """
    if terminal:
        return Value(prompt())
    text = None
    # The error itself holds all the bytes.
    with suppress(UnicodeDecodeError):
        text = stream()
    if text is None:
        raise OpsError(_NO_TEXT)
    return Value(text.removesuffix("\n").removesuffix("\r"))


def _check(value: Value) -> None:
    """Refuse what nobody can have meant, without quoting it."""
    size = _size(value)
    if not size:
        raise OpsError("the value is empty: nothing came from standard input")
    if size > MOST_BYTES:
        raise OpsError(f"the value has {size} bytes; Secrets Manager takes {MOST_BYTES}")
    if value.text.lstrip()[:1] in ("{", "["):
        fault = ""
        try:
            json.loads(value.text)
        except json.JSONDecodeError as error:
            # The error itself holds the whole text.
            fault = f"the value begins like JSON and is none, line {error.lineno}, column {error.colno}"
        if fault:
            raise OpsError(fault)


def _size(value: Value) -> int:
    """Return how many bytes the value has for AWS."""
    size = -1
    with suppress(UnicodeEncodeError):
        size = len(value.text.encode())
    if size < 0:
        raise OpsError(_NO_TEXT)
    return size


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """Turn AWS's refusals into one line. Not for calls that carry a value."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OpsError(f"AWS refuses {what}: {error}") from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keep values out of debug logs, where botocore writes what it sends and gets."""
    logger = logging.getLogger("botocore")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
