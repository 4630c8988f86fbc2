"""What every task of every pipeline did, as rows in PostgreSQL: written by a listener, never in a task's way."""
