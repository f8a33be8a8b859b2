"""The command that reads all files of a run again, and compares them with its qc.json."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from komorebi_qc.cli.exit_code import EPILOG, ExitCode
from komorebi_qc.cli.options import AsJson
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.pipeline.provenance.verify import Key

_QC_JSON = "qc.json"


def mount(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=EPILOG)(verify)


def verify(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="RECORDING_ID|DIR|FILE",
            help="A recording of the configured table, a folder with qc.json files (its folders too), or one qc.json.",
        ),
    ],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="FILE|kms:ID",
            help="A key that the signature may be of: a PEM file with an Ed25519 key, or kms: with a KMS key's ID, ARN "
            "or alias. Repeatable. The default is KOMOREBI_SIGNING_KEY.",
        ),
    ] = None,
    only_outputs: Annotated[
        bool, typer.Option("--only-outputs", help="Read qc.json, video and thumbnail, and leave out the inputs.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Read inputs and outputs again, and compare them with the digests in qc.json: unchanged, changed or missing.

    Exit code 3 if a file is changed or missing, 1 if something can't be compared.
    """
    from functools import partial  # noqa: PLC0415

    from komorebi_qc.pipeline.provenance.verify import verify_recording, verify_run, worst_state  # noqa: PLC0415
    from komorebi_qc.storage.recorded_files import RecordedFiles  # noqa: PLC0415
    from komorebi_qc.wiring import Settings, aws_client  # noqa: PLC0415  clients only where they are used

    keys = _keys(key or ())
    path = Path(wanted)
    if path.exists():
        make_client = partial(aws_client, "s3")
        found = [
            verify_run(RecordedFiles(str(one.parent), make_client), one.name, keys=keys, with_inputs=not only_outputs)
            for one in _documents(path)
        ]
    elif os.sep in wanted or "/" in wanted or path.suffix == ".json":
        raise InputError(f"{wanted} doesn't exist: name a recording ID, a folder, or a qc.json")
    else:
        settings = Settings.from_environment(os.environ)
        stores = (settings.table(), settings.media())
        found = [verify_recording(wanted, *stores, keys=keys, with_inputs=not only_outputs)]
    state = worst_state(one.state for one in found)
    if as_json:
        from komorebi_qc.cli.output.json_object import print_json  # noqa: PLC0415

        print_json({"state": state, "runs": [one.to_dict() for one in found]})
    else:
        from komorebi_qc.cli.output.verify import print_verifications  # noqa: PLC0415

        print_verifications([one.to_dict() for one in found])
    if state == "unchanged":
        return ExitCode.DONE
    return ExitCode.FAILED if state == "unknown" else ExitCode.FINDINGS_FAIL


def _keys(texts: Sequence[str]) -> tuple[Key, ...]:
    from functools import partial  # noqa: PLC0415

    from komorebi_qc.storage.signing import signing_key  # noqa: PLC0415  only where it is used
    from komorebi_qc.wiring import aws_client, present_signing_key  # noqa: PLC0415

    if texts:
        return tuple(signing_key(text, partial(aws_client, "kms")) for text in texts)
    present = present_signing_key(os.environ)
    return () if present is None else (present,)


def _documents(path: Path) -> list[Path]:
    """The ``qc.json`` of every run in a folder.

    Raises:
        InputError: there isn't any.
    """
    if not path.is_dir():
        return [path]
    names = (_QC_JSON, f"*.{_QC_JSON}")
    found = sorted({one for name in names for one in path.rglob(name) if one.is_file()})
    if not found:
        raise InputError(f"{path} has no qc.json, and no folder in it has one: name the folder of a unified recording")
    return found
