"""Tapeline's importable code: `core` ← `clients` ← `orchestration` ← one package a pipeline."""
