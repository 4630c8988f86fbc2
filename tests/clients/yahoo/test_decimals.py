"""Prices are kept as quoted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from include.clients.yahoo.decimals import shortest_decimal


def kept(prices: pl.Series) -> pl.Series:
    return prices.to_frame().select(shortest_decimal(pl.col(prices.name))).to_series()


def shortest(*prices: float | None) -> list[float | None]:
    return kept(pl.Series("close", prices, pl.Float64())).to_list()


@pytest.mark.parametrize(
    ("answered", "quoted"),
    [
        (167.16500854492188, 167.16501),
        (118.55999755859375, 118.56),
        (0.00009999999747378752, 0.0001),
        (-3.0999999046325684, -3.1),
        (438.0, 438.0),
        (0.0, 0.0),
        (679000.0, 679000.0),
    ],
)
def test_a_widened_float32_becomes_its_shortest_decimal(answered: float, quoted: float) -> None:
    assert shortest(answered) == [quoted]


@pytest.mark.parametrize("price", [4.186662803811, 118.56, 1e-300, 1e300, 0.1])
def test_any_other_number_is_left_alone(price: float) -> None:
    assert shortest(price) == [price]


def test_null_stays_null_and_the_name_stays() -> None:
    assert shortest(None, 118.55999755859375) == [None, 118.56]
    assert kept(pl.Series("low", [1.5])).name == "low"


def test_every_price_of_two_decimals_survives_the_way_through_float32() -> None:
    quoted = np.round(np.arange(1, 1_000_00) / 100, 2)
    widened = quoted.astype(np.float32).astype(np.float64)
    assert (kept(pl.Series(widened)).to_numpy() == quoted).all()


def test_the_result_is_the_same_float32() -> None:
    bits = np.random.default_rng(7).integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    floats = bits[np.isfinite(bits)]
    prices = kept(pl.Series(floats.astype(np.float64))).to_numpy()
    assert (prices.astype(np.float32) == floats).all()
