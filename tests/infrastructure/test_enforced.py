"""Under an AWS that enforces IAM, a component does its work by its role, and is refused everything else."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

import pytest

from devstack.deploy import deploy, settings_of
from devstack.stack import Stack
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.core.domains import domains
from include.core.errors import CredentialsMissing
from include.core.queues import load_queues
from include.load.config import LoadRequest
from include.load.drain import load_domain
from include.orchestration import connections
from include.participation.config import WorkerConfig
from include.participation.table import Table
from include.redrive.config import validate_redrive
from include.redrive.redrive import redrive_letters
from tests.conftest import ministack
from tests.infrastructure.components import until
from tests.infrastructure.participation import Deployment, play
from tests.infrastructure.policies import statements_of
from tests.infrastructure.recorder import recording
from tests.load.loads import bars
from tests.market import applied

pytestmark = pytest.mark.integration
ENVIRONMENT = "auth"
DOMAIN, OTHER = "product", "customer"
PAIR = load_queues(ENVIRONMENT, DOMAIN)


@dataclass(frozen=True)
class Enforced:
    """An AWS that enforces IAM."""

    owner: Aws
    """Calls by TLS, as all do."""
    plain: str
    """The endpoint without TLS."""
    outputs: dict[str, str]

    def role(self, name: str) -> Aws:
        """Return access as one of the roles."""
        return replace(self.owner, role_arn=f"arn:aws:iam::000000000000:role/tapeline-{ENVIRONMENT}-{name}")

    def put(self, key: str) -> None:
        """Put a file of prices into the curated bucket, as somebody who may."""
        self.owner.object_store(self.outputs["CuratedBucket"]).write(key, bars(*(f"S{n}" for n in range(50))))


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    """Every stack, on an AWS of this module's own."""
    with ministack(tmp_path_factory.mktemp("enforced"), AUTH="true") as owner:
        outputs = deploy(owner, ENVIRONMENT, poll_seconds=0.1)
        with recording(str(owner.endpoint_url), as_tls=True) as tls:
            for role in (f"load-{DOMAIN}", "redrive", "participation-worker"):
                allow_unknown(owner, f"tapeline-{ENVIRONMENT}-{role}")
            yield Enforced(replace(owner, endpoint_url=tls.url), str(owner.endpoint_url), outputs)


