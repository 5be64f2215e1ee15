"""One bit of a run's files is another: it is found, and repaired or said; never a wrong number.

By default some places of a toy night, with ``-m slow`` every byte of the text files of a real run
and 1,000 places of each of its other files.
"""

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import crash_night
import pytest
from crash_points import SEED, in_memory

from fmnist.runs.artifacts import CHECKSUMS, EPOCH_JOURNALS, REPORT, STUDY, TRIAL_LOGS
from fmnist.runs.check import check_run, damaged_files, study_damage
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import Run
from fmnist.runs.repair import repair_journals, repair_run
from fmnist.runs.safe_read import verify
from search.checksums import noted_files
from search.engines.sqlite_reading import read_finished
from search.json_lines import all_lines_of, lines_of, read_rows
from search.records import RecordError

PLACES, EVERY, FEW = 1000, 40, 6
BINARY = (".npz", ".keras", ".db", ".pdf")
RENDERED = ("report.html",)  # a text of two million bytes, most of them pictures
JOURNALS = [str(log) for log in (CHECKSUMS, *TRIAL_LOGS, *EPOCH_JOURNALS)]


def toy_night(folder):
    crash_night.night(folder)


def real_run(folder):
    command = [sys.executable, "-m", "fmnist", "try", "--results", folder.parent, "--name", "run"]
    subprocess.run(command, check=True, capture_output=True)


REAL = pytest.param(real_run, marks=pytest.mark.slow, id="real run")


@pytest.fixture(
    scope="module",
    params=[toy_night, REAL],
)
def run(request):
    """A finished run in memory, where that can be."""
    with in_memory() as made:
        folder = made / "base" / "run"
        folder.parent.mkdir()
        request.param(folder)
        assert check_run(Run(folder)) == []
        yield Run(folder)


@pytest.fixture
def places(run, request):
    """Which places of a file are flipped: all, or so many that are drawn with a printed seed."""
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    real = "real run" in request.node.name

    def places_of(name):
        size = (run / name).stat().st_size
        text = not name.endswith(BINARY) and name not in RENDERED
        at = range(size) if real and text else rng.choices(range(size), k=PLACES if real else 10)
        return [(place, rng.randrange(8)) for place in at] if size else []

    return places_of


@contextmanager
def flipped(path, place, bit):
    """A file with one bit that is another, and as it was afterwards."""
    whole = path.read_bytes()
    content = bytearray(whole)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextmanager
def kept(run):
    """The folder as it was afterwards."""
    copy = run.path.with_name("copy")
    shutil.copytree(run.path, copy)
    try:
        yield
    finally:
        shutil.rmtree(run.path)
        copy.rename(run.path)


def test_every_file_has_a_checksum_but_logs_journals_and_what_is_written_all_the_time(run):
    without = {p.name for p in run.path.iterdir() if p.is_file()} - set(noted_files(run.path))
    without -= {".lock", "run.log", "children.log", "live.html", str(STUDY), *JOURNALS}
    assert not without


def test_a_flip_in_a_whole_file_is_found_before_anything_is_read(run, places):
    flips = 0
    for name in noted_files(run.path):
        for place, bit in places(name):
            with flipped(run / name, place, bit), pytest.raises(FactsError, match="damaged"):
                verify(run / name)
            flips += 1
    print(f"{flips} flips in {len(noted_files(run.path))} whole files: all found")
    assert flips >= 10


def test_a_damaged_file_is_repaired_or_it_is_said_where_to_take_it_from(run, places):
    done = Counter()
    for name in noted_files(run.path):
        whole = (run / name).read_bytes()
        with kept(run), flipped(run / name, *places(name)[0]):
            (problem,) = check_run(run)
            assert str(run / name) in problem
            repaired = list(repair_run(run))
            if damaged_files(run):
                assert "backup" in problem or "makes it again" in problem
                done["said"] += 1
            else:
                assert repaired == [f"{name}: from the copy in the report's PDF"]
                assert "--repair takes the copy" in problem
                assert (run / name).read_bytes() == whole
                done["repaired"] += 1
    print(dict(done))


