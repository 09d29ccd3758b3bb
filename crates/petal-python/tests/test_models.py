import copy
import pickle

import numpy as np
import pytest

from conftest import shared
from petal import keras
from petal.keras import layers


def base():
    x = keras.Input((16, 16, 3))
    h = layers.Conv2D(4, 3, name="first")(x)
    h = layers.BatchNormalization(name="norm")(h)
    return keras.Model(x, layers.Conv2D(5, 3, name="last")(h), name="base")


def on_top(inner, **call):
    x = keras.Input((16, 16, 3))
    h = layers.GlobalAveragePooling2D()(inner(x, **call))
    model = keras.Model(x, layers.Dense(3)(h))
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def test_a_frozen_base_stays_and_a_trained_one_changes_in_both_models(images):
    inner = base()
    inner.trainable = False
    model = on_top(inner, training=False)
    before = inner.get_layer("last").get_weights()[0]
    model.fit(*images, verbose=0)
    assert np.array_equal(inner.get_layer("last").get_weights()[0], before)

    inner.trainable = True
    for layer in inner.layers[:3]:
        layer.trainable = False
    assert [layer.trainable for layer in inner.layers] == [False, False, False, True]
    model.compile(optimizer="sgd", loss=model.loss)
    first = inner.get_layer("first").get_weights()[0]
    model.fit(*images, verbose=0)
    assert not np.array_equal(inner.get_layer("last").get_weights()[0], before)
    assert np.array_equal(inner.get_layer("first").get_weights()[0], first)
    # The base computes with what the model around it has learned.
    x = images[0][:4].astype(np.float32)
    part = keras.Model(model.input, model.layers[2].input)
    assert np.array_equal(inner.predict(x), part.predict(x))


def test_weights_that_are_set_in_the_base_are_those_of_the_model_around_it(images):
    inner = base()
    model = on_top(inner)
    x = images[0][:2].astype(np.float32)
    before = model.predict(x)
    inner.get_layer("last").set_weights([w * 0 + 1 for w in inner.get_layer("last").get_weights()])
    assert not np.array_equal(model.predict(x), before)


def test_a_model_is_cut_at_a_layer_by_its_output(images):
    whole = base()
    head = keras.Model(whole.input, whole.get_layer("first").output)
    assert head.output_shape == (None, 14, 14, 4)
    kernel, bias = whole.get_layer("first").get_weights()
    x = images[0][:1].astype(np.float32)
    assert np.allclose(head.predict(x)[0, 0, 0], np.tensordot(x[0, :3, :3], kernel, 3) + bias, atol=1e-3)


def test_a_sequential_grows_and_shrinks_with_its_weights():
    model = keras.Sequential()
    model.add(layers.Dense(4, input_shape=(3,)))
    kernel = model.layers[0].get_weights()[0]
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2) and np.array_equal(model.layers[0].get_weights()[0], kernel)
    model.pop()
    assert model.output_shape == (None, 4) and np.array_equal(model.get_weights()[0], kernel)


def test_a_sequential_without_input_is_built_by_data(images):
    model = keras.Sequential([layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="before it is built"):
        model.output_shape
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images[0] / 255, images[1], verbose=0)
    assert model.output_shape == (None, 3)


def test_summary_is_keras_table(capsys):
    base().summary(show_trainable=True)
    printed = capsys.readouterr().out
    assert 'Model: "base"' in printed and "first (Conv2D)" in printed and "Total params: 313" in printed


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_predicts_the_same_and_trains_by_itself(cnn, images, copied):
    model = cnn()
    twin = copied(model)
    before = model.predict(images[0])
    assert np.array_equal(twin.predict(images[0]), before)
    assert "accuracy" in twin.fit(*images, verbose=0).history
    assert np.array_equal(model.predict(images[0]), before)


@pytest.mark.parametrize("ending", ["keras", "h5", "petal"])
def test_a_file_gives_the_model_back_ready_to_train(cnn, images, tmp_path, ending):
    model = cnn()
    model.fit(*images, epochs=2, verbose=0)
    model.save(tmp_path / f"model.{ending}")
    again = keras.models.load_model(tmp_path / f"model.{ending}")
    assert np.allclose(again.predict(images[0]), model.predict(images[0]), atol=1e-6)
    assert [type(one) for one in again.layers] == [type(one) for one in model.layers]
    assert float(again.optimizer.learning_rate) == pytest.approx(0.03)
    assert again.fit(*images, verbose=0).epoch == [0]


def test_weights_alone_are_saved_and_loaded(cnn, images, tmp_path):
    model, other = cnn(), cnn()
    model.save_weights(tmp_path / "w.weights.h5")
    assert not np.array_equal(other.predict(images[0]), model.predict(images[0]))
    other.load_weights(tmp_path / "w.weights.h5")
    assert np.array_equal(other.predict(images[0]), model.predict(images[0]))


def test_what_keras_has_saved_predicts_what_keras_predicted():
    arrays = np.load(next(shared("data/keras-files").glob("*.npz")))
    model = keras.models.load_model(next(shared("data/keras-files").glob("*.keras")))
    names = {len(arrays[name].shape): name for name in arrays.files}
    outputs = model.predict(arrays[names[max(names)]].astype(np.float32))
    assert any(np.allclose(outputs, arrays[name], atol=1e-5) for name in arrays.files if arrays[name].shape == outputs.shape)


def test_networks_of_keras_applications_have_their_layers_names_and_preprocessing():
    network = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None)
    assert (len(network.layers), network.layers[100].name, network.name) == (154, "block_11_expand_relu", "mobilenetv2_1.00_96")
    # Its output goes on, as notebooks without `training=False` have it.
    model = keras.Model(network.input, layers.Dense(2)(layers.GlobalAveragePooling2D()(network.output)))
    assert model.count_params() == 2_257_984 + 2 * 1281
    kernel = network.get_layer("Conv1").get_weights()[0]
    assert np.array_equal(model.get_layer("Conv1").get_weights()[0], kernel)
    pixels = np.array([[[[0.0, 127.5, 255.0]]]])
    assert keras.applications.mobilenet_v2.preprocess_input(pixels).tolist() == [[[[-1, 0, 1]]]]
    assert np.allclose(keras.applications.vgg16.preprocess_input(pixels), [[[[255 - 103.939, 127.5 - 116.779, -123.68]]]])
    assert keras.applications.mobilenet_v2.decode_predictions(np.eye(1000)[[985]], top=1)[0][0][1] == "daisy"


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: keras.Model([keras.Input((3,)), keras.Input((3,))], keras.Input((3,))), "one input"),
        (lambda: keras.models.load_model("nowhere.keras"), "nowhere.keras"),
        (lambda: keras.applications.MobileNetV2(input_shape=(8, 8, 3), weights=None), "32"),
        (lambda: base().get_layer("middle"), "middle"),
        (lambda: base()(np.zeros((1, 3, 3, 3))), "16, 16, 3"),
    ],
)
def test_what_cannot_be_built_says_what_was_found(build, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        build()


def test_a_layer_with_weights_cannot_be_called_twice_in_one_model():
    dense, relu = layers.Dense(3), layers.ReLU()
    x = keras.Input((3,))
    # One without weights can.
    assert keras.Model(x, relu(layers.Dense(3)(relu(x)))).output_shape == (None, 3)
    dense(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="called twice"):
        dense(dense(x))
