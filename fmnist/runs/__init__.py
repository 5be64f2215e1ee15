"""A run folder on disk: its files, typed records, locks, safe reading, status, listing, cleanup."""
