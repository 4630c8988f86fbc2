"""The analysis of the participation service's events (seed 003): four metrics, two validations, evidence."""
