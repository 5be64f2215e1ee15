"""``python -m fmnist``: the same as the command ``fmnist``."""

from fmnist.cli.main import main

main()
