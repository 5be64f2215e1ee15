"""How the time of a run is planned."""
