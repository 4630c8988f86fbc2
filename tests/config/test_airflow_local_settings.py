"""The libraries preloaded in the parent work in a forked child, and only forking parents load them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).parents[2] / "config"
CHILD_WORK = """
import faulthandler, io, os, sys
import airflow_local_settings
assert "polars" in sys.modules
pid = os.fork()
if pid == 0:
    faulthandler.dump_traceback_later(60, exit=True)
    import numpy, pandas, polars, pyarrow, pyarrow.json, pyarrow.parquet
    frame = polars.DataFrame({"a": list(range(200_000))}).group_by(polars.col("a") % 7).agg(polars.len())
    table = pyarrow.json.read_json(io.BytesIO(b'{"a": 1}\\n' * 10_000))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    ok = frame.height == 7 and pandas.read_parquet(buffer)["a"].sum() == 10_000
    ok = ok and (numpy.ones((300, 300)) @ numpy.ones((300, 300))).sum() > 0
    os._exit(0 if ok else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def run_as(command: str, code: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.argv = ['airflow', {command!r}]; sys.path.insert(0, {str(CONFIG)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)


def test_a_forked_task_can_use_what_the_scheduler_preloaded() -> None:
    done = run_as("scheduler", CHILD_WORK)
    assert done.returncode == 0, done.stderr


def test_a_dag_parse_loads_no_heavy_library() -> None:
    heavy = {"pandas", "polars", "pyarrow", "yfinance", "exchange_calendars"}
    done = run_as("dag-processor", f"import airflow_local_settings; assert not {heavy} & set(sys.modules)")
    assert done.returncode == 0, done.stderr
