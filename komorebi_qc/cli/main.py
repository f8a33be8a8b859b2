"""The command line: reads arguments, calls the package and prints. The exit codes are in `exit_code`."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from komorebi_qc.cli import batch as cli_batch
from komorebi_qc.cli import demo as cli_demo
from komorebi_qc.cli import desk as cli_desk
from komorebi_qc.cli import desk_folder as cli_desk_folder
from komorebi_qc.cli import erase as cli_erase
from komorebi_qc.cli import fleet as cli_fleet
from komorebi_qc.cli import operate as cli_operate
from komorebi_qc.cli import recording as cli_recording
from komorebi_qc.cli import verify as cli_verify
from komorebi_qc.cli.analyst import chain as cli_chain
from komorebi_qc.cli.analyst import correct as cli_correct
from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.core.errors import HeldError, InputError, KomorebiError, PassingError
from komorebi_qc.core.one_thread import use_one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

_ABOUT = "Join Amazon Connect's call audio and the agent's screen recording into one recording, in sync."
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EIO)
"""A device or a file that takes no more. An error of standard output names no file."""
_FIRST_STEPS = "First steps: komorebi-qc demo, komorebi-qc diagnose --demo, komorebi-qc doctor."
app = typer.Typer(
    name="komorebi-qc",
    help=_ABOUT,
    epilog=f"{_FIRST_STEPS}\n\n{EPILOG}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> NoReturn:
    """Run the command line; a foreseen error becomes a sentence and an exit code."""
    as_json = "--json" in sys.argv
    use_one_thread()
    try:
        code = app(standalone_mode=False, prog_name="komorebi-qc")
        sys.stdout.flush()
    except KomorebiError as error:
        _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        _stopped()
    except OSError as error:
        _end_unprinted(error)
    except Exception as error:
        if isinstance(error, typer.Exit):
            sys.exit(error.exit_code)
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's usage errors
            error.show()
            sys.exit(ExitCode.BAD_INPUT)
        raise
    if code == ExitCode.STOPPED:  # typer has caught a Ctrl-C itself
        _stopped()
    sys.exit(code or ExitCode.DONE)


def _stopped() -> NoReturn:
    sys.stderr.write("stopped\n")
    sys.exit(ExitCode.STOPPED)


def _end_unprinted(error: OSError) -> NoReturn:
    """End because standard output takes no more: silently if its reader is gone, else with a sentence.

    Raises:
        OSError: the error has another cause.
    """
    from komorebi_qc.cli.output.console import print_error  # noqa: PLC0415  rich loads only where it prints
    from komorebi_qc.cli.output.json_object import discard_output, end_in_silence  # noqa: PLC0415

    if isinstance(error, BrokenPipeError):
        end_in_silence()
    if error.filename is not None or error.errno not in _FULL:
        raise error
    discard_output()
    print_error(f"the output can't be written: {error.strerror}")
    sys.exit(ExitCode.FAILED)


def _fail(error: KomorebiError, *, as_json: bool) -> NoReturn:
    from komorebi_qc.cli.output.console import print_error  # noqa: PLC0415  rich loads only where it prints
    from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

    if as_json:
        try:
            print_json({"error": _error_dict(error)})
        except OSError as unprinted:
            _end_unprinted(unprinted)
    print_error(str(error))
    sys.exit(ExitCode.BAD_INPUT if isinstance(error, InputError) else ExitCode.FAILED)


def _error_dict(error: KomorebiError) -> dict[str, Any]:
    found = {"kind": type(error).__name__, "worth_a_retry": isinstance(error, PassingError), "text": str(error)}
    if isinstance(error, HeldError):
        candidates = [{"offset_s": offset_s, "probability": probability} for offset_s, probability in error.candidates]
        return {**found, "reason": error.reason, "candidates": candidates}
    return found


def _print_version(is_asked: bool) -> None:  # noqa: FBT001  typer calls it so
    if is_asked:
        from komorebi_qc import __version__  # noqa: PLC0415

        print(__version__)  # noqa: T201  this is the output
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # noqa: ARG001  its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and exit.")
    ] = False,
) -> None:
    """Join Amazon Connect's call audio and the agent's screen recording into one recording, in sync."""
    from komorebi_qc.storage.temporary_folder import clear_temporary_files  # noqa: PLC0415  not for --version

    clear_temporary_files()


_MOUNTS: tuple[Callable[[typer.Typer], None], ...] = (
    cli_recording.mount,
    cli_desk.mount,
    cli_correct.mount,
    cli_chain.mount,
    cli_desk_folder.mount,
    cli_batch.mount,
    cli_fleet.mount,
    cli_operate.mount,
    cli_verify.mount,
    cli_erase.mount,
    cli_demo.mount,
)
for _mount in _MOUNTS:
    _mount(app)


if __name__ == "__main__":
    main()
