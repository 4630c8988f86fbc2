"""The dashboard: its page, its static files and the JSON it asks for, below `/api/etl/dashboard`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/dashboard", tags=["dashboard"], include_in_schema=False)
"""Part of the app in `app.py`, whose every route needs a signed-in user; add rights by `security.py`."""
