"""Validated hyperparameter fields, search spaces, recipes and overrides: a model as data."""
