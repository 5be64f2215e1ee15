"""Files of a shared study: checkpoints and the winner, in a folder or a bucket."""

import logging
import tarfile

import pytest
import requires_tenacity  # noqa: F401
from faults_toy import SPACE
from requirements import require_package
from shared_here import Worker, stored_file

from search.distributed import DistributedStudy, StorageError
from search.distributed.artifacts import CheckpointStore, open_artifacts, put_file
from search.engines.base import TrialLostError

boto3, moto = require_package("boto3"), require_package("moto.server")


@pytest.fixture
def store(tmp_path):
    return open_artifacts(tmp_path / "artifacts")


def test_checkpoints_are_kept_now_and_then_and_replace_one_another(storage, tmp_path, store):
    one = Worker(storage, tmp_path, "one")
    number = one.engine.ask().number
    folder = tmp_path / "checkpoint"
    kept = CheckpointStore(store, one.shared, every=3600)
    assert not kept.put(number, folder)  # there is none
    folder.mkdir()
    (folder / "weights").write_bytes(b"first")
    assert kept.put(number, folder)
    assert not kept.put(number, folder)  # too soon
    (folder / "weights").write_bytes(b"second")
    assert CheckpointStore(store, one.shared, every=0).put(number, folder)
    assert len(list((tmp_path / "artifacts").iterdir())) == 1
    assert kept.fetch(number, tmp_path / "deep" / "there")
    assert (tmp_path / "deep" / "there" / "weights").read_bytes() == b"second"
    assert not kept.fetch(one.engine.ask().number, tmp_path / "none")
    one.engine.close()


def test_a_store_that_fails_harms_no_trial(storage, tmp_path, store, caplog, monkeypatch):
    one = Worker(storage, tmp_path, "one")
    number = one.engine.ask().number
    kept = CheckpointStore(store, one.shared, every=0)

    def full(*_):
        raise OSError(28, "No space left on device")

    with caplog.at_level(logging.WARNING, "search.distributed"):
        monkeypatch.setattr(store, "write", full)
        assert not kept.put(number, tmp_path)
        monkeypatch.undo()
        (tmp_path / "small").mkdir()
        assert kept.put(number, tmp_path / "small")
        for file in (tmp_path / "artifacts").iterdir():
            file.write_bytes(b"no archive at all")
        assert not kept.fetch(number, tmp_path / "there")
    said = [r.getMessage() for r in caplog.records]
    assert said[0].startswith("trial 0: no checkpoint was kept: OSError")
    assert said[1].startswith("trial 0: its checkpoint cannot be read: ReadError")
    assert not (tmp_path / "there").exists()
    one.engine.close()
    one.shared.finish_trial(number, "failed", None)
    with pytest.raises(TrialLostError):
        kept.put(number, tmp_path / "small")


def test_a_checkpoint_writes_nothing_outside_its_folder(storage, tmp_path, store):
    one = Worker(storage, tmp_path, "one")
    number = one.engine.ask().number
    (tmp_path / "small").mkdir()
    kept = CheckpointStore(store, one.shared, every=0)
    assert kept.put(number, tmp_path / "small")
    (file,) = (tmp_path / "artifacts").iterdir()
    with tarfile.open(file, "w") as archive:
        archive.add(__file__, arcname="./weights")
        archive.add(__file__, arcname="../../outside")
    assert not kept.fetch(number, tmp_path / "deep" / "there")
    assert not (tmp_path / "deep" / "there").exists()
    assert list(tmp_path.rglob("outside")) == []
    one.engine.close()


def test_the_winners_file_is_seen_by_all_whole_or_not_at_all(storage, tmp_path, store):
    shared = DistributedStudy.create(storage, str(tmp_path), SPACE, {})
    assert stored_file(store, shared, "winner") is None
    for content in (b"first", b"second"):
        (tmp_path / "mine.keras").write_bytes(content)
        put_file(store, shared, "winner", tmp_path / "mine.keras")
    assert stored_file(store, shared, "winner") == b"second"
    (file,) = (tmp_path / "artifacts").iterdir()
    assert file.suffix == ".keras"
    file.unlink()
    assert stored_file(store, shared, "winner") is None


@pytest.mark.parametrize("where", ["ftp://x/y", "s3://", "s3://key:secret@bucket/x"])
def test_only_folders_and_buckets_are_taken(where):
    with pytest.raises(StorageError, match=r"a folder or s3://bucket/prefix") as caught:
        open_artifacts(where)
    assert "secret" not in str(caught.value)


@pytest.fixture
def bucket(monkeypatch):
    """An S3 server on loopback with an empty bucket; boto3 is told of it as a user would."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="nights")
    yield client
    client.close()
    server.stop()


def test_checkpoints_and_winner_travel_through_a_bucket(storage, tmp_path, bucket):
    one = Worker(storage, tmp_path, "one")
    number = one.engine.ask().number
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    store = open_artifacts("s3://nights/fashion/mnist")
    for content in (b"first", b"second"):
        (folder / "weights").write_bytes(content)
        assert CheckpointStore(store, one.shared, every=0).put(number, folder)
    (tmp_path / "model").write_bytes(b"network")
    put_file(store, one.shared, "model", tmp_path / "model")

    elsewhere = open_artifacts("s3://nights/fashion/mnist")
    assert CheckpointStore(elsewhere, one.shared).fetch(number, tmp_path / "there")

    assert (tmp_path / "there" / "weights").read_bytes() == b"second"
    assert stored_file(elsewhere, one.shared, "model") == b"network"
    keys = [item["Key"] for item in bucket.list_objects_v2(Bucket="nights")["Contents"]]
    assert len(keys) == 2  # the first checkpoint gave way to the second
    assert all(key.startswith("fashion/mnist/") for key in keys)

    for key in keys:
        bucket.delete_object(Bucket="nights", Key=key)
    assert not CheckpointStore(elsewhere, one.shared).fetch(number, tmp_path / "gone")
    assert stored_file(elsewhere, one.shared, "model") is None
    one.engine.close()
