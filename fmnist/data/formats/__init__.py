"""One module a file format: reading it, and for some writing it."""
