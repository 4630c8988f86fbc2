"""Operators of our own: thin, over clients."""