def test_a_flip_in_a_journal_costs_at_most_its_line(run, places):
    flips, repaired = Counter(), 0
    for name in filter(run.has, JOURNALS):
        before = facts(run)
        for place, bit in places(name):
            with kept_beside(run), flipped(run / name, place, bit):
                assert is_damaged(run / name), (name, place, bit)
                if flips[name] % EVERY == 0:
                    check_repair(run, name, before)
                    repaired += 1
            flips[name] += 1
    print(f"{dict(flips)}: all found; {repaired} of them were repaired")


def is_damaged(path):
    try:
        read_rows(path)
    except RecordError:
        return True
    return all_lines_of(path) != lines_of(path)


def check_repair(run, name, before):
    assert any(name in problem for problem in check_run(run))
    assert name in [repair.file for repair in repair_journals(run)]
    assert not differences(before, facts(run))
    assert damaged_files(run) == []


@contextmanager
def kept_beside(run):
    """Files that a repair wrote, gone afterwards; the journals as they were."""
    whole = {name: (run / name).read_bytes() for name in JOURNALS if run.has(name)}
    try:
        yield
    finally:
        for name, content in whole.items():
            (run / name).write_bytes(content)
        for made in run.path.glob("*.damaged-*"):
            made.unlink()


def facts(run):
    """Trials and epochs by journal and number, without what only the damaged line knew."""
    trials = {
        (str(log), t.number): (t.state, t.params, t.value, t.seed)
        for log in TRIAL_LOGS
        for t in run.trials(log)
    }
    epochs = {
        (str(log), number): found
        for log in EPOCH_JOURNALS
        for number, found in run.epochs(log).items()
    }
    return trials | epochs


def differences(before, after):
    """What became another thing; what is missing was said, epochs of a trial may be fewer."""
    return [
        key
        for key, now in after.items()
        if key not in before
        or now != (before[key][: len(now)] if "epochs" in key[0] else before[key])
    ]


def test_a_flip_in_the_study_is_found_or_changes_nothing(run, places):
    told = {t.number: (t.state, t.params, t.value) for t in read_finished(run / STUDY, int)}
    found = Counter()
    for place, bit in places(str(STUDY)):
        with flipped(run / STUDY, place, bit):
            damage = study_damage(run)
            if not damage and place % 8 == 0:  # it has compared the same
                now = {
                    t.number: (t.state, t.params, t.value) for t in read_finished(run / STUDY, int)
                }
                assert now == told, (place, bit)
            if damage and found["repaired"] < 20:
                assert list(repair_run(run)) == ["study.db: built anew from trials.jsonl"], damage
                assert check_run(run) == []
                found["repaired"] += 1
            found["found" if damage else "without effect"] += 1
            for made in run.path.glob("study.db?*"):
                made.unlink()
    print(dict(found))


@pytest.mark.parametrize("run", [REAL], indirect=True)
def test_commands_on_a_damaged_run_say_it_and_show_no_wrong_number(run, fmnist, tmp_path):
    """A bit of a file that is drawn, several times: no traceback, and the same accuracy or none."""
    rng, said, numbers = random.Random(SEED), Counter(), numbers_in(run)
    names = sorted(p.name for p in run.path.iterdir() if p.is_file() and p.stat().st_size)
    for name in rng.choices(names, k=FEW):
        place, bit = rng.randrange((run / name).stat().st_size), rng.randrange(8)
        where = f"seed {SEED}: bit {bit} of byte {place} of {name}"
        with kept(run), flipped(run / name, place, bit):
            ends = {
                command: fmnist(command, *arguments)
                for command, *arguments in (
                    ("runs", "--results", run.path.parent),
                    ("status", run.path),
                    ("report", run.path, "--output", tmp_path / "again"),
                    ("check", run.path, "--repair"),
                )
            }
        assert not [error for _, error in ends.values() if "Traceback" in error], where
        assert {code for code, _ in ends.values()} <= {0, 2, 4}, (where, ends)
        code, error = ends["report"]
        if code == 0:
            assert numbers_in(Run(tmp_path / "again")) == numbers, where
        else:
            assert name in error, where
        said.update(f"{command} ends with {code}" for command, (code, _) in ends.items())
    print(dict(said))


def numbers_in(run):
    return re.findall(r"(\d\d\.\d\d) %", (run / REPORT).read_text(encoding="utf-8"))
