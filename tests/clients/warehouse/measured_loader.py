"""A loader that prints how much memory a load took; run as a program by the tests."""

from __future__ import annotations

import json
import sys

from benchmarks.harness import peak_mb
from include.clients.aws import Aws
from include.clients.warehouse import WarehouseAddress, open_warehouse
from include.clients.warehouse.load import load_files
from include.core.contracts import CuratedFileList


def main() -> None:
    small, big = (CuratedFileList.model_validate(asked) for asked in json.loads(sys.argv[1])["asked"])
    job = json.loads(sys.argv[1])
    store = Aws(**job["aws"]).object_store(job["bucket"])
    with open_warehouse(WarehouseAddress(**job["address"])) as warehouse:
        load_files(warehouse, store, small, correlation_id="small")
        before = peak_mb()
        result = load_files(warehouse, store, big, correlation_id="big")
    print(json.dumps({"rows": result.rows, "mb": peak_mb() - before}))


if __name__ == "__main__":
    main()
