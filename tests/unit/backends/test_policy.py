import sys

import pytest

from fmnist.backends.policy import has_bfloat16, policy_for
from fmnist.errors import UserError

INTEL = "processor\t: 0\nmodel name\t: A\nflags\t\t: fpu sse2 avx512f {}avx512_vnni\n\n"


@pytest.fixture(autouse=True)
def unasked(monkeypatch):
    monkeypatch.delenv("FMNIST_PRECISION", raising=False)


@pytest.fixture(params=[True, False], ids=["bfloat16", "float32"])
def fast(request, monkeypatch):
    """Whether the processor multiplies bfloat16."""
    # By its full name, since the package has a function of the module's name.
    module = sys.modules["fmnist.backends.policy"]
    monkeypatch.setattr(module, "has_bfloat16", lambda: request.param)
    return request.param


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (INTEL.format("avx512_bf16 ") * 2, True),
        (INTEL.format("amx_bf16 "), True),
        (INTEL.format("") * 2, False),
        (INTEL.format("avx512_bf16x "), False),
        ("flags:\n", False),
        ("", False),
        # No measurement stands behind ARM's own flag.
        ("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\nCPU implementer\t: 0x41\n", False),
    ],
)
def test_the_processor_says_what_it_multiplies(tmp_path, text, found):
    (tmp_path / "cpuinfo").write_text(text)
    assert has_bfloat16(tmp_path / "cpuinfo") is found


def test_a_system_that_does_not_say(tmp_path):
    assert has_bfloat16(tmp_path / "cpuinfo") is False
    assert has_bfloat16(tmp_path) is False  # a folder
    (tmp_path / "cpuinfo").write_bytes(b"\xff\xfe\nflags\t: avx512_bf16\n")
    assert has_bfloat16(tmp_path / "cpuinfo") is True


@pytest.mark.parametrize(
    ("backend", "device", "fused", "xla", "scan"),
    [
        ("tensorflow", "CPU", True, False, False),
        ("tensorflow", "GPU:0", True, True, False),
        ("jax", "CPU", False, True, False),
        ("jax", "GPU:0", False, True, True),
        ("jax", "TPU:0", False, True, True),
    ],
)
def test_what_is_decided(fast, backend, device, fused, xla, scan):
    found = policy_for(backend, device)
    assert (found.fused_normalisation, found.xla, found.scan) == (fused, xla, scan)
    sixteen = fast and (backend, device) == ("tensorflow", "CPU")
    assert found.precision == ("mixed_bfloat16" if sixteen else "float32")


@pytest.mark.parametrize(
    ("asked", "precision"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")]
)
@pytest.mark.parametrize(("backend", "device"), [("tensorflow", "CPU"), ("jax", "GPU:0")])
def test_the_precision_that_is_asked_for(monkeypatch, fast, asked, precision, backend, device):
    usual = policy_for(backend, device)
    monkeypatch.setenv("FMNIST_PRECISION", asked)
    found = policy_for(backend, device)
    assert found.precision == precision
    assert (found.xla, found.scan) == (usual.xla, usual.scan)


def test_an_empty_wish_is_none(monkeypatch, fast):
    usual = policy_for("tensorflow", "CPU")
    monkeypatch.setenv("FMNIST_PRECISION", "")
    assert policy_for("tensorflow", "CPU") == usual


def test_an_unknown_precision_is_refused(monkeypatch):
    monkeypatch.setenv("FMNIST_PRECISION", "float16")
    message = r"FMNIST_PRECISION = 'float16': must be one of float32, bfloat16, or unset"
    with pytest.raises(UserError, match=message):
        policy_for("tensorflow", "CPU")


def test_the_module_is_not_hidden_by_a_function_of_its_name():
    import fmnist.backends.policy
    from fmnist import backends as backend

    assert backend.policy is fmnist.backends.policy
    assert backend.policy.policy_for is policy_for
