"""Records in, pictures out: vector plots and pixel mosaics, each with alt text and its numbers."""

from fmnist.report.figures.style import Figure, Mosaic, Tile

__all__ = ["Figure", "Mosaic", "Tile"]
