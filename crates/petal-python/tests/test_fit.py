import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import petal
from petal import keras


def test_arrays_train_and_the_history_has_keras_keys(cnn, images):
    history = cnn().fit(*images, epochs=12, validation_split=0.25, verbose=0)
    assert list(history.epoch) == list(range(12))
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["val_accuracy"][-1] > 0.9


def test_bytes_and_floats_of_the_same_values_train_alike(cnn, images):
    seen = []
    for x in (images[0], images[0].astype(np.float64), np.asfortranarray(images[0]), images[0][::-1][::-1]):
        keras.utils.set_random_seed(1)
        keras.utils.clear_session()
        seen.append(cnn().fit(x, images[1], epochs=2, verbose=0).history)
    assert all(one == seen[0] for one in seen)


def batches(images):
    for at in range(0, 60, 16):
        yield images[0][at : at + 16], images[1][at : at + 16]


class Sequence:
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return list(batches(self.images))[i]


@pytest.mark.parametrize(
    "source",
    [
        lambda images: batches(images),
        lambda images: list(batches(images)),
        lambda images: Sequence(images),
        lambda images: petal.Dataset.from_tensor_slices(images).batch(16),
        lambda images: petal.Dataset.from_tensor_slices(images).batch(16).map(lambda x, y: (x, y)).cache().prefetch(1),
    ],
)
def test_whatever_gives_batches_trains_as_arrays_do(cnn, images, source):
    def trained(fit):
        keras.utils.set_random_seed(3)
        keras.utils.clear_session()
        model = cnn()
        fit(model)
        return model.evaluate(*images, verbose=0)

    of_arrays = trained(lambda model: model.fit(*images, batch_size=16, epochs=3, shuffle=False, verbose=0))
    assert trained(lambda model: model.fit(source(images), epochs=3, verbose=0)) == of_arrays


def test_an_endless_generator_goes_on_from_epoch_to_epoch(cnn, images):
    given = []

    def endless():
        while True:
            for batch in batches(images):
                given.append(len(batch[0]))
                yield batch

    cnn().fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
    # One to look at its shape, which is trained on too, and at most two ahead in each epoch.
    assert 6 <= len(given) <= 11


