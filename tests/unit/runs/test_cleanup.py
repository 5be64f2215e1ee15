import shutil
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from run_folders import begun, finished, snapshot

from fmnist.cli.main import cli
from fmnist.errors import UserError
from fmnist.runs import cleanup
from fmnist.runs.cleanup import CleanRequest, parse_age, plan_removals, remove, select_runs
from fmnist.runs.folder import RunError
from fmnist.runs.listing import list_runs

HALF = ".writing-" + "0a" * 16 + ".json"


def litter(run):
    """Everything that a run may leave behind; 1,111 bytes."""
    (run / "trials" / "0003").mkdir(parents=True)
    (run / "trials" / "0003" / "epoch_0001.npz").write_bytes(b"x" * 1000)
    (run / "study.db.damaged-1").write_bytes(b"x" * 100)
    (run / "study.db.damaged-1-journal").write_bytes(b"x" * 10)
    (run / HALF).write_bytes(b"x")
    return run


def clean(results, *arguments):
    return CliRunner().invoke(cli, ["clean", "--results", str(results), *map(str, arguments)])


def names(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def test_leftovers_of_a_finished_run_go_and_its_results_stay(tmp_path):
    run = finished(tmp_path)
    before = snapshot(run.path)
    litter(run)
    done = clean(tmp_path, "--yes")
    assert done.exit_code == 0
    assert "recorded: checkpoints, damaged stores, halves of files" in done.output
    assert done.output.splitlines()[-1] == "1 kB freed"
    after = snapshot(run.path)
    assert {p for p in after if p.name != ".lock"} == set(before)
    assert all(after[p] == before[p] for p in before)


def test_an_unfinished_run_keeps_its_checkpoints_unless_asked(tmp_path):
    run = litter(begun(tmp_path, "night"))
    clean(tmp_path, "--yes")
    assert (run / "trials" / "0003" / "epoch_0001.npz").exists()
    assert not (run / "study.db.damaged-1").exists()
    clean(tmp_path, "--yes", "--checkpoints")
    assert not (run / "trials").exists()
    assert run.has("trials.jsonl")


@pytest.mark.parametrize("arguments", [["--keep", 0], ["--older-than", "1h"], ["--checkpoints"]])
def test_nothing_is_taken_from_a_run_that_is_running(tmp_path, arguments):
    run = litter(begun(tmp_path, "night"))
    with run.locked():
        before = snapshot(tmp_path)
        done = clean(tmp_path, "--yes", *arguments)
        assert snapshot(tmp_path) == before
    assert "night is running: nothing is taken from it" in done.stderr
    assert "nothing to remove" in done.stdout


def test_a_run_taken_up_between_question_and_answer_is_left_alone(tmp_path):
    run = litter(begun(tmp_path, "night"))
    (found,) = plan_removals(list_runs(tmp_path), CleanRequest(keep=0))
    with run.locked():
        before = snapshot(tmp_path)
        with pytest.raises(RunError, match="in use by process"):
            remove(found)
        assert snapshot(tmp_path) == before


def test_a_dry_run_changes_nothing(tmp_path):
    litter(finished(tmp_path))
    before = snapshot(tmp_path)
    done = clean(tmp_path, "--dry-run", "--keep", 0)
    assert "recorded: the whole run, finished" in done.output
    assert done.output.splitlines()[-1] == "1 MB would be free; nothing was removed"
    assert snapshot(tmp_path) == before


def test_without_anybody_to_ask_nothing_goes(tmp_path):
    litter(finished(tmp_path))
    before = snapshot(tmp_path)
    done = clean(tmp_path)
    assert isinstance(done.exception, UserError)
    assert "--yes removes it" in str(done.exception)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(("answer", "there"), [("n\n", True), ("y\n", False)])
def test_a_person_is_asked(tmp_path, monkeypatch, answer, there):
    run = finished(tmp_path)
    monkeypatch.setattr("fmnist.cli.commands.clean._is_interactive", lambda: True)
    arguments = ["clean", "--whole", "--results", str(tmp_path), str(run.path)]
    done = CliRunner().invoke(cli, arguments, input=answer)
    assert "remove 1 whole run, 1 MB?" in done.stderr
    assert run.path.exists() == there
    assert ("nothing was removed" in done.stdout) == there


def test_the_newest_are_kept(tmp_path):
    for day in range(1, 6):
        begun(tmp_path, f"day-{day}", f"2026-11-0{day}T20:00:00+00:00")
    clean(tmp_path, "--keep", 2, "--yes")
    assert {p.name for p in tmp_path.iterdir()} == {"day-4", "day-5"}


def test_the_older_ones_go_and_with_keep_both_rules_hold(tmp_path):
    now = datetime.now(UTC)
    for age in (1, 10, 40, 50):
        begun(tmp_path, f"age-{age}", (now - timedelta(days=age)).isoformat(timespec="seconds"))
    clean(tmp_path, "--older-than", "30d", "--keep", 3, "--yes")
    assert {p.name for p in tmp_path.iterdir()} == {"age-1", "age-10", "age-40"}
    clean(tmp_path, "--older-than", "30d", "--yes")
    assert {p.name for p in tmp_path.iterdir()} == {"age-1", "age-10"}


def test_what_no_run_wrote_stays(tmp_path):
    run = finished(tmp_path / "results")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("mine")
    (run / "notes.txt").write_text("mine")
    (run / "drafts").mkdir()
    (run / "ensemble").symlink_to(outside)
    (run / "model.keras").symlink_to(outside / "thesis.txt")
    done = clean(tmp_path / "results", "--whole", "--yes", run.path)
    assert "stays, since no run wrote it: drafts, ensemble, model.keras, notes.txt" in done.output
    assert names(run.path) == {"notes.txt", "drafts", "ensemble", "model.keras"}
    assert (outside / "thesis.txt").read_text() == "mine"


def test_links_foreign_folders_and_damaged_runs_are_left_alone(tmp_path):
    results = tmp_path / "results"
    target = litter(finished(tmp_path / "elsewhere"))
    results.mkdir()
    (results / "link").symlink_to(target.path)
    (results / "photos").mkdir()
    (results / "photos" / HALF).write_text("not of a run")
    damaged = litter(begun(results, "damaged-run"))
    (damaged / "run.toml").unlink()
    before = snapshot(tmp_path)
    done = clean(results, "--keep", 0, "--yes")
    assert done.output == "nothing to remove\n"
    assert snapshot(tmp_path) == before
    with pytest.raises(RunError, match="a link"):
        select_runs(results, [results / "link"])
    with pytest.raises(RunError, match="not a run folder"):
        select_runs(results, [results / "photos"])


def test_only_the_named_runs_are_cleaned(tmp_path):
    one, other = litter(finished(tmp_path, "one")), litter(finished(tmp_path, "other"))
    clean(tmp_path, "--yes", one.path)
    assert not (one / "trials").exists()
    assert (other / "trials").exists()


def test_a_run_whose_removing_was_cut_off_is_removed_by_the_next_call(tmp_path, monkeypatch):
    run = finished(tmp_path)
    whole = cleanup._remove

    def failing(path):
        if path.name == "trials.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        whole(path)

    monkeypatch.setattr(cleanup, "_remove", failing)
    done = clean(tmp_path, "--whole", "--yes", run.path)
    assert done.exit_code == 1
    assert "Permission denied" in done.stderr
    assert run.has("run.toml")
    monkeypatch.undo()
    assert clean(tmp_path, "--whole", "--yes", run.path).exit_code == 0
    assert not run.path.exists()


def test_every_file_of_a_real_run_is_known(tmp_path):
    run = litter(finished(tmp_path))
    for name in ("questions", "ensemble", "export", "tensorboard"):
        (run / name).mkdir()
    (found,) = plan_removals(list_runs(tmp_path), CleanRequest(keep=0))
    assert found.kept == ()
    assert found.bytes == sum(f.stat().st_size for f in run.path.rglob("*") if f.is_file())
    remove(found)
    assert not run.path.exists()


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("2w", 336)])
def test_ages(text, hours):
    assert parse_age(text) == hours * 3600


@pytest.mark.parametrize("text", ["30", "d", "1m", "-1d", "1.5d", "30 d"])
def test_other_ages_are_refused(text):
    with pytest.raises(UserError, match="expected an age such as 12h, 30d or 6w"):
        parse_age(text)


def test_whole_needs_names(tmp_path):
    done = clean(tmp_path, "--whole", "--yes")
    assert "name the runs" in str(done.exception)


def test_a_run_that_moved_is_cleaned_where_it_is(tmp_path):
    run = litter(finished(tmp_path))
    moved = shutil.move(run.path, tmp_path / "archive")
    clean(tmp_path / "nowhere", "--yes", moved)
    assert not (tmp_path / "archive" / "trials").exists()
