import numpy as np
import pytest

from petal import keras
from petal.keras import layers

IMAGE = (8, 8, 3)
# Settings of the layers that need some.
SETTINGS = {
    "Dense": [4], "Activation": ["relu"], "Conv2D": [4, 3], "DepthwiseConv2D": [3], "SeparableConv2D": [4, 3],
    "AveragePooling2D": [2], "Dropout": [0.5], "SpatialDropout2D": [0.5], "GaussianDropout": [0.5], "GaussianNoise": [0.1],
    "AlphaDropout": [0.5], "Reshape": [(64, 3)], "Permute": [(2, 1, 3)], "Rescaling": [0.5], "Resizing": [4, 6],
    "CenterCrop": [4, 4], "RandomCrop": [4, 4], "RandomRotation": [0.1], "RandomZoom": [0.1], "RandomTranslation": [0.1, 0.1],
    "RandomBrightness": [0.1], "RandomContrast": [0.1], "RandomColorDegeneration": [0.1], "RandomHue": [0.1],
    "RandomPosterization": [4], "RandomSaturation": [0.1], "RandomSharpness": [0.1], "GroupNormalization": [3],
    "Normalization": [-1, [0.0] * 3, [1.0] * 3],
}  # fmt: skip
MERGING = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
# Mix several samples with their labels, which a model of one input cannot.
OF_PAIRS = {"MixUp", "CutMix"}
CLASSES = sorted(
    {one.__name__ for one in vars(layers).values() if isinstance(one, type) and issubclass(one, layers.Layer)}
    - {"Layer", "InputLayer"} - OF_PAIRS
)  # fmt: skip


def made(name):
    return getattr(layers, name)(*SETTINGS.get(name, []))


@pytest.mark.parametrize("name", CLASSES)
def test_every_layer_goes_into_a_model_that_predicts_and_comes_back_from_its_settings(name):
    x = keras.Input(IMAGE)
    y = made(name)([x, layers.Identity()(x)] if name in MERGING else x)
    model = keras.Model(x, y)
    outputs = model.predict(np.random.default_rng(0).uniform(0, 255, (2, *IMAGE)).astype(np.float32))
    assert outputs.shape == (2, *model.output_shape[1:])
    again = keras.models.model_from_json(model.to_json())
    assert again.output_shape == model.output_shape and again.count_params() == model.count_params()


def test_dense_computes_activation_of_product_and_bias():
    layer = layers.Dense(2, activation="relu", kernel_initializer="ones", bias_initializer=keras.initializers.Constant(-5))
    assert layer(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[0, 0], [2, 2]]
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 2, bias])
    assert layer(np.array([[3.0, 4.0]])).tolist() == [[9, 9]]


def test_augmentation_acts_on_images_outside_of_a_model_each_time_in_another_way():
    flip = keras.Sequential([layers.RandomFlip("horizontal", input_shape=IMAGE), layers.RandomRotation(0.2)])
    image = np.arange(np.prod(IMAGE), dtype=np.float32).reshape(1, *IMAGE)
    seen = {flip(image).numpy().tobytes() for _ in range(10)}
    assert len(seen) > 5
    assert np.array_equal(flip(image, training=False), image)


def test_arithmetic_on_symbolic_tensors_is_scaling():
    x = keras.Input(IMAGE)
    model = keras.Model(x, (2 * x - 1.0) / 4 + x)
    values = np.full((1, *IMAGE), 3.0, np.float32)
    assert np.allclose(model.predict(values), (2 * 3 - 1) / 4 + 3)


def test_a_layers_settings_and_weights_are_its_attributes():
    layer = layers.Conv2D(4, 3, activation="relu")
    assert (layer.filters, layer.kernel_size, layer.activation(np.array([-1.0])).tolist()) == (4, 3, [0])
    layer.build((None, *IMAGE))
    assert layer.kernel.shape == (3, 3, 3, 4) and layer.bias.numpy().tolist() == [0] * 4
    with pytest.raises(AttributeError, match="gamma"):
        layer.gamma


def test_names_are_counted_as_in_keras():
    assert [layers.Dense(1).name, layers.Dense(1).name, layers.Conv2D(1, 1).name] == ["dense", "dense_1", "conv2d"]
    assert layers.MaxPooling2D().name == "max_pooling2d"
    assert layers.ReLU().name == "re_lu"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.Dense(3, unit=4), TypeError, "'unit'"),
        (lambda: layers.Dense("many")(keras.Input((3,))), ValueError, "Dense"),
        (lambda: layers.Conv2D(4, 3)(keras.Input((3,))), ValueError, "expected images"),
        (lambda: layers.Dense(3, activation="sine"), ValueError, "sine"),
        (lambda: layers.Dense(3, kernel_initializer="orthogonal"), ValueError, "orthogonal"),
        (lambda: keras.Input((None, None, 3)), ValueError, "each size is a number"),
        (lambda: layers.Add()([keras.Input((3,)), np.ones(3)]), ValueError, "KerasTensors and values"),
        (lambda: type("Mine", (layers.Layer,), {})(), NotImplementedError, "Mine"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_name(make, error, words):
    with pytest.raises(error, match=words):
        made = make()
        if isinstance(made, layers.Layer):
            made(keras.Input((3,)))
