"""Redrive dead letters: look at a dead-letter queue, send what may be handled now back to where it came from."""
