"""The HTTP API: three paths of the seed, one to ask whether it lives, and its OpenAPI document."""

# no `annotations` of the future: FastAPI reads the parameters' types, some of which are made here

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from include.participation.config import IngestConfig
from include.participation.ingest.auth import user_reader
from include.participation.ingest.cursors import CURSOR, read_cursor, write_cursor
from include.participation.ingest.limits import BodyLimit
from include.participation.ingest.problems import Problem, answer_with_problems, described
from include.participation.ingest.service import Ingest
from include.participation.models import EVENT_ID, REQUEST_ID, Request, Status

EventId = Annotated[str, Path(alias="eventId", pattern=EVENT_ID)]
RequestId = Annotated[str, Path(alias="requestId", pattern=REQUEST_ID)]
Limit = Annotated[int, Query(ge=1, le=100, description="Requests of a page.")]
Cursor = Annotated[str | None, Query(pattern=CURSOR, description="`nextCursor` of the page before.")]


class Participation(BaseModel):
    """A request for a place. Instants are milliseconds since 1970, UTC."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    requestId: str = Field(pattern=REQUEST_ID)  # noqa: N815
    eventId: str = Field(pattern=EVENT_ID)  # noqa: N815
    status: Status
    queuedAt: int | None  # noqa: N815
    """Null until it is QUEUED."""
    finishedAt: int | None  # noqa: N815
    resultCode: str | None  # noqa: N815
    """Why it ended so; null until it is final."""


class Page(BaseModel):
    """Requests of the user, the newest first."""

    items: list[Participation]
    nextCursor: Annotated[str, Field(pattern=CURSOR)] | None  # noqa: N815


def make_app(config: IngestConfig, ingest: Ingest) -> FastAPI:
    """Return the application."""
    app = FastAPI(
        title="Participation", version="1", docs_url=None, redoc_url=None,
        description="First come, first served: ask for a place, see what became of it.",
    )  # fmt: skip
    app.add_middleware(BodyLimit)
    answer_with_problems(app)
    _add_paths(app, ingest, Annotated[str, Depends(user_reader(config))])
    _describe_problems(app)
    return app


def _add_paths(app: FastAPI, ingest: Ingest, user_type: Any) -> None:
    @app.post(
        "/events/{eventId}/participations",
        status_code=202,
        responses=described(401, 404, 413, 422, 503),
    )
    def participate(event_id: EventId, user: user_type) -> Participation:
        """Ask for a place. Asked again by the same user, it is the same request."""
        request = ingest.participate(user, event_id)
        if request is None:
            raise HTTPException(404, f"There is no event {event_id}.")
        return shown(request)

    @app.get("/me/participations", responses=described(401, 413, 422, 503))
    def own_participations(user: user_type, limit: Limit = 20, cursor: Cursor = None) -> Page:
        """Show the user's requests that were queued, the newest first."""
        found, last = ingest.requests.newest(user, limit=limit, after=read_cursor(cursor))
        return Page(items=[shown(request) for request in found], nextCursor=write_cursor(last))

    @app.get("/requests/{requestId}", responses=described(401, 404, 413, 422, 503))
    def one_request(request_id: RequestId, user: user_type) -> Participation:
        """Show one request of the user; another's is not found."""
        request = ingest.requests.get(request_id)
        if request is None or request.user_id != user:
            raise HTTPException(404, f"You have no request {request_id}.")
        return shown(request)

    @app.get("/health", responses=described(413))
    async def health() -> dict[str, str]:
        """Say that the service lives; nothing behind it is asked."""
        return {"status": "ok"}


def _describe_problems(app: FastAPI) -> None:
    """Add the schema of problems to the OpenAPI document."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"]["Problem"] = schema
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def shown(request: Request) -> Participation:
    """Return what its owner is shown of a request."""
    return Participation(
        requestId=request.request_id,
        eventId=request.event_id,
        status=request.status,  # type: ignore[arg-type]
        queuedAt=request.queued_at,
        finishedAt=request.finished_at,
        resultCode=request.outcome.result_code if request.outcome else None,
    )
