"""Karpenter's queue and its events, and the Spot role: controls K4, K5, K10."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import statements

# What Karpenter reacts to, as EventBridge names it (https://karpenter.sh/docs/concepts/disruption/#interruption).
_EVENTS: Final = frozenset(
    {
        ("aws.health", "AWS Health Event"),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    }
)
# A warning is two minutes ahead: what is older tells nothing.
_RETENTION: Final = 300


@rule("K4", types=[tokens.QUEUE])
def queue_is_encrypted(queue: Resource) -> Iterator[Fault]:
    """A queue is encrypted."""
    if not queue.true("sqsManagedSseEnabled") and not queue.get("kmsMasterKeyId"):
        yield Fault("sqsManagedSseEnabled", "is not true", "set true")


@rule("K4", types=[tokens.QUEUE], whole=True)
def interruption_queue_forgets(queue: Resource, stack: Stack) -> Iterator[Fault]:
    """The queue of interruptions drops what is older than five minutes, and has a policy."""
    if not stack.users(queue, "arn", tokens.EVENT_TARGET):
        return
    if queue.get("messageRetentionSeconds") != _RETENTION:
        yield Fault("messageRetentionSeconds", f"is not {_RETENTION}", f"set {_RETENTION}")
    if not stack.users(queue, "queueUrl", tokens.QUEUE_POLICY):
        yield Fault("policy", "there is none, so that no event arrives", "add a QueuePolicy")


@rule("K4", types=[tokens.QUEUE_POLICY])
def queue_takes_events_over_tls_only(resource: Resource) -> Iterator[Fault]:
    """EventBridge may send to the queue, nobody else may do anything, and nobody without TLS."""
    found = list(statements(resource, "policy"))
    refused = [
        s
        for s in found
        if not s.allow
        and s.keys("Bool").get("aws:securetransport") == ("false",)
        and "sqs:*" in s.actions
        and any("*" in names for names in s.principals.values())
    ]
    if not refused:
        yield Fault("policy", "lets in who comes without TLS", "deny sqs:* when aws:SecureTransport is false")
    for statement in found:
        if "*" in statement.resources:
            yield Fault(statement.where, "is about any queue", "name the queue")
    for statement in (s for s in found if s.allow):
        if statement.actions != ("sqs:SendMessage",):
            yield Fault(statement.where, "allows more than sending", "allow sqs:SendMessage only")
        strangers = set(statement.principals) - {"Service"}
        names = set(statement.principals.get("Service", ())) - {"events.amazonaws.com", "sqs.amazonaws.com"}
        if strangers or names:
            yield Fault(statement.where, "lets others than events in", "name events.amazonaws.com")
    senders = {name for s in found if s.allow for name in s.principals.get("Service", ())}
    if "events.amazonaws.com" not in senders:
        yield Fault("policy", "does not let EventBridge send", "allow events.amazonaws.com")


@rule("K5", types=[tokens.QUEUE], whole=True)
def interruptions_reach_the_queue(queue: Resource, stack: Stack) -> Iterator[Fault]:
    """All five kinds of event that Karpenter reacts to come to its queue."""
    targets = stack.users(queue, "arn", tokens.EVENT_TARGET)
    rules = [found for target in targets for found in stack.source(target, "rule", tokens.EVENT_RULE)]
    arriving = {event for found in rules for event in _events(found.document("eventPattern"))}
    if not targets or not (missing := sorted(name for _, name in _EVENTS - arriving)):
        return
    yield Fault("events", f"lack {', '.join(missing)}", "add a rule with the queue as its target")


@rule("K5", "S3", types=[tokens.EVENT_TARGET], whole=True)
def event_goes_to_what_is_of_this_program(target: Resource, stack: Stack) -> Iterator[Fault]:
    """An event's target is a queue of this program, or a function that lets its rule in; so is the rule."""
    functions = stack.source(target, "arn", tokens.FUNCTION)
    if not functions and not stack.source(target, "arn", tokens.QUEUE):
        yield Fault("arn", "is no queue or function of this program", "pass its ARN")
    if not stack.source(target, "rule", tokens.EVENT_RULE):
        yield Fault("rule", "is no rule of this program", "pass the rule's name")
    sources = target.sources.get("rule", frozenset())
    for function in functions:
        permissions = stack.users(function, "function", tokens.FUNCTION_PERMISSION)
        if not any(permission.sources.get("sourceArn", frozenset()) & sources for permission in permissions):
            yield Fault("arn", f"{function.name} does not let the rule in", "add a Permission with the rule's ARN")


@rule("K5", types=[tokens.EVENT_RULE], whole=True)
def event_rule_is_on_and_used(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """A rule is on, waits for something, has a target, and its events may enter the target's queue."""
    if resource.get("state") == "DISABLED" or resource.get("isEnabled") is False:
        yield Fault("state", "is DISABLED", "leave it out")
    if not resource.get("eventPattern") and not resource.get("scheduleExpression"):
        yield Fault("eventPattern", "is missing, as is a schedule", "say what the rule waits for")
    targets = stack.users(resource, "rule", tokens.EVENT_TARGET)
    if not targets:
        yield Fault("target", "there is none", "add one")
    for target in targets:
        for queue in stack.source(target, "arn", tokens.QUEUE):
            for policy in stack.users(queue, "queueUrl", tokens.QUEUE_POLICY):
                if not _lets_in(policy, str(resource.get("name"))):
                    yield Fault("name", f"{policy.name} does not let it send", "add its ARN to aws:SourceArn")


@rule("K10", types=[tokens.SERVICE_LINKED_ROLE])
def spot_role_has_no_suffix(role: Resource) -> Iterator[Fault]:
    """The service's own role is the account's one: no suffix of ours."""
    if role.get("customSuffix"):
        yield Fault("customSuffix", "makes a second role", "leave it out")


def _events(pattern: Any) -> Iterator[tuple[str, str]]:
    """Yield source and kind of the events that a pattern lets through; one with more conditions lets fewer."""
    if set(pattern) - {"source", "detail-type"}:
        return
    for source in pattern.get("source", []):
        for kind in pattern.get("detail-type", []):
            yield source, kind


def _lets_in(policy: Resource, name: str) -> bool:
    for statement in statements(policy, "policy"):
        arns = statement.keys("ArnEquals", "ArnLike", "StringEquals").get("aws:sourcearn", ())
        if statement.allow and (not arns or any(arn.endswith(f":rule/{name}") for arn in arns)):
            return True
    return False
