"""Two transforms of one day at once, manifests that move meanwhile, and a transform killed at any write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any
from unittest import mock

import polars as pl
import pytest

from include.clients.object_store import ObjectStore
from include.core.errors import ManifestOutdated
from include.prices.curated_files import NewerFileExists, encode_day, publish_file, revision_of
from include.prices.schema import SCHEMA

if TYPE_CHECKING:
    from conftest import Lake  # the fixture's type, for readers

    MakeBars = Callable[..., pl.DataFrame]

pytestmark = pytest.mark.integration
DS = date(2013, 3, 1)


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at_write(number: int) -> Iterator[None]:
    """Let `number` writes happen, and end the process at the next one."""
    count = 0

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count > number:
                raise Killed
            return real(*args, **kwargs)

        return call

    with (
        mock.patch.object(ObjectStore, "write", counting(ObjectStore.write)),
        mock.patch.object(ObjectStore, "replace", counting(ObjectStore.replace)),
    ):
        yield


def just_before_publishing(lake: Lake, act: Callable[[], object]) -> mock._patch[Any]:
    """Do something else once, just after the transform has read RAW and is about to publish."""
    real, pending = lake.curated.replace, [act]

    def replace(*args: Any, **kwargs: Any) -> Any:
        if pending:
            pending.pop()()
        return real(*args, **kwargs)

    return mock.patch.object(lake.curated, "replace", replace)


def test_an_older_manifest_never_replaces_a_newer_ones_file(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(make_bars("AAPL", DS))
    both = pl.concat([make_bars("AAPL", DS), make_bars("IBM", DS)])

    def other_run() -> None:
        lake.put(both, revision=2)
        lake.curate(days, batch_id="other")

    with just_before_publishing(lake, other_run):
        result = lake.curate(days)
    assert lake.rows(DS)["symbol"].to_list() == ["AAPL", "IBM"]
    assert revision_of(lake.curated.read(lake.target.part_key(DS))) == 2
    assert result.rows == 2  # it read the newer manifest and found its own work done


def test_a_newer_manifest_replaces_an_older_ones_file(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(make_bars("AAPL", DS))
    first = lake.curate(days)
    lake.put(make_bars("AAPL", DS, volume=2000), revision=2)
    second = lake.curate(days)
    assert lake.rows(DS)["volume"].to_list() == [2000]
    assert first.files[0].etag != second.files[0].etag


def test_a_manifest_set_back_is_refused_by_name(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(make_bars("AAPL", DS), revision=3)
    lake.curate(days)
    lake.put(make_bars("AAPL", DS, volume=5), revision=1)
    with pytest.raises(ManifestOutdated, match=r"made from revision 3 .* says revision 1"):
        lake.curate(days)
    assert lake.rows(DS)["volume"].to_list() == [1000]


def test_many_transforms_at_once_end_with_the_newest_manifest(lake: Lake, make_bars: MakeBars) -> None:
    symbols = [f"S{n}" for n in range(6)]
    days = lake.put(make_bars(symbols[0], DS))

    def grow_and_curate(number: int) -> None:
        lake.curate(days, batch_id=f"b{number}")

    with ThreadPoolExecutor(4) as pool:
        running = []
        for revision in range(2, len(symbols) + 1):
            running += [pool.submit(grow_and_curate, revision)]
            lake.put(pl.concat([make_bars(s, DS) for s in symbols[:revision]]), revision=revision)
            running += [pool.submit(grow_and_curate, revision + 100)]
        for future in running:
            future.result()
    assert lake.rows(DS)["symbol"].to_list() == symbols
    assert revision_of(lake.curated.read(lake.target.part_key(DS))) == len(symbols)


def test_a_transform_killed_at_any_write_is_made_good_by_the_next(lake: Lake, make_bars: MakeBars) -> None:
    days = [date(2013, 2, 27), date(2013, 2, 28), DS]
    bars = [make_bars(f"S{n}", *days) for n in range(10)]
    lake.put(pl.concat([*bars, make_bars("BAD", DS, volume=-1)]))
    expected = {file.key: file.etag for file in lake.curate(days).files}
    for number in range(6):
        for info in list(lake.curated.list_objects("market/")):
            lake.curated.delete(info.key)
        survived = False
        with killed_at_write(number):
            try:
                lake.curate(days)
                survived = True
            except Killed:
                pass
        assert survived == (number >= 5)  # quarantine, record, three files
        assert {
            info.key: info.etag for info in lake.curated.list_objects("market/")
        }.items() <= expected.items()
        assert {file.key: file.etag for file in lake.curate(days).files} == expected


def test_a_foreign_file_under_the_key_is_replaced(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(make_bars("AAPL", DS))
    lake.curated.write(lake.target.part_key(DS), b"not Parquet at all")
    lake.curate(days)
    assert lake.rows(DS).height == 1


def test_publishing_tells_newer_equal_and_older_apart(lake: Lake) -> None:
    files = {revision: encode_day(SCHEMA.empty_table(), revision) for revision in (1, 2, 3)}
    first = publish_file(lake.curated, "k", files[2], 2)
    with mock.patch.object(lake.curated, "replace", wraps=lake.curated.replace) as replace:
        assert publish_file(lake.curated, "k", files[2], 2) == first
        replace.assert_called_once_with("k", files[2], etag=None)  # refused: no new object, no new event
    with pytest.raises(NewerFileExists):
        publish_file(lake.curated, "k", files[1], 1)
    publish_file(lake.curated, "k", files[3], 3)
    assert revision_of(lake.curated.read("k")) == 3
