"""KMNIST and Kuzushiji-49 as NPZ: one array, ``arr_0``, in each of four files.

Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha, Deep learning for classical Japanese
literature, 2018.
"""

from __future__ import annotations

import re
from pathlib import Path

from fmnist.data.dataset import Part, RawData, only_one
from fmnist.data.formats import npz

KEY = "arr_0"
NAMES = {"kmnist": "KMNIST", "k49": "Kuzushiji-49"}
KMNIST_CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
"""Its ten hiragana in Latin letters (Hepburn), which every font has."""
_FILE = re.compile(r"(kmnist|k49)-(train|test)-(imgs|labels)\.npz")


def set_of(name: str) -> str | None:
    """``kmnist`` or ``k49`` where a file has a name of one of these sets; else None."""
    found = _FILE.fullmatch(name.lower())
    return found[1] if found else None


def sets_in(folder: Path) -> tuple[str, ...]:
    """The sets of which NPZ files lie in a folder."""
    return tuple(sorted({s for path in folder.iterdir() if (s := set_of(path.name))}))


def read_folder(folder: Path, chosen: str | None = None) -> RawData:
    """Read the four NPZ files of a set.

    Raises:
        DataError: both sets and none chosen, a file is missing or breaks a rule.
    """
    found = sets_in(folder)
    name = chosen or only_one(folder, found, "sets", f"{found[0]}-train-imgs.npz")
    return RawData(
        _part(folder, name, "train"),
        _part(folder, name, "test"),
        source=f"NPZ files in {folder}",
        name=NAMES[name],
        class_names=KMNIST_CLASSES if name == "kmnist" else None,
    )


def _part(folder: Path, name: str, half: str) -> Part:
    files = [folder / f"{name}-{half}-{kind}.npz" for kind in ("imgs", "labels")]
    images, labels = (npz.read_arrays(path, (KEY,))[KEY] for path in files)
    return npz.part(f"{files[0]}: {KEY}", images, f"{files[1]}: {KEY}", labels)
