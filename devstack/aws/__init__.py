"""The local AWS: MiniStack behind a thin ASGI wrapper of ours, one process on loopback."""
