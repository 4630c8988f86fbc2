"""The workbench's fixtures for every test of the jobs."""

from tests.fundamentals.workbench import bench, listed, postgres, price_source  # noqa: F401
