"""What is done with the live detector: listening, replaying, evaluating, reporting."""
