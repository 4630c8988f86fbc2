"""What Alembic runs: the revisions of `versions/`, on the connection that `migrate` gives."""

from alembic import context

from include.clients.postgres.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
