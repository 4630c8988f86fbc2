"""Deliver at once what waits in the local Firehose: for the demo and tests, and only there.

AWS has no such call; nothing in `include/` knows it.
"""

from __future__ import annotations

import json
import urllib.request

PATH = "/_tapeline/firehose/flush"
"""POST: every buffer of every stream becomes an object now."""


def flush_deliveries(endpoint_url: str) -> int:
    """Have the local AWS deliver everything; return how many objects it wrote."""
    asked = urllib.request.Request(endpoint_url.rstrip("/") + PATH, method="POST")  # noqa: S310 - loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=60) as answer:
        return int(json.load(answer)["objects"])
