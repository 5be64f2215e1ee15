"""What a job on the small sample searches: quick to train, with something to choose."""

from pathlib import Path

SAMPLE = Path(__file__).parent / "data" / "sample"
SPACE = """
[filters_1]
type = "int"
low = 4
high = 8
step = 4

[learning_rate]
type = "float"
low = 1e-3
high = 1e-2
log = true
"""