def test_outputs_and_figures_of_data_are_those_of_its_arrays(cnn, images):
    model = cnn()
    data = petal.Dataset.from_tensor_slices(images).batch(16)
    assert np.array_equal(model.predict(data), model.predict(images[0]))
    assert model.evaluate(data, verbose=0) == pytest.approx(model.evaluate(*images, verbose=0), rel=1e-6)
    assert set(model.evaluate(data, verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_metrics_have_the_names_that_compile_was_given(cnn, images):
    model = cnn()
    metrics = [keras.metrics.SparseCategoricalAccuracy(), keras.metrics.SparseTopKCategoricalAccuracy(2)]
    model.compile(optimizer="adam", loss=model.loss, metrics=metrics)
    stop = keras.callbacks.EarlyStopping("val_sparse_categorical_accuracy", patience=5)
    history = model.fit(*images, validation_data=images, verbose=0, callbacks=[stop]).history
    assert "val_sparse_top_k_categorical_accuracy" in history and "sparse_categorical_accuracy" in history


class Everything(keras.callbacks.Callback):
    """Writes down which hooks are called."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("train begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(f"epoch {epoch} begin")

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"batch {batch} end {'loss' in logs}")

    def on_test_begin(self, logs=None):
        self.seen.append("test begin")

    def on_test_end(self, logs=None):
        self.seen.append(f"test end {sorted(logs)}")

    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 1.5
        self.seen.append(f"epoch {epoch} end {self.model.predict(np.zeros((1, 16, 16, 3))).shape}")

    def on_train_end(self, logs=None):
        self.seen.append("train end")


def test_a_callback_in_python_sees_every_hook_and_the_model(cnn, images):
    callback = Everything()
    history = cnn().fit(*images, batch_size=30, validation_data=images, callbacks=[callback], verbose=0).history
    assert callback.seen == [
        "train begin", "epoch 0 begin", "batch 0 begin", "batch 0 end True", "batch 1 begin", "batch 1 end True",
        "test begin", "test end ['accuracy', 'loss']", "epoch 0 end (1, 3)", "train end",
    ]  # fmt: skip
    assert history["mine"] == [1.5]


def test_a_callback_ends_the_training_sets_rates_and_weights(cnn, images):
    class Ends(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([one * 0 for one in self.model.get_weights()])
            self.model.stop_training = epoch == 1

    model = cnn()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(*images, epochs=9, callbacks=[Ends(), schedule], verbose=0)
    assert history.epoch == [0, 1] and not np.any(model.predict(images[0]))
    assert history.history["learning_rate"] == pytest.approx([0.015, 0.0075])
    model.optimizer.learning_rate = 0.5
    assert float(model.optimizer.learning_rate) == 0.5


def test_an_error_in_a_callback_or_a_generator_is_raised_as_it_is_and_the_model_goes_on(cnn, images):
    model = cnn()

    class Fails(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError("my mistake")

    with pytest.raises(KeyError, match="my mistake"):
        model.fit(*images, callbacks=[Fails()], verbose=0)

    class Source:
        def __iter__(self):
            yield images[0][:8], images[1][:8]
            raise LookupError("no more")

        def __len__(self):
            return 2

    with pytest.raises(LookupError, match="no more"):
        model.fit(Source(), verbose=0)
    assert model.fit(*images, verbose=0).epoch == [0]


def test_petals_own_callbacks_run_and_tell_what_they_saw(cnn, images, tmp_path):
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=100)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = cnn().fit(*images, epochs=9, callbacks=[stop, best, log], verbose=0)
    assert history.epoch == [0, 1] and stop.stopped_epoch == 1
    assert best.best == min(history.history["loss"])
    assert keras.models.load_model(tmp_path / "best.keras").output_shape == (None, 3)
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss")


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (lambda i: i[0], lambda i: i[1] + 1, "0 to 2"),
        (lambda i: i[0], lambda i: i[1] - 1, "0 to 2"),
        (lambda i: i[0], lambda i: i[1] + 0.5, "class numbers"),
        (lambda i: i[0], lambda i: np.eye(3)[i[1]], "CategoricalCrossentropy"),
        (lambda i: i[0][:5], lambda i: i[1], "5 samples and y 60"),
        (lambda i: i[0][:, :9], lambda i: i[1], "9, 16, 3"),
        (lambda i: i[0][:0], lambda i: i[1][:0], "empty"),
        (lambda i: np.array(["a", "b"]), lambda i: i[1][:2], "dtype"),
        (lambda i: None, lambda i: None, "NoneType"),
        (lambda i: i[0], lambda i: None, "y is missing"),
    ],
)
def test_data_that_cannot_be_trained_on_says_why_and_the_model_goes_on(cnn, images, x, y, words):
    model = cnn()
    with pytest.raises(ValueError, match=words):
        model.fit(x(images), y(images), verbose=0)
    assert model.fit(*images, verbose=0).epoch == [0]


def test_a_training_that_diverges_says_so_and_keeps_the_last_numbers(cnn, images):
    model = cnn()
    with pytest.raises(FloatingPointError, match="diverged"):
        model.fit(np.full((8, 16, 16, 3), np.nan), images[1][:8], verbose=0)
    assert np.isfinite(model.predict(images[0])).all()


def test_while_one_thread_trains_others_run_and_the_model_says_that_it_is_in_use(cnn, images):
    model, counted, problems = cnn(), 0, []
    done = threading.Event()

    def train():
        model.fit(*images, epochs=300, verbose=0)
        done.set()

    thread = threading.Thread(target=train)
    thread.start()
    while not done.is_set():
        counted += 1
        try:
            model.predict(images[0])
        except ValueError as problem:
            problems.append(str(problem))
        time.sleep(0.001)
    thread.join()
    assert counted > 3 and any("being trained" in one for one in problems)


def test_ctrl_c_ends_fit_within_a_step_and_the_model_keeps_what_it_learned(tmp_path):
    program = textwrap.dedent("""
        import numpy as np
        from petal import keras
        from petal.keras import layers
        model = keras.Sequential([keras.Input((64, 64, 3)), layers.Conv2D(16, 3), layers.GlobalMaxPooling2D(), layers.Dense(2)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        x, y = np.random.rand(512, 64, 64, 3), np.arange(512) % 2
        before = model.get_weights()[0]
        try:
            model.fit(x, y, epochs=10_000, verbose=2)
        except KeyboardInterrupt:
            print("interrupted", bool((model.get_weights()[0] != before).any()), model.predict(x[:1]).shape, flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("Epoch 2"):
            process.send_signal(signal.SIGINT)
        if line.startswith("interrupted"):
            assert line.split() == ["interrupted", "True", "(1,", "2)"]
            break
    else:
        pytest.fail("the training didn't say that it was interrupted")
    assert process.wait() == 0


def test_a_sample_that_weighs_nothing_is_not_learned():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    x, y = np.zeros((2, 1)), np.array([[1.0], [9.0]])
    model.fit(x, y, sample_weight=np.array([1.0, 0.0]), epochs=80, verbose=0)
    assert model.layers[0].bias.numpy()[0] == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(x, y, sample_weight=[1.0], verbose=0)
