"""The function's image, built by its own Dockerfile and run, without Docker.

AWS's base can't be had where these tests run, so one of Debian stands in for it, laid out as AWS's is: /var/task,
/var/runtime/bootstrap, /lambda-entrypoint.sh, Lambda's runtime client and its emulator. It is kept in .tools/base.

The function then runs as Lambda runs it: an unprivileged user, a file system that can't be written to, 512 MB of /tmp.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import World
from emulator import run as run_function
from parts import ROOT, TOOLS, MissingPartError, Report, emulator, install_locked, need_root, program
from servers import moto

import komorebi_qc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator import Function

BASE = TOOLS / "base"
NAME = "localhost/komorebi-qc:e2e"
LOCK = ROOT / "lambda" / "requirements.lock"
PACKAGES = "python3,python3-pip,ca-certificates"
LARGEST_MB = 250
"""The function's largest size beyond its base. Most of it is FFmpeg, which PyAV brings."""
GLIBC = (2, 34)
"""Amazon Linux 2023's: a wheel that asks for more doesn't install there."""
USER = "993:990"
"""A user without a name, as in Lambda."""
SCRATCH = "/tmp"  # noqa: S108  Lambda's own; here a file system of the function's alone
START_S = 10.0
"""Lambda gives a function that long to start, before it counts as a failed one."""
_OF_THE_DESK = {"PIL", "duckdb", "matplotlib", "pyarrow", "ruptures", "scipy"}
ABSENT = {"moto", "rich", "typer", *_OF_THE_DESK}
"""Packages that the terminal's commands and the analyst's desk import and the function doesn't."""

_ENTRY = """#!/bin/sh
# As AWS's: under an emulator where nobody else calls the function.
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap "$1"; fi
exec /var/runtime/bootstrap
"""
_BOOTSTRAP = """#!/bin/sh
exec python3 -m awslambdaric "$_HANDLER"
"""
_CONFIG = (
    "--env=LAMBDA_TASK_ROOT=/var/task",
    "--env=LAMBDA_RUNTIME_DIR=/var/runtime",
    "--env=PATH=/usr/local/bin:/usr/bin:/bin",
    "--workingdir=/var/task",
    '--entrypoint=["/lambda-entrypoint.sh"]',
)


@dataclass(frozen=True, slots=True)
class Store:
    """buildah, with a store of images of this work tree's own."""

    program: str

    def __call__(self, *words: str | Path, within_s: float = 300) -> str:
        """Run one of its commands and return its output.

        Raises:
            AssertionError: if it fails, with its error output.
        """
        argv = [self.program, "--root", str(BASE / "store"), "--runroot", str(BASE / "run"), *map(str, words)]
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=within_s, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"buildah {words[0]}: {(done.stderr or done.stdout).strip()[-1500:]}"
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        """Whether it holds an image."""
        return image in self("images", "--format", "{{.Name}}:{{.Tag}}").split()

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """An image's files, until the context ends."""
        container = self("from", "--pull-never", image)
        try:
            yield Path(self("mount", container))
        finally:
            self("rm", container)


@dataclass(frozen=True, slots=True)
class Image:
    """The image, its files in sight.

    Attributes:
        root: of its files.
        config: entry point, command, environment, working directory.
    """

    root: Path
    config: dict[str, Any]

    @property
    def task(self) -> Path:
        """The function's folder."""
        return self.root / "var" / "task"

    @property
    def environment(self) -> dict[str, str]:
        """The variables it sets."""
        return dict(variable.split("=", 1) for variable in self.config["Env"])

    def python(self, code: str) -> str:
        """Run Python inside, as a user without rights, and return its output.

        Raises:
            AssertionError: if it fails.
        """
        environment = {**self.environment, "PYTHONPATH": "/var/task"}
        python = ["python3", "-W", "error", "-c", code]
        argv = [program("chroot", "coreutils"), f"--userspec={USER}", str(self.root), *python]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"in the image: {done.stderr[-1000:]}"
        return done.stdout.strip()


