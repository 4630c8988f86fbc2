"""The queue's side: processes requests, each to exactly one final state."""
