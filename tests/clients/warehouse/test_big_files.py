"""A file is loaded in pieces: what it takes of memory is some batches, not the file."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.clients.aws import Aws
from include.clients.warehouse.parquet import BATCH_BYTES, BATCH_ROWS, read_batches, read_file
from include.clients.warehouse.rows import SMALL

pytestmark = pytest.mark.integration
ROWS = 3_000_000
LIMIT_MB = 320
"""Some batches decoded ahead, encoded and sent: 220 measured; the decoded file alone has 440."""
REPOSITORY = Path(__file__).parents[3]


def rows_file(loads: Any, part: int, rows: int, words: Any) -> Any:
    """Write rows of some 140 bytes each, in one row group: the worst that a writer may do."""
    numbers = np.arange(rows)
    table = pa.table({
        "id": numbers,
        "amount": np.random.default_rng(part).random(rows).astype(np.float32),
        "note": pa.DictionaryArray.from_arrays(pa.array(numbers % len(words), pa.int32()), words),
    })  # fmt: skip
    data = io.BytesIO()
    pq.write_table(table, data, row_group_size=rows, store_schema=False)
    return loads.write_bytes(data.getvalue(), rows, part=part)


def test_a_file_of_440_mb_decoded_takes_some_batches_of_memory(http_orders: Any, aws: Aws) -> None:
    words = pa.array([f"{number:0128d}" for number in range(1000)])
    small, big = rows_file(http_orders, 0, 100, words), rows_file(http_orders, 1, ROWS, words)
    assert big.size > SMALL, "it goes through a temporary file"
    job = {
        "address": asdict(http_orders.address), "aws": asdict(aws), "bucket": http_orders.store.bucket,
        "asked": [http_orders.asked(file).model_dump() for file in (small, big)],
    }  # fmt: skip
    program = Path(__file__).with_name("measured_loader.py")
    done = subprocess.run(
        [sys.executable, str(program), json.dumps(job)], cwd=REPOSITORY, capture_output=True, text=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["rows"] == ROWS
    assert found["mb"] < LIMIT_MB
    (row,) = http_orders.query(
        f"SELECT count() AS n, sum(id) AS ids, uniqExact(note) AS notes FROM {http_orders.domain}.orders"
    )
    assert row == {"n": ROWS + 100, "ids": ROWS * (ROWS - 1) // 2 + 4950, "notes": 1000}


def test_batches_of_wide_rows_are_shorter(http_orders: Any) -> None:
    from include.clients.warehouse.generic import GenericForm
    from include.clients.warehouse.tables import WarehouseTable

    wide = pa.array([np.random.default_rng(row).bytes(1 << 20) for row in range(40)])
    file = http_orders.put(data=wide)
    with http_orders.open() as warehouse:
        form = GenericForm(warehouse, http_orders.store, WarehouseTable("product", "images"))
        part = read_file(form, file.key)
        batches = list(read_batches(form, part.info, part.data))
    assert sum(batch.num_rows for batch in batches) == 40
    assert max(batch.nbytes for batch in batches) <= BATCH_BYTES + (1 << 20)
    assert BATCH_ROWS > 40
