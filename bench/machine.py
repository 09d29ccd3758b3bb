"""Says in one line on which machine, and with which versions, a measurement is made."""

import importlib.metadata
import os
import pathlib
import re
import subprocess


def processor():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        text = cpuinfo.read_text()
        name = re.search(r"model name\s*: (.*)", text)
        flags = set(re.search(r"flags\s*: (.*)", text)[1].split()) if "flags" in text else set()
        vectors = [flag for flag in ("avx2", "fma", "avx512f") if flag in flags]
        return f"{name[1] if name else 'unknown processor'} ({' '.join(vectors)})"
    return subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip()


def versions():
    for package in ("keras", "tensorflow", "torch", "onnxruntime"):
        try:
            yield f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            pass
    yield subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split(" (")[0]


print(f"{processor()}, {os.cpu_count()} cores; {', '.join(versions())}")