def allow_unknown(owner: Aws, role: str) -> None:
    """Allow a role what MiniStack does not know of its policies.

    Batches of what is allowed singly: to AWS that is one action, MiniStack knows two. And what is allowed under a
    condition (of a metric's namespace, of an event's source): it knows none of these keys and refuses all.
    """
    extra = [
        {"Effect": "Allow", "Action": action + ending, "Resource": resource}
        for statement in statements_of(owner, role)
        for action in statement.actions
        for resource in statement.resources
        for ending in (("",) if statement.context else ("Batch",))
        if statement.context or action in ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": extra})
    owner.client("iam").put_role_policy(RoleName=role, PolicyName="unknown", PolicyDocument=document)


def key_of(domain: str) -> str:
    return f"{domain}/enforced_{uuid.uuid4().hex[:8]}/ds=2026-11-20/part-000.parquet"


def test_a_domain_is_loaded_and_its_letters_redriven_by_their_roles(enforced: Enforced, stack: Stack) -> None:
    settings = settings_of(ENVIRONMENT, enforced.outputs)
    queue = Queue(enforced.owner.client("sqs"), str(PAIR.queue))
    key = key_of(DOMAIN)
    enforced.put(key)
    until(lambda: queue.depth().visible > 0)
    gone = {
        "bucket": settings.curated_bucket,
        "key": key_of(DOMAIN),
        "domain": DOMAIN,
        "correlation_id": "c1",
    }
    queue.send(gone)
    with applied(stack.environment()):
        counts = load_domain(
            domains()[DOMAIN],
            aws=enforced.role(f"load-{DOMAIN}"),
            settings=settings,
            open_warehouse=connections.warehouse,
            request=LoadRequest(linger_seconds=0),
        )
    assert (counts.loaded, counts.rows, counts.letters) == (1, 50, 1)
    # missing, not refused: the role may learn that a file is not there
    asked = validate_redrive({"queue": f"load_{DOMAIN}", "code": "E007", "dry_run": False})
    done = redrive_letters(asked, aws=enforced.role("redrive"), environment=ENVIRONMENT, now=utc_now())
    assert done["redriven"] == 1
    (message,) = queue.receive(10, visibility_seconds=60)
    assert json.loads(message.body)["key"] == gone["key"]


class As(WorkerConfig):
    """What a part is told that acts by a role."""

    account: Aws

    @property
    def aws(self) -> Aws:
        """The account, as the role."""
        return self.account


def part_of(enforced: Enforced, role: str) -> As:
    return As(
        environment=ENVIRONMENT, requests_table=enforced.outputs["RequestsTable"], wait_seconds=0,
        account=enforced.role(f"participation-{role}"),
    )  # fmt: skip


def test_requests_are_taken_and_processed_by_the_roles_of_ingest_and_worker(
    enforced: Enforced, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "include.participation.events"):
        play(Deployment(enforced.owner, part_of(enforced, "ingest"), part_of(enforced, "worker")))
    lost = [one for one in caplog.records if one.name == "include.participation.events"]
    assert lost == [], "every event was published"


@pytest.mark.parametrize("role", ["ingest", "worker"])
def test_a_part_of_the_service_is_refused_what_the_other_does(enforced: Enforced, role: str) -> None:
    config = part_of(enforced, role)
    queue = Queue(config.aws.client("sqs"), str(config.queues.queue))
    table = Table(config.aws, config.requests_table)
    refused = {
        "ingest": (lambda: queue.receive(1, visibility_seconds=0), lambda: Queue(
            config.aws.client("sqs"), config.queues.dlq).send("{}")),
        "worker": (lambda: queue.send("{}"), lambda: table.put_new({"PK": "EVENT#e", "SK": "CAPACITY"})),
    }  # fmt: skip
    for attempt in refused[role]:
        with pytest.raises(CredentialsMissing):
            attempt()


Attempt = Callable[[Aws, Enforced], object]
REFUSED: dict[str, Attempt] = {
    "a file of another domain": lambda aws, one: aws.object_store(one.outputs["CuratedBucket"]).read(THEIRS),
    "writing a file": lambda aws, one: aws.object_store(one.outputs["CuratedBucket"]).write(OURS, b""),
    "a RAW object": lambda aws, one: aws.object_store(one.outputs["RawBucket"]).read("market/any"),
    "another domain's queue": lambda aws, _: Queue(
        aws.client("sqs"), str(load_queues(ENVIRONMENT, OTHER).queue)
    ).receive(1, visibility_seconds=0),
    "sending to its own queue": lambda aws, _: Queue(aws.client("sqs"), str(PAIR.queue)).send("{}"),
}
OURS, THEIRS = key_of(DOMAIN), key_of(OTHER)


@pytest.mark.parametrize("what", REFUSED)
def test_a_loader_is_refused(enforced: Enforced, what: str) -> None:
    enforced.put(OURS)
    enforced.put(THEIRS)
    loader = enforced.role(f"load-{DOMAIN}")
    assert loader.object_store(enforced.outputs["CuratedBucket"]).read(OURS)
    with pytest.raises(CredentialsMissing):
        REFUSED[what](loader, enforced)


def test_the_role_of_a_connection_is_assumed(enforced: Enforced) -> None:
    role = enforced.role(f"load-{DOMAIN}")
    connection = {
        "conn_type": "aws",
        "login": role.access_key_id,
        "password": role.secret_access_key,
        "extra": {"region_name": role.region, "endpoint_url": role.endpoint_url, "role_arn": role.role_arn},
    }
    with applied({"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}):
        aws = connections.aws()
    assert aws == role
    assert (
        f":assumed-role/tapeline-{ENVIRONMENT}-load-{DOMAIN}/"
        in aws.client("sts").get_caller_identity()["Arn"]
    )


def test_credentials_of_a_role_are_renewed_before_they_end(
    enforced: Enforced, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = enforced.role(f"load-{DOMAIN}").session.get_credentials()
    first = credentials.get_frozen_credentials()
    assert credentials.get_frozen_credentials() == first
    nearly_over = datetime.now(timezone.utc) + timedelta(minutes=51)
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: nearly_over)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: nearly_over)
    assert credentials.get_frozen_credentials().access_key != first.access_key


def test_nobody_is_let_in_without_tls(enforced: Enforced) -> None:
    enforced.put(OURS)
    plain = replace(enforced.role(f"load-{DOMAIN}"), endpoint_url=enforced.plain)
    assert plain.client("sts").get_caller_identity()
    with pytest.raises(CredentialsMissing):
        plain.object_store(enforced.outputs["CuratedBucket"]).read(OURS)
    with pytest.raises(CredentialsMissing):
        Queue(plain.client("sqs"), str(PAIR.queue)).depth()
