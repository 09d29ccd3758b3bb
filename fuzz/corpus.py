#!/usr/bin/env python3
"""Writes the files that the fuzzers begin with into fuzz/corpus/TARGET.

    fuzz/corpus.py PETAL

PETAL is the binary, whose own models and photos are among them; the others are the tests' files and small archives.
Needs nothing but Python.
"""
import gzip
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

here = pathlib.Path(__file__).resolve().parent
fixtures = here.parent / "crates/petal/tests/fixtures"
# Larger ones slow the fuzzers down, and what is special in a file is rarely far from its beginning.
LARGEST = 200_000


def write(target, name, content):
    if len(content) <= LARGEST:
        folder = here / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def found(*endings):
    for ending in endings:
        yield from sorted(fixtures.rglob(f"*{ending}"))


def keras_files():
    for path in found(".keras"):
        write("keras", path.name, path.read_bytes())
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if "config.json" in archive.namelist():
                    write("keras_config", f"{path.parent.name}-{path.stem}.json", archive.read("config.json"))
                if "model.weights.h5" in archive.namelist():
                    write("h5", f"{path.parent.name}-{path.stem}.weights.h5", archive.read("model.weights.h5"))
    for path in found(".h5"):
        write("h5", path.name, path.read_bytes())


def photos(samples):
    names = found(".jpg", ".png", ".gif", ".bmp", ".webp")
    for i, path in enumerate([*names, *sorted(samples.rglob("*.jpg"))]):
        # The first byte chooses the colours and the proportions.
        write("photos", f"{i}-{path.name}", bytes([i % 9]) + path.read_bytes())


def models(petal, folder):
    """Trained for one epoch at a size that keeps them small."""
    for name, arguments in {"cnn": [], "regularized": ["--model", "cnn-regularized"]}.items():
        output = folder / name
        command = [petal, "train", "samples", "--image-size", "8", "--epochs", "1", "--quiet", "-o", output]
        subprocess.run(command + arguments, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        write_small_models(output, name)


def write_small_models(output, name):
    """A model's weights are most of its file; the fuzzers need its head."""
    for path in sorted(output.glob("[!.]*.petal")):
        content = path.read_bytes()
        folder = here / "corpus/petal_file"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}-{path.name}").write_bytes(content)


def archives():
    files = {"photos/daisy/1.jpg": b"one" * 300, "photos/roses/2.jpg": bytes(range(256)) * 3, "photos/readme": b""}
    long = {"photos/" + "a" * 120 + "/" + "b" * 120 + ".jpg": b"long"}
    for name, layout in {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}.items():
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=layout) as archive:
            folder = tarfile.TarInfo("photos")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for path, data in (files | (long if name != "ustar" else {})).items():
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            if name == "gnu":
                link = tarfile.TarInfo("photos/link")
                link.type, link.linkname = tarfile.SYMTYPE, "../.."
                archive.addfile(link)
        write("archives", f"{name}.tar", content.getvalue())
        write("archives", f"{name}.tar.gz", gzip.compress(content.getvalue(), mtime=0))
    for name, method in {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.items():
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            archive.mkdir("photos")
            for path, data in files.items():
                archive.writestr(path, data)
        write("archives", f"{name}.zip", content.getvalue())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    petal = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([petal, "sample-data", "samples", "--per-class", "8"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        photos(folder / "samples")
        models(petal, folder)
    keras_files()
    archives()
    for target in sorted((here / "corpus").iterdir()):
        print(f"{target.name}: {sum(1 for _ in target.iterdir())} files")
