"""Sentences of the report: pure functions from facts to text."""
