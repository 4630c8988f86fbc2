"""Yahoo Finance: bars by one request a symbol, every failure named, nothing repaired in silence."""

from include.clients.yahoo.client import YahooClient
from include.clients.yahoo.models import BarFault, SymbolBars

__all__ = ["BarFault", "SymbolBars", "YahooClient"]
