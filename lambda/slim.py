"""Make installed packages small and quick to import: ``python3 slim.py FOLDER [SERVICE...]``, when the image is built.

Files that aren't read at run time are removed: tests, type stubs, sources for a compiler, and botocore's descriptions
of services that the function never calls. Licences (``*.dist-info``) stay.
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
    """Remove files, then compile the rest: the image's file system is read-only, so nothing can be compiled later."""
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
    # Named by the source's hash and never checked again: every build has the same bytes, whatever its time.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, force=True, workers=0, invalidation_mode=mode):
        sys.exit(f"{folder}: not everything could be compiled")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # Lambda's user must be able to read everything


if __name__ == "__main__":
    slim(Path(sys.argv[1]), sys.argv[2:])
