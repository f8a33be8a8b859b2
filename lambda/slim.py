"""Makes installed packages small and quick to import: ``python3 slim.py FOLDER [SERVICE...]``, when the image is built.

What goes is read by nobody at run time: tests, type stubs, what a compiler would take, and botocore's descriptions of
services the function never calls. Licences (``*.dist-info``) stay.
"""

from __future__ import annotations

import compileall
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

UNREAD = (".pyi", ".pxd", ".pyx", ".c", ".h", ".hpp", ".a", ".lib")
UNREAD_FOLDERS = ("bin", "boto3/examples", "numpy/_core/include", "numpy/f2py", "numpy/random/_examples")


def slim(folder: Path, services: list[str]) -> None:
    """Remove, then compile: what the image starts with needs no compiling, for its file system can't be written to."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.exists() or any(part.endswith(".dist-info") for part in inside.parts):
            continue
        if path.is_dir() and (path.name in ("tests", "__pycache__") or inside.as_posix() in UNREAD_FOLDERS):
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in UNREAD:
            path.unlink()
    data = folder / "botocore" / "data"
    for service in sorted(data.iterdir()) if services and data.is_dir() else ():
        if service.is_dir() and service.name not in services:
            shutil.rmtree(service)
    # By the source's hash and never checked again: the same bytes in every build, whatever the time of day.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, force=True, workers=0, invalidation_mode=mode):
        sys.exit(f"{folder}: not everything could be compiled")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # Lambda's user, whoever it is, has to read all of it


if __name__ == "__main__":
    slim(Path(sys.argv[1]), sys.argv[2:])
