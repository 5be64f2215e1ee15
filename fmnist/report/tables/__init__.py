"""The tables of the report, by chapter: records in, rows of text out."""
