"""Prices as they were quoted, instead of the float32 noise that Yahoo puts after them.

Yahoo keeps prices as 32-bit floats and prints them widened to 64 bits: a quote of 118.56 arrives as
118.55999755859375. The digits after the seventh or so are no information, they cost space everywhere and they
make equal prices unequal. So where a number is *exactly* a widened float32, the shortest decimal that
names the same float32 is kept: it reads as quoted and still converts to the very float32 Yahoo holds. Any
other number (adjusted closes have full precision) is left alone. Counting decimals instead (rounding to
2 or 4) would destroy prices of a fraction of a cent.
"""

from __future__ import annotations

import polars as pl  # noqa: TID253 - this package is imported inside tasks, never at DAG parse


def shortest_decimal(price: pl.Expr) -> pl.Expr:
    """Return the Float64 expression with every widened float32 as its shortest decimal; null stays null."""
    narrow = price.cast(pl.Float32, strict=False)
    # polars prints a Float32 with the fewest digits that read back as the same Float32
    quoted = narrow.cast(pl.String).cast(pl.Float64)
    return pl.when(narrow.cast(pl.Float64) == price).then(quoted).otherwise(price)
