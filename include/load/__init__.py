"""Curated files to the warehouse, as their arrival is announced by messages (seed 002)."""
