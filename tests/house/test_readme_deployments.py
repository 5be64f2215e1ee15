"""The deployment examples, held against what will read them."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from requirements import require_package

from fmnist.cli.main import cli

compose_spec = require_package("compose_spec")
kubernetes_validate = require_package("kubernetes_validate")
yaml = require_package("yaml")

DISTRIBUTED = Path(__file__).parents[2] / "fmnist" / "distributed"
EXAMPLES = DISTRIBUTED / "examples"
SLURM = (EXAMPLES / "slurm.sh").read_text(encoding="utf-8")
COMPOSE = (EXAMPLES / "compose.yaml").read_text(encoding="utf-8")
SHELL = (DISTRIBUTED / "README.md").read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
MANIFESTS = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8")))
# Long options of sbatch 24.11, as far as a job like this one may need them.
SBATCH = {
    *("account", "array", "chdir", "comment", "constraint", "cpus-per-gpu", "cpus-per-task"),
    *("dependency", "error", "exclude", "exclusive", "export", "gpus", "gpus-per-node"),
    *("gpus-per-task", "gres", "hint", "input", "job-name", "licenses", "mail-type", "mail-user"),
    *("mem", "mem-per-cpu", "mem-per-gpu", "nice", "nodelist", "nodes", "ntasks"),
    *("ntasks-per-node", "open-mode", "output", "partition", "qos", "requeue", "reservation"),
    *("signal", "threads-per-core", "time", "time-min", "tmp"),
}


def called(words):
    """Run ``fmnist …`` as far as its options: unknown ones and missing values are found."""
    command, *rest = words
    with cli.commands[command].make_context(command, list(rest)) as context:
        return context.params


@pytest.mark.parametrize("script", [SHELL, SLURM], ids=["README", "Slurm"])
def test_shells_read_the_scripts(script):
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_slurm_knows_its_directives():
    lines = SLURM.splitlines()
    assert lines[0] == "#!/bin/bash"
    directives = [line for line in lines if line.startswith("#SBATCH")]
    # Below the first command they count as comments.
    assert directives == lines[1 : 1 + len(directives)]
    found = dict(re.fullmatch(r"#SBATCH --([a-z-]+)=(\S+)", line).groups() for line in directives)
    assert set(found) <= SBATCH
    assert int(found["ntasks"]) > 1
    assert re.fullmatch(r"\d\d:\d\d:\d\d", found["time"])


@pytest.mark.parametrize("script", [SHELL, SLURM], ids=["README", "Slurm"])
def test_the_scripts_call_commands_that_exist(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("FILE").touch()
    lines = re.findall(r"\bfmnist ((?:run|worker) .*)", script)
    assert [line.split()[0] for line in lines] == ["run", "worker"]
    for line in lines:
        line = line.replace("$STORAGE", "--storage-file FILE")
        params = called(shlex.split(line.replace("~/.fmnist-storage", "FILE")))
        assert params["storage_file"] == Path("FILE")
        assert "night" in (params["study"], params.get("name"))


def test_kubernetes_takes_the_manifest():
    for manifest in MANIFESTS:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_pods_call_commands_that_exist():
    names = []
    for manifest in MANIFESTS:
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        called(container["args"])
        names.append(container["args"][0])
        assert container["envFrom"] == [{"secretRef": {"name": "fmnist-storage"}}]
        mounted = {m["name"] for m in container.get("volumeMounts", ())}
        volumes = manifest["spec"]["template"]["spec"].get("volumes", ())
        assert mounted == {v["name"] for v in volumes}
    assert names == ["run", "worker"]


def test_compose_takes_the_file():
    found = compose_spec.PyCompose.from_yaml(COMPOSE)
    assert found is not None


def test_services_call_commands_that_exist():
    services = yaml.safe_load(COMPOSE)["services"]
    assert set(services) == {"db", "run", "worker"}
    for name in ("run", "worker"):
        words = services[name]["command"].split()
        assert words[0] == name
        called(words)


def test_no_file_holds_a_password():
    for text in (SHELL, *(file.read_text(encoding="utf-8") for file in EXAMPLES.iterdir())):
        assert set(re.findall(r"://\w+:([^@\s]+)@", text)) <= {"PASSWORD", "…"}


def test_the_image_holds_this_program():
    script = (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")
    instructions = re.findall(r"^([A-Z]+) ", script, re.MULTILINE)
    assert instructions[0] == "FROM"
    assert set(instructions) <= {"FROM", "RUN", "COPY", "WORKDIR", "ENTRYPOINT"}
    assert instructions[-1] == "ENTRYPOINT"


def test_help_of_the_worker_ends_with_an_example():
    output = CliRunner().invoke(cli, ["worker", "--help"]).output
    assert "Example: fmnist worker" in " ".join(output.split())