def run(report: Report) -> None:
    """Make the base, build the image, look into it, and run it; of two at once the second waits."""
    BASE.mkdir(parents=True, exist_ok=True)
    with (BASE / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        run_alone(report)


def run_alone(report: Report) -> None:
    """All cases, one after the other."""
    store: Store | None = None
    base = ""
    with report.case("the base is here") as case:
        need_root("make an image's files")
        made = Store(program("buildah", "buildah"))
        program("netavark", "netavark")
        made("rm", "--all")  # containers of a killed run
        base = make_base(made)
        store = made
        case.note(base)
    if store is None:
        return
    built = False
    with report.case("the Dockerfile builds") as case:
        began = time.monotonic()
        build(store, base)
        built = True
        case.note(f"{time.monotonic() - began:.1f} s")
    with report.case(f"each locked package has a wheel for both architectures and glibc {GLIBC[0]}.{GLIBC[1]}") as case:
        seen = BASE / f"wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"  # a wheel, once there, stays
        if seen.exists():
            case.note("seen before, for this very lock")
        for machine in () if seen.exists() else ("x86_64", "aarch64"):
            check_wheels(machine)
        seen.touch()
    if not built:
        return
    with store.mounted(NAME) as root:
        config = json.loads(store("inspect", "--type", "image", NAME))["OCIv1"]["config"]
        image = Image(root, config)
        look(report, image)
        with report.case("a message is processed from the queue to the bucket") as case:
            for note in process_one(image):
                case.note(note)


# --- The base ------------------------------------------------------------------------------------------------------


def make_base(store: Store) -> str:
    """The stand-in for AWS's base image. debootstrap makes it if it doesn't exist yet.

    Raises:
        MissingPartError: if it can't be made.
    """
    rie = emulator()
    lock = Path(__file__).with_name("runtime.lock")
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
    ingredients = (suite, PACKAGES, _ENTRY, _BOOTSTRAP, *_CONFIG, lock.read_text(), str(rie.stat().st_size))
    name = f"localhost/base:{hashlib.sha256(repr(ingredients).encode()).hexdigest()[:12]}"
    if store.has(name):
        return name
    debootstrap = program("debootstrap", "debootstrap")
    store("rmi", "--all", "--force")  # an older base, and all that was built on it
    root = Path(tempfile.mkdtemp(prefix="root-", dir=BASE))
    try:
        argv = [debootstrap, "--variant=minbase", f"--include={PACKAGES}", suite, str(root), *_mirror(suite)]
        made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900)
        if made.returncode != 0:
            raise MissingPartError(f"debootstrap made no base: {(made.stderr or made.stdout).strip()[-300:]}")
        _lay_out(root, rie, lock)
        root.chmod(0o755)
        container = store("from", "scratch")
        store("add", "--quiet", container, root, "/", within_s=600)
        store("config", *_CONFIG, container)
        store("commit", "--quiet", "--rm", container, name, within_s=600)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return name


def _mirror(suite: str) -> list[str]:
    """The mirror of this machine's apt for the suite; empty if apt doesn't report it."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {suite}", "Created-By: Packages"]
    try:
        addresses = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60).stdout.split()
    except OSError:
        return []
    return addresses[:1]


def _lay_out(root: Path, rie: Path, lock: Path) -> None:
    """Add the parts that AWS's base has beside Python."""
    shutil.copy(rie, root / "usr" / "local" / "bin" / "aws-lambda-rie")
    (version,) = {path.name.removeprefix("python") for path in (root / "usr" / "bin").glob("python3.[0-9][0-9]")}
    machine = platform.machine()
    options = ("--python-version", version, "--ignore-requires-python", "--platform", f"manylinux2014_{machine}")
    packages = install_locked(lock, BASE / "client", *options)
    library = root / "usr" / "local" / "lib" / f"python{version}" / "dist-packages"
    shutil.copytree(packages, library, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))
    for script, text in ((root / "lambda-entrypoint.sh", _ENTRY), (root / "var" / "runtime" / "bootstrap", _BOOTSTRAP)):
        script.parent.mkdir(exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)
    (root / "var" / "task").mkdir()
    for path in (root / "var" / "cache" / "apt", root / "var" / "lib" / "apt" / "lists"):
        shutil.rmtree(path)


