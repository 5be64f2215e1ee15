import sys

import pytest

from fmnist.backends.policy import policy_for, processor_flags
from fmnist.errors import UserError

INTEL = "processor\t: 0\nmodel name\t: A\nflags\t\t: fpu sse2 avx512f {}avx512_vnni\n\n"


@pytest.fixture(autouse=True)
def unasked(monkeypatch):
    monkeypatch.delenv("FMNIST_PRECISION", raising=False)


@pytest.fixture(params=["amx_bf16", "avx512_bf16", "avx512_bf16x"])
def flag(request, monkeypatch):
    """What the processor can do."""
    # By its full name, since the package has a function of the module's name.
    module = sys.modules["fmnist.backends.policy"]
    monkeypatch.setattr(module, "processor_flags", lambda: frozenset({"fpu", request.param}))
    return request.param


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (INTEL.format("avx512_bf16 ") * 2, "fpu sse2 avx512f avx512_bf16 avx512_vnni"),
        (INTEL.format("amx_bf16 "), "fpu sse2 avx512f amx_bf16 avx512_vnni"),
        (INTEL.format(""), "fpu sse2 avx512f avx512_vnni"),
        ("flags:\n", ""),
        ("", ""),
        # No measurement stands behind ARM's own flag.
        ("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\nCPU implementer\t: 0x41\n", ""),
    ],
)
def test_the_processor_says_what_it_can_do(tmp_path, text, found):
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_flags(tmp_path / "cpuinfo") == frozenset(found.split())


def test_a_system_that_does_not_say(tmp_path):
    assert not processor_flags(tmp_path / "cpuinfo")
    assert not processor_flags(tmp_path)  # a folder
    (tmp_path / "cpuinfo").write_bytes(b"\xff\xfe\nflags\t: avx512_bf16\n")
    assert processor_flags(tmp_path / "cpuinfo") == {"avx512_bf16"}


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
def test_what_is_decided(flag, backend, device, fused, xla, scan):
    found = policy_for(backend, device)
    assert (found.fused, found.xla, found.scan) == (fused, xla, scan)
    here = (backend, device) == ("tensorflow", "CPU")
    sixteen = here and flag in ("amx_bf16", "avx512_bf16")
    assert found.precision == ("mixed_bfloat16" if sixteen else "float32")
    assert found.images_first == (here and flag == "amx_bf16")


@pytest.mark.parametrize(
    ("asked", "precision"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")]
)
@pytest.mark.parametrize(("backend", "device"), [("tensorflow", "CPU"), ("jax", "GPU:0")])
def test_the_precision_that_is_asked_for(monkeypatch, flag, asked, precision, backend, device):
    usual = policy_for(backend, device)
    monkeypatch.setenv("FMNIST_PRECISION", asked)
    found = policy_for(backend, device)
    assert found.precision == precision
    assert (found.xla, found.scan) == (usual.xla, usual.scan)
    assert found.images_first == (usual.images_first and asked == "bfloat16")


def test_an_empty_wish_is_none(monkeypatch, flag):
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
