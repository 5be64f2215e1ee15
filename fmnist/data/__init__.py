"""Finding, reading, verifying and splitting the data set.

``load`` is the door: it returns a ``DataSet`` whose test half is sealed.
"""

from fmnist.data.dataset import DataSet
from fmnist.data.ledger import Entry, Ledger
from fmnist.data.loading import check_same, load
from fmnist.data.sealed import SealedTest
from fmnist.data.sources import SAMPLE, SOURCES, Source, first_ready
from fmnist.data.sources.cache import cache_folder
from fmnist.data.splits import Splits, split, subset

__all__ = [
    "SAMPLE",
    "SOURCES",
    "DataSet",
    "Entry",
    "Ledger",
    "SealedTest",
    "Source",
    "Splits",
    "cache_folder",
    "check_same",
    "first_ready",
    "load",
    "split",
    "subset",
]
