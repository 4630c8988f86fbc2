"""The wire contracts, one pydantic model each; names are fixed by the seeds."""

from include.core.contracts.load import CuratedFile, CuratedFileList, LoadMessage
from include.core.contracts.manifest import FailedSymbol, Manifest, ManifestObject
from include.core.contracts.transform import CatalogUpdate, ManifestRef, TransformInput

__all__ = [
    "CatalogUpdate",
    "CuratedFile",
    "CuratedFileList",
    "FailedSymbol",
    "LoadMessage",
    "Manifest",
    "ManifestObject",
    "ManifestRef",
    "TransformInput",
]
