"""The loop of a study: asks an engine, runs trials, records them, within a budget."""
