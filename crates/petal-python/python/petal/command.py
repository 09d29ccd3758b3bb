"""What the command `petal` does, as functions: each runs it in a process of its own and shows what it says.

Options are those of the command (`petal train --help`), with underscores: `petal.train("photos", epochs=5,
model="mobilenet-v2", fit_head=True)`.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

_ERROR_BEGINS = "petal: "


def train(folder=None, **options):
    """Trains a classifier on a folder of photos by the best recipe, or as the options say; returns the `Run`."""
    output = pathlib.Path(options.pop("output", None) or _free_run(folder))
    _run("train", *([] if folder is None else [folder]), output=output, **options)
    return Run(output)


def report(run):
    """The report of a run, a page; in a notebook it is shown."""
    return Page((run.path if isinstance(run, Run) else pathlib.Path(run)) / "report.html")


def explain(model, photo, output="explanation.png", **options):
    """A picture of what a model looks at in a photo."""
    _run("explain", _model(model), photo, output=output, **options)
    return pathlib.Path(output)


def clean(folder, output="clean.html", **options):
    """A page of what is wrong with a folder of photos: copies, wrong labels, outliers."""
    _run("clean", folder, output=output, **options)
    return Page(output)


def evaluate(model, folder=None, **options):
    """Loss, metrics and a table of the classes on labelled photos, a dict."""
    said = _run("evaluate", _model(model), *([] if folder is None else [folder]), json=True, show=False, **options)
    return json.loads(said)


def export(model, output, **options):
    """Writes a model for other programs: ONNX, Keras' files, or a folder with a page for the browser."""
    _run("export", _model(model), output=output, **options)
    return pathlib.Path(output)


def serve(model, **options):
    """A page and an API that classify photos; returns the process, whose `terminate()` ends it."""
    return subprocess.Popen(_command("serve", [_model(model)], options))


class Run:
    """A training's folder: model, history, report."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    @property
    def model(self):
        """The model, as `keras.models.load_model` gives it."""
        from .keras.models import load_model

        return load_model(self.path / "model.petal")

    @property
    def history(self):
        """Epochs and what they gave, a dict of lists."""
        return json.loads((self.path / "history.json").read_text())["values"]

    @property
    def report(self):
        """The report, a page."""
        return report(self)

    def _repr_html_(self):
        return self.report._repr_html_()

    def __fspath__(self):
        return os.fspath(self.path)

    def __repr__(self):
        return f"<Run {self.path}>"


class Page(type(pathlib.Path())):  # type: ignore[misc]
    """A page that a notebook shows."""

    def _repr_html_(self):
        import html

        return f'<iframe srcdoc="{html.escape(self.read_text())}" width="100%" height="800" frameborder="0"></iframe>'


def _free_run(folder):
    """`runs/photos-1`, or the next that isn't there."""
    name = "sample" if folder is None else pathlib.Path(folder).resolve().name
    number = 1
    while (path := pathlib.Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path


def _model(model):
    """A model's file; one of `petal.keras` is not one, since it is in memory."""
    if not isinstance(model, (str, os.PathLike)):
        raise ValueError(f"expected the file or the run of a model, got {type(model).__name__}; save it first, model.save(…)")
    return model


def _command(command, arguments, options):
    words = [sys.executable, "-m", "petal", command, *map(os.fspath, arguments)]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            values = value if isinstance(value, (list, tuple)) else [value]
            words.extend([option, ",".join(str(one) for one in values)])
    return words


def _run(command, *arguments, show=True, **options):
    """Runs the command, shows what it says as it comes, and returns its answer."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        _command(command, arguments, options),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT if show else subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    said = []
    try:
        if show:
            for line in process.stdout:
                said.append(line)
                print(line, end="", flush=True)
            complaints = "".join(said)
        else:
            answer, complaints = process.communicate()
            said.append(answer)
        code = process.wait()
    except KeyboardInterrupt:
        # It saves what it has learned.
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    if code:
        problem = [line for line in complaints.splitlines() if line.startswith(_ERROR_BEGINS) or line.startswith("error:")]
        raise ValueError(problem[-1].removeprefix(_ERROR_BEGINS) if problem else f"petal {command} ended with {code}")
    return "".join(said)
