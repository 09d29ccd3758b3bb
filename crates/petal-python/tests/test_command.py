import subprocess
import sys

import pytest

import petal


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short training on photos that Petal draws."""
    folder = tmp_path_factory.mktemp("command")
    petal.sample_photos(folder / "flowers", 8)
    return petal.train(
        folder / "flowers", output=folder / "run", model="cnn", image_size=32, epochs=2, validation_split=0.25, seed=1
    )


def test_a_training_is_a_run_with_model_history_and_report(run, capsys):
    assert len(run.history["val_accuracy"]) == 2
    assert run.model.output_shape == (None, 5)
    assert "<html" in run.report.read_text() and "iframe" in run._repr_html_()


def test_a_run_is_exported_explained_and_evaluated(run, tmp_path):
    photo = next((run.path.parent / "flowers" / "roses").iterdir())
    assert petal.export(run, tmp_path / "flowers.onnx").stat().st_size > 1000
    assert petal.explain(run, photo, output=tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    assert 0 <= petal.evaluate(run, run.path.parent / "flowers", output=tmp_path)["accuracy"] <= 1
    assert "html" in petal.clean(run.path.parent / "flowers", output=tmp_path / "clean.html", weights="none").read_text()


def test_what_the_command_refuses_is_an_error_with_its_words(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        petal.train(tmp_path / "nowhere", output=tmp_path / "run")
    with pytest.raises(ValueError, match="--epoks"):
        petal.train(tmp_path, output=tmp_path / "run", epoks=3)
    with pytest.raises(ValueError, match="save it first"):
        petal.export(object(), tmp_path / "x.onnx")


def test_the_command_runs_by_its_module():
    done = subprocess.run([sys.executable, "-m", "petal", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("petal")
