"""Firehose's buffering and delivery to S3, which MiniStack leaves out, for streams to S3 without conversion."""
