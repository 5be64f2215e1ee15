"""From Python: start a search, and open a run with its records, tables, figures and network."""
