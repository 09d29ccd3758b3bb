import numpy as np
import pytest

import petal
from petal import keras


def test_a_folder_of_photos_is_two_data_sets_and_the_broken_photo_is_named(photos, capsys):
    train, val = keras.utils.image_dataset_from_directory(
        photos, validation_split=0.2, subset="both", seed=42, image_size=(20, 24), batch_size=8
    )
    printed = capsys.readouterr().out
    assert "belonging to 2 classes" in printed and "broken.jpg" in printed
    assert train.class_names == ["grass", "sky"]
    images, labels = next(iter(train))
    assert images.shape == (8, 20, 24, 3) and images.dtype == np.float32
    assert labels.dtype == np.int32 and train.class_names[labels[0]] in ("grass", "sky")
    # As notebooks look at them.
    assert images[0].numpy().astype("uint8").shape == (20, 24, 3)
    assert int(labels[0].numpy()) == labels[0]
    assert len(train) == 3 and sum(len(labels) for _, labels in train) == 19
    assert len(list(train.take(1))) == 1


def test_photos_train_with_a_mapped_data_set_as_without(photos):
    train = keras.utils.image_dataset_from_directory(photos, image_size=(16, 16), shuffle=False, verbose=False)
    scale = keras.layers.Rescaling(1 / 255)

    def fitted(data, first):
        keras.utils.set_random_seed(5)
        keras.utils.clear_session()
        model = keras.Sequential([keras.Input((16, 16, 3)), *first, keras.layers.Flatten(), keras.layers.Dense(2)])
        model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(data, epochs=2, verbose=0).history["loss"]

    own = fitted(train.cache().shuffle(100).prefetch(buffer_size=-1), [keras.layers.Rescaling(1 / 255)])
    mapped = fitted(train.map(lambda x, y: (scale(x), y)), [])
    assert own == pytest.approx(mapped, rel=1e-5)


@pytest.mark.parametrize(
    ("label_mode", "shape", "dtype"), [("int", (8,), np.int32), ("categorical", (8, 2), np.float32), ("binary", (8, 1), np.float32)]
)
def test_labels_have_the_form_that_was_asked_for(photos, label_mode, shape, dtype):
    data = keras.utils.image_dataset_from_directory(photos, label_mode=label_mode, image_size=(8, 8), batch_size=8, verbose=0)
    labels = next(iter(data))[1]
    assert labels.shape == shape and labels.dtype == dtype
    if label_mode == "int":
        unlabelled = keras.utils.image_dataset_from_directory(photos, labels=None, image_size=(8, 8), batch_size=8, verbose=0)
        assert next(iter(unlabelled)).shape == (8, 8, 8, 3)


def test_elements_go_through_map_filter_batch_take_skip_repeat_and_back():
    data = petal.Dataset.range(10)
    assert [int(x) for x in data.map(lambda x: x * 2).filter(lambda x: x > 4).take(3)] == [6, 8, 10]
    assert [one.tolist() for one in data.batch(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(data.batch(4, drop_remainder=True)) == 2 and len(data.skip(7)) == 3
    assert [int(x) for x in data.batch(4).unbatch()] == list(range(10))
    assert [int(x) for x in data.take(2).repeat(2)] == [0, 1, 0, 1]
    shuffled = data.shuffle(10, seed=1)
    assert sorted(int(x) for x in shuffled) == list(range(10)) and list(shuffled) != list(shuffled)
    drawn = []
    cached = data.map(lambda x: drawn.append(1) or x).cache()
    assert list(cached) == list(cached) and len(drawn) == 10
    with pytest.raises(AttributeError, match="interleave.*has.*batch"):
        data.interleave


def test_a_photo_is_loaded_and_made_an_array(photos):
    path = photos / "sky" / "00.png"
    image = keras.utils.load_img(path, target_size=(10, 12))
    assert image.size == (12, 10)
    array = keras.utils.img_to_array(image)
    assert array.shape == (10, 12, 3) and array.dtype == np.float32
    assert np.array_equal(keras.utils.to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"subset": "both"}, "validation_split"),
        ({"color_mode": "cmyk"}, "cmyk"),
        ({"subset": "test", "validation_split": 0.2}, "subset"),
        ({"validation_split": 1.5, "subset": "both", "seed": 1}, "1.5"),
        ({"class_names": ["sea", "sky"]}, "sea"),
    ],
)
def test_a_wrong_setting_is_named(photos, settings, words):
    with pytest.raises(ValueError, match=words):
        keras.utils.image_dataset_from_directory(photos, verbose=False, **settings)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        keras.utils.image_dataset_from_directory(tmp_path / "nowhere")


def test_the_older_generator_scales_augments_and_trains(photos):
    generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255, rotation_range=20, horizontal_flip=True, validation_split=0.25)
    train = generator.flow_from_directory(photos, target_size=(16, 16), batch_size=5, class_mode="binary", subset="training")
    images, labels = next(train)
    assert images.shape == (5, 16, 16, 3) and images.max() <= 1 and labels.shape == (5, 1)
    assert train.class_indices == {"grass": 0, "sky": 1} and train.samples == 18 and len(train) == 4
    plain = keras.preprocessing.image.ImageDataGenerator().flow(np.zeros((4, 16, 16, 3)) + 7, batch_size=4)
    assert next(plain).max() == 7
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    assert model.fit(train, epochs=2, verbose=0).epoch == [0, 1]
    with pytest.raises(ValueError, match="zca_whitening"):
        keras.preprocessing.image.ImageDataGenerator(zca_whitening=True)


def test_cifar_is_read_from_the_cache_and_a_file_that_would_run_code_is_refused(tmp_path, monkeypatch):
    import pickle

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rows = np.arange(2 * 3072, dtype=np.int64).astype(np.uint8).reshape(2, 3072)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (folder / name).write_bytes(pickle.dumps({b"data": rows, b"labels": [3, 4]}, protocol=3))
    monkeypatch.setattr(keras.datasets, "get_file", lambda *args, **kwargs: str(tmp_path))
    (images, labels), (test_images, _) = keras.datasets.cifar10.load_data()
    assert images.shape == (10, 32, 32, 3) and labels.shape == (10, 1) and test_images.shape == (2, 32, 32, 3)
    # Channels come one after the other in the file.
    assert images[0, 0, 1].tolist() == [rows[0, 1], rows[0, 1025], rows[0, 2049]]

    class Malicious:
        def __reduce__(self):
            return (print, ("run",))

    (folder / "test_batch").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(pickle.UnpicklingError, match="builtins.print|print"):
        keras.datasets.cifar10.load_data()


def test_files_are_listed_and_read_as_in_tensorflow(photos):
    data = petal.Dataset.list_files(str(photos / "sky" / "*.png"), shuffle=False)
    first = next(iter(data))
    assert len(data) == 12 and str(first).endswith("00.png")
    assert data.as_numpy_iterator().next() == str(first)
