"""``make bench``: what the project promises in seconds, megabytes and changes, measured and printed, never judged."""
