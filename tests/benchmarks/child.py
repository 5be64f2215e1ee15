"""A process that does its work once a line: so rounds of several contenders alternate.

Each contender has a process of its own, since the thread pools of two libraries in one disturb each
other. It greets with a line when it is ready, and answers each line with the result as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


def limited(threads: int) -> dict[str, str]:
    """Environment that gives the native libraries so many threads, as ``fmnist run`` does."""
    return dict.fromkeys(_THREADS, str(threads))


class Child:
    """The parent's side of one child.

    Args:
        script, arguments: a Python file that calls ``serve``, and its command line.
        environment: variables beside this process's own.
    """

    def __init__(self, script: Path, *arguments: object, environment: Any = None) -> None:
        command = [sys.executable, str(script), *(str(a) for a in arguments)]
        self.greeting: Any = None
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ready(self) -> Child:
        """Wait for the greeting and keep it."""
        self.greeting = self.hear()
        return self

    def hear(self) -> Any:
        """The next answer.

        Raises:
            RuntimeError: the child is gone.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r}: ended with {self._process.wait()}")
        return json.loads(line)

    def tell(self) -> None:
        """Have the work done once; ``hear`` gives the result."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def ask(self) -> Any:
        """Have the work done once and return its result."""
        self.tell()
        return self.hear()


def serve(work: Callable[[], Any], greeting: Any = None) -> None:
    """The child's side: ready, then one result a line."""
    print(json.dumps(greeting), flush=True)
    for _ in sys.stdin:
        print(json.dumps(work()), flush=True)
