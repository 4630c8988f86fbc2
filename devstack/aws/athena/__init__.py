"""The local Athena: the query part of Athena's API, answered by DuckDB over the files of Glue tables.

Work groups, named queries and the like stay MiniStack's. What differs from Athena: docs/adr/0019.
"""
