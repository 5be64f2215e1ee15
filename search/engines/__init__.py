"""Engines: each suggests trials behind the one interface of ``base.Engine``."""
