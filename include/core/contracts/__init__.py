"""The wire contracts, one pydantic model each; names are fixed by the seeds."""

from include.core.contracts.dead_letter import HISTORY_ATTRIBUTE, Attempt, DeadLetter
from include.core.contracts.events import ManifestEvent, PriceEvent
from include.core.contracts.load import CuratedFile, CuratedFileList, LoadMessage
from include.core.contracts.manifest import FailedSymbol, Manifest, ManifestObject
from include.core.contracts.participation import (
    ParticipationProcessed,
    ParticipationRequested,
    RequestFailed,
)
from include.core.contracts.transform import CatalogUpdate, ManifestRef, TransformInput

__all__ = [
    "HISTORY_ATTRIBUTE",
    "Attempt",
    "CatalogUpdate",
    "CuratedFile",
    "CuratedFileList",
    "DeadLetter",
    "FailedSymbol",
    "LoadMessage",
    "Manifest",
    "ManifestEvent",
    "ManifestObject",
    "ManifestRef",
    "ParticipationProcessed",
    "ParticipationRequested",
    "PriceEvent",
    "RequestFailed",
    "TransformInput",
]