# --- The build -----------------------------------------------------------------------------------------------------


def build(store: Store, base: str) -> None:
    """Build the image as usual, except for the base and the address of the package index.

    Raises:
        AssertionError: if it fails, with buildah's error output.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings, mounts = pip_settings()
        config = Path(folder) / "pip.conf"
        config.touch(0o600)
        config.write_text(settings)
        volumes = [f"--volume={source}:{target}:ro" for source, target in ((str(config), "/etc/pip.conf"), *mounts)]
        limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
        ulimits = [f"--ulimit={name}={_limits(which)}" for name, which in limits.items()]  # its own are over ours
        store(
            "build",
            "--isolation=chroot",
            "--pull-never",
            "--layers",
            f"--build-arg=BASE={base}",
            *volumes,
            *ulimits,
            f"--tag={NAME}",
            "--file=lambda/Dockerfile",
            ".",
            within_s=900,
        )


def _limits(which: int) -> str:
    return ":".join(str(value) for value in resource.getrlimit(which))


def pip_settings() -> tuple[str, list[tuple[str, str]]]:
    """How pip reaches its index on this machine: a pip.conf, and the files it names, to be mounted while it runs."""
    wanted = {"cert", "extra-index-url", "find-links", "index-url", "no-index", "proxy", "timeout", "trusted-host"}
    argv = [sys.executable, "-m", "pip", "config", "list"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    found: dict[str, str] = {}
    for line in sorted(
        printed.splitlines(), key=lambda line: line.startswith(":env:")
    ):  # the environment has the last say
        name, _, value = line.partition("=")
        if (key := name.rsplit(".", 1)[-1]) in wanted:
            found[key] = str(ast.literal_eval(value))
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if "cert" not in found and os.environ.get(variable):
            found["cert"] = os.environ[variable]
    paths = [path for key in ("cert", "find-links") for path in found.get(key, "").split() if Path(path).exists()]
    lines = [f"{key} = {' '.join(value.split())}" for key, value in found.items()]
    return "\n".join(["[global]", *lines, ""]), [(path, path) for path in paths]


def check_wheels(machine: str) -> None:
    """See that pip finds a wheel of every locked package that runs on Lambda's machines of one architecture.

    Raises:
        AssertionError: with pip's error output.
    """
    (python,) = re.findall(r"^ARG BASE=\S*/python:(3\.\d+)", (ROOT / "lambda" / "Dockerfile").read_text(), re.MULTILINE)
    tags = [f"manylinux_{GLIBC[0]}_{minor}_{machine}" for minor in range(GLIBC[1], 16, -1)]
    platforms = [word for tag in (*tags, f"manylinux2014_{machine}") for word in ("--platform", tag)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--dry-run"]
    fixed = [
        "--ignore-installed",
        "--no-deps",
        "--ignore-requires-python",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    with tempfile.TemporaryDirectory() as folder:
        argv = [*pip, *fixed, "--target", folder, "--python-version", python, *platforms, "-r", str(LOCK)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{machine}: {done.stderr.strip()[-500:]}"


# --- What is in it -------------------------------------------------------------------------------------------------


def look(report: Report, image: Image) -> None:
    """See that all it needs is in the image, and nothing else."""
    with report.case(f"it adds less than {LARGEST_MB} MB to its base") as case:
        sizes = _sizes(image.task)
        total = sum(sizes.values()) / 1e6
        largest = sorted(sizes.items(), key=lambda pair: -pair[1])[:5]
        case.note(f"{total:.1f} MB: {', '.join(f'{name} {size / 1e6:.1f}' for name, size in largest)}")
        assert total < LARGEST_MB, f"{total:.0f} MB"
    with report.case("its packages are the lock's, each with its licence") as case:
        count = check_packages(image)
        case.note(f"{count} packages, Python {image.python('import platform; print(platform.python_version())')}")
    with report.case("it is this version of the package, and all of it can be imported") as case:
        version = image.python("import komorebi_qc; print(komorebi_qc.__version__)")
        assert version == komorebi_qc.__version__, f"{version}, not {komorebi_qc.__version__}"
        case.note(f"{version}; not there: {check_imports(image)}")
    with report.case("it is compiled, readable by every user, and holds nothing of the build"):
        check_files(image)
    with report.case("it knows every AWS service that the function calls"):
        check_services(image)


def _sizes(task: Path) -> dict[str, int]:
    """Bytes by package: its folder, and the libraries that its wheel brought."""
    sizes: dict[str, int] = {}
    for path in task.rglob("*"):
        if path.is_file() and not path.is_symlink():
            name = re.sub(r"(-[\d.post]+\.dist-info|\.libs)$", "", path.relative_to(task).parts[0])
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


def check_packages(image: Image) -> int:
    """See that exactly the locked packages are in the image, in the versions that development has; how many.

    Raises:
        AssertionError: naming what differs.
    """
    pinned = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
    locked = dict(pinned.findall(LOCK.read_text()))
    folders = [PathDistribution(path) for path in sorted(image.task.glob("*.dist-info"))]
    there = {found.metadata["Name"].lower().replace("_", "-"): found for found in folders}
    versions = {name: found.version for name, found in there.items()}
    assert versions == locked, f"in the image, but not so in the lock: {sorted(versions.items() ^ locked.items())}"
    whole = set(pinned.findall((ROOT / "requirements" / "demo.lock").read_text()))
    assert locked.items() <= whole, f"remake the locks (`make lock`): {sorted(locked.items() - whole)}"
    for name, found in there.items():
        says = [path for path in found.files or () if re.search(r"LICEN[CS]E|COPYING|NOTICE", path.name, re.IGNORECASE)]
        says = [
            path for path in says if (image.task / path.parent).is_dir()
        ]  # a package that was removed whole needs no licence
        kept = [path for path in says if (image.task / path).is_file()]
        assert kept == says, f"{name}'s licence was removed: {sorted(map(str, set(says) - set(kept)))}"
        assert kept or found.metadata.get_all("License") or found.metadata.get_all("Classifier"), f"{name}: no licence"
    return len(there)


def check_imports(image: Image) -> str:
    """Import every module of the package in the image; the packages that aren't there.

    Raises:
        AssertionError: if a package is missing that isn't one of the terminal's or the desk's.
    """
    code = """
