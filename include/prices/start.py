"""The start and the end of a run: plan, claim, batch, and what is said of it afterwards."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from include.clients.aws import Aws, aws_error, error_code
from include.clients.idempotency import IdempotencyLedger
from include.clients.metrics import Metrics
from include.clients.object_store import ObjectStore
from include.core.errors import InvalidRequest, ObjectMissing
from include.core.settings import Settings
from include.prices.config import PricesRequest
from include.prices.plan import Plan, plan_run, read_plan
from include.prices.tracker import BatchTracker
from include.prices.universe import load_universe

log = logging.getLogger(__name__)
TRIGGER_METRICS = "Extract/Triggers"
"""Seed 000 §6."""


@dataclass(frozen=True)
class Held:
    """A run's key that another run has."""

    reason: str
    done: bool
    """The other run did the work; else it is at it."""


def make_plan(resolved: dict[str, Any], *, aws: Aws, settings: Settings, max_map_length: int) -> Plan:
    """Return the run's plan: that of an earlier attempt where there is one, so that every retry works on it.

    A dry run shows what would be done with its own request.
    """
    request = PricesRequest.model_validate(resolved["request"])
    raw = aws.object_store(settings.raw_bucket)
    universe = load_universe(
        request,
        read_parameter=lambda: _read_parameter(aws, settings.symbols_parameter),
        read_object=lambda: _read_object(raw, settings.symbols_key),
    )
    plan = plan_run(
        request,
        universe,
        session=date.fromisoformat(resolved["session"]),
        correlation_id=resolved["correlation_id"],
        max_map_length=max_map_length,
    )
    if not request.dry_run and raw.head(plan.files.plan_key) is not None:
        return read_plan(raw, raw.uri(plan.files.plan_key))
    return plan


def open_run(plan: Plan, asked: PricesRequest, *, aws: Aws, settings: Settings, owner: str) -> Held | None:
    """Claim the run's key, write its plan and open its batch; return why not, where another run has the key.

    A run that follows a failed one works on that one's plan. Raises `InvalidRequest` where it asks for
    something else.
    """
    claim = _ledger(aws, settings).claim(plan.batch_id, owner=owner)
    if not claim.ours:
        done = claim.status == "COMPLETED"
        return Held(
            f"{plan.batch_id} is {'done' if done else 'being done'} by the run {claim.owner} (since "
            f"{claim.since}), so this run does nothing. To do it again, clear that run or start one with "
            "another correlation_id.",
            done,
        )
    changed = _changed_fields(plan.request, asked)
    if changed:
        settle_run(plan, failed=True, aws=aws, settings=settings, owner=owner)
        raise InvalidRequest(
            [
                f"{name}: differs from that of the failed run of {plan.batch_id}, which this run would follow; "
                "give another correlation_id, or none"
                for name in changed
            ]
        )
    raw = aws.object_store(settings.raw_bucket)
    raw.create(plan.files.plan_key, plan.model_dump_json().encode())
    tracker = BatchTracker(aws.table(settings.batch_table), plan.batch_id)
    tracker.open(batch_ds=plan.ds, expected_chunks=len(plan.chunks))
    return None


def chunk_refs(plan: Plan, raw: ObjectStore) -> list[dict[str, Any]]:
    """Return what each extract task is told: where the plan is, and its place in it."""
    uri = raw.uri(plan.files.plan_key)
    manifest = raw.uri(plan.request.raw_table.manifest_key(plan.ds))
    return [
        {"plan_uri": uri, "manifest_uri": manifest, "index": chunk.index, "label": chunk.label}
        for chunk in plan.chunks
    ]


def renew_run(plan: Plan, *, aws: Aws, settings: Settings, owner: str) -> None:
    """Extend the run's lease on its key; every task of the run does so as it starts."""
    _ledger(aws, settings).renew(plan.batch_id, owner=owner)


def settle_run(plan: Plan, *, failed: bool, aws: Aws, settings: Settings, owner: str) -> None:
    """End the run's claim, so that a failed run can be followed by another with the same key."""
    status: Literal["COMPLETED", "FAILED"] = "FAILED" if failed else "COMPLETED"
    _ledger(aws, settings).settle(plan.batch_id, owner=owner, status=status)


def publish_run_metrics(resolved: dict[str, Any] | None, *, failed: bool, aws: Aws) -> None:
    """Send `TriggerExecution` of seed 000 §6; a request that did not pass its check counts as failed."""
    request = (resolved or {}).get("request", {})
    status = "failed" if failed or not resolved else "success"
    _publish(aws, 1, request.get("trigger_type") or "manual", request.get("domain", "market"), status)


def publish_refused(events: int, *, aws: Aws) -> None:
    """Count events that became letters as failed executions; none are not sent."""
    if events:
        _publish(aws, events, "event", "market", "failed")


def _publish(aws: Aws, value: int, trigger: str, domain: str, status: str) -> None:
    metrics = Metrics(aws.client("cloudwatch"), TRIGGER_METRICS)
    metrics.add("TriggerExecution", value, TriggerType=trigger, Domain=domain, Status=status)
    metrics.flush()


def _changed_fields(planned: PricesRequest, asked: PricesRequest) -> list[str]:
    """Return the names of the fields that differ; who started a run makes no difference."""
    before, now = planned.model_dump(), asked.model_dump()
    return [name for name in now if name != "trigger_type" and now[name] != before[name]]


def _ledger(aws: Aws, settings: Settings) -> IdempotencyLedger:
    return IdempotencyLedger(aws.table(settings.idempotency_table))


def _read_parameter(aws: Aws, name: str | None) -> str | None:
    if not name:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "ParameterNotFound":
            log.info("The SSM parameter %s does not exist; the next source decides", name)
            return None
        raise aws_error(error, f"reading the SSM parameter {name}") from error


def _read_object(raw: ObjectStore, key: str | None) -> str | None:
    if not key:
        return None
    try:
        return raw.read(key).decode()
    except ObjectMissing:
        log.info("%s does not exist; the next source decides", raw.uri(key))
        return None
