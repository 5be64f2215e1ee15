"""Finding, reading, verifying and splitting the data set."""
