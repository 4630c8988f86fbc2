"""Financial Modeling Prep: listings, daily prices and ratios, every failure named, nothing repaired in silence."""

from include.clients.fmp.cache import AnswerCache
from include.clients.fmp.client import FmpClient
from include.clients.fmp.models import EXCHANGES, RATIOS, Fault, Listing, Listings, Ratios, SymbolPrices

__all__ = [
    "EXCHANGES", "RATIOS", "AnswerCache", "Fault", "FmpClient", "Listing", "Listings", "Ratios",
    "SymbolPrices",
]  # fmt: skip
