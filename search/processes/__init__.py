"""Supervised child processes: start, limits, exit reasons, restarts, interrupts."""
