"""The participation service (seed 003): ingest takes requests, workers process them, each one is an event."""
