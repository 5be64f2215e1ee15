"""Settings found on a machine do not change the numbers; one in the way is named."""

import pytest

from fmnist import backends
from fmnist.errors import UserError


def test_settings_of_keras_do_not_count():
    backends.configure()
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_epsilon(0.1)
    keras.config.set_image_data_format("channels_first")
    backends.configure()
    assert keras.config.floatx() == "float32"
    assert keras.config.epsilon() == 1e-7
    assert keras.config.image_data_format() == "channels_last"
    assert keras.layers.Dense(3).dtype_policy.name == "float32"


def test_settings_that_keras_refuses_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with (
        pytest.raises(UserError, match=f"{tmp_path}/keras.json; mend or remove it"),
        backends._keras_settings_named(),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("name", "words"),
    [("theano", "set KERAS_BACKEND to tensorflow or jax"), ("jax", "pip install")],
)
def test_a_backend_that_cannot_be_used_is_named(monkeypatch, name, words):
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=words):
        backends.chosen()