import importlib, json, pkgutil
import app, komorebi_qc
missing = {}
for module in pkgutil.walk_packages(komorebi_qc.__path__, "komorebi_qc."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        missing[module.name] = error.name
print(json.dumps(missing))
"""
    missing: dict[str, str] = json.loads(image.python(code))
    absent = {str(name).split(".")[0] for name in missing.values()}
    assert absent <= ABSENT, f"can't be imported: {missing}"
    return ", ".join(sorted(absent))


def check_files(image: Image) -> None:
    """Check the files' modes, their compiled bytecode, and that nothing of the build remains.

    Raises:
        AssertionError: if a file isn't as it must be; it names the file.
    """
    for path in image.task.rglob("*"):
        mode = path.stat().st_mode
        assert mode & (0o555 if path.is_dir() else 0o444) == (0o555 if path.is_dir() else 0o444), (
            f"{path} can't be read"
        )
        assert not mode & 0o022, f"{path} can be written to by other users"
        assert not re.search(r"/tests/|\.pyi$|/\.cache/", str(path)), f"{path} is of no use at run time"
    tag = image.python("import sys; print(sys.implementation.cache_tag)")
    sources = [path for path in image.task.rglob("*.py") if "dist-info" not in str(path)]
    bare = [path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").is_file()]
    assert sources, "there are no sources"
    assert not bare, f"not compiled: {bare[:5]}"
    for gone in ("etc/pip.conf", "build", "root/.cache"):
        assert not (image.root / gone).exists(), f"/{gone} is left of the build"
    assert not any("PIP_" in name.upper() for name in image.environment), "pip's settings are in the image"


def check_services(image: Image) -> None:
    """See that botocore can make a client of each service that the sources name.

    Raises:
        AssertionError: naming those it can't.
    """
    sources = [*(ROOT / "komorebi_qc").glob("**/*.py"), ROOT / "lambda" / "app.py"]
    text = "\n".join(path.read_text() for path in sources)
    named = sorted(set(re.findall(r'\b(?:aws_client|client|resource)\("([a-z0-9-]+)"', text)))
    assert {"dynamodb", "s3"} <= set(named), f"only {named} found in the sources"
    lines = [f"session.create_client({name!r}, region_name='eu-central-1')" for name in named]
    image.python("\n".join(["import botocore.session", "session = botocore.session.get_session()", *lines]))


# --- What it does --------------------------------------------------------------------------------------------------


def process_one(image: Image) -> list[str]:
    """Process one message under Lambda's conditions; returns the measurements.

    Raises:
        AssertionError: if anything isn't as it should be.
    """
    with tempfile.TemporaryDirectory() as folder, moto(Path(folder)) as server:
        world = World.on(server)
        first, second = world.record("image-1"), world.record("image-2")
        with started(image, world) as function:
            cold = function.call(first.event())
            cold.check_done()
            published = first.check_done()
            assert not function.leftovers(), f"left in {SCRATCH}: {function.leftovers()}"
            check_confined(function)
            warm = function.call(second.event())
            warm.check_done()
            second.check_done()
            start_s = function.start_s()
        assert start_s < START_S, f"it took {start_s:.1f} s to start"
        took = f"start {start_s:.2f} s, cold start to first answer {cold.seconds:.2f} s, warm {warm.seconds:.2f} s"
        return [published, took]


@contextmanager
def started(image: Image, world: World) -> Iterator[Function]:
    """The image's own entry point and command, under its own emulator, until the context ends.

    Lambda has no /dev/shm, so it is missing here, too.
    """
    root, inside = image.root, f"--userspec={USER} {image.root}"
    setup = f"""
    mount --bind {root} {root}
    mount -o remount,bind,ro {root}
    mount -t tmpfs -o size=512m,mode=1777 tmpfs {root}{SCRATCH}
    mount -t tmpfs -o size=64k,mode=755 tmpfs {root}/dev
    for device in null zero full random urandom; do
      : > {root}/dev/$device
      mount --bind /dev/$device {root}/dev/$device
    done
    mount -t proc proc {root}/proc
    exec {program("chroot", "coreutils")} {inside} sh -c 'cd {image.config["WorkingDir"]} && exec "$@"' sh "$@"
    """
    argv: Sequence[str] = [*image.config["Entrypoint"], *image.config["Cmd"]]
    environment = {**world.environment(), **image.environment, "AWS_LAMBDA_FUNCTION_TIMEOUT": "300"}
    rie = "/usr/local/bin/aws-lambda-rie"
    with run_function(setup, argv, emulator=rie, environment=environment, scratch=Path(SCRATCH)) as function:
        yield function


def check_confined(function: Function) -> None:
    """See that the function ran under the conditions that this is about.

    Raises:
        AssertionError: naming the one that wasn't.
    """
    pid = function.client_pid()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Uid"].split() == [USER.split(":", maxsplit=1)[0]] * 4, f"it ran as {status['Uid']}"
    assert int(status["CapEff"], 16) == 0, f"it had rights: {status['CapEff']}"
    mounts = [line.split() for line in Path(f"/proc/{pid}/mounts").read_text().splitlines()]
    (options,) = [fields[3].split(",") for fields in mounts if fields[1] == "/"][-1:]
    assert "ro" in options, f"its file system could be written to: {options}"
