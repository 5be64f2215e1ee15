"""The records of a run folder, one type a file."""
