"""The search for everything of a recording, its removal, and the search afterwards.

The order lets an interrupted erasure be run again: an artefact that leads to others is removed after them. So the rows
of a dataset go after the reports that they name, and the item's attributes go last. If something can't be removed now,
the erasure stops there. Things that a lock or a missing right keeps are left, with the rows and the ``qc.json`` that
lead to them, and the rest is removed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.errors import InputError, KomorebiError, PassingError, SettingsError, UnknownRecordingError
from komorebi_qc.core.recording import LOCAL_ID, check_recording_id
from komorebi_qc.erasure.file_tree import open_tree
from komorebi_qc.erasure.in_aws import DeadLetters, InputObjects, ItemAttributes, PublishedObjects
from komorebi_qc.erasure.listed_inputs import ListedInputs
from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.erasure.plan import Artefact, Erasure, Plan, with_reasons
from komorebi_qc.erasure.results import ResultFiles
from komorebi_qc.storage.atomic_file import PART_SUFFIX, clear_stale_parts
from komorebi_qc.storage.object_store import open_store
from komorebi_qc.storage.s3.object_versions import VersionedBucket
from komorebi_qc.storage.temporary_folder import clear_stale
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from komorebi_qc.erasure.dataset_rows import DatasetRows


class Place(Protocol):
    """A place that may hold something of the recording."""

    def find(self) -> Iterable[Artefact]:
        """Find it."""
        ...

    def remove(self, artefact: Artefact) -> None:
        """Remove something that was found."""
        ...


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """What to erase, and where to look for it.

    Attributes:
        recording_id: the recording.
        datasets: folders or ``s3://`` prefixes that `komorebi-qc batch` wrote.
        also: further files, folders and prefixes.
        with_inputs: whether the inputs are to be removed as well.
        only_named: leave the configured buckets, table and queue alone.
        whole_bucket: search every key of the output bucket.

    Raises:
        InputError: the options contradict each other, or the ID can't be one of the table.
    """

    recording_id: str
    datasets: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    with_inputs: bool = False
    only_named: bool = False
    whole_bucket: bool = False

    def __post_init__(self) -> None:
        if not self.only_named:
            check_recording_id(self.recording_id)
        elif not self.datasets and not self.also:
            raise InputError("--only-named needs a place: name one by --dataset or --also")
        elif self.whole_bucket:
            raise InputError("--whole-bucket searches the output bucket, and --only-named leaves it alone: give one")
        if not self.recording_id.strip():
            raise InputError("the recording's ID is empty")
        if self.recording_id == LOCAL_ID:
            raise InputError(
                f"{LOCAL_ID} names every result of two files, and no recording: delete them by their names"
            )


def erase(
    request: ErasureRequest,
    environ: Mapping[str, str],
    *,
    is_wanted: bool,
    check: Callable[[], None] = lambda: None,
) -> Erasure:
    """Search for a recording, and remove what is found if that `is_wanted`.

    Args:
        request: the recording, and the places.
        environ: the settings.
        is_wanted: whether to remove; otherwise everything is only listed.
        check: called before each removal; it may raise an exception to stop.

    Raises:
        InputError: a place can't be used.
        UnknownRecordingError: the table has no such item, and only a search of the whole bucket can find results.
        PassingError: a place can't be searched now.
        AccessDeniedError: a place can't be searched.
    """
    s3 = cache(_s3)
    if is_wanted:
        _clear_temporary_folders(request)
    searched = _searched(request, environ, s3)
    plan = Plan(request.recording_id, tuple(one for _, found in searched.places for one in found), searched.skipped)
    if not is_wanted:
        return Erasure(plan, is_done=False, left=plan.found)
    failures: list[tuple[Artefact, str]] = []
    for place, found in searched.places:
        if any(one.kind == "dataset row" for one in found) and _leads_to_left(searched):
            failures += [(one, "it leads to results that can't be removed") for one in found]
            continue
        try:
            failures += _removed(place, found, check)
        except PassingError as error:
            failures += [(one, str(error)) for one in found]
            break
    left = [one for _, found in _searched(request, environ, s3).places for one in found]
    return Erasure(plan, is_done=True, left=with_reasons(left, failures))


def _leads_to_left(searched: _Searched) -> bool:
    """Return whether results are left that a later search finds only by the rows of a dataset."""
    return any(isinstance(place, ResultFiles) and place.by_row and place.kept for place, _ in searched.places)


def _removed(place: Place, found: Iterable[Artefact], check: Callable[[], None]) -> list[tuple[Artefact, str]]:
    """Remove the artefacts of a place; returns those that can't be removed.

    Raises:
        PassingError: one can't be removed now.
    """
    failures = []
    for artefact in found:
        if artefact.kept_because:
            continue
        check()
        try:
            place.remove(artefact)
        except PassingError:
            raise
        except KomorebiError as error:
            failures.append((artefact, str(error)))
    return failures


@dataclass(frozen=True, slots=True)
class _Searched:
    """Each place with what it holds, in the order of removal; and what wasn't searched."""

    places: tuple[tuple[Place, tuple[Artefact, ...]], ...]
    skipped: tuple[str, ...]


def _searched(request: ErasureRequest, environ: Mapping[str, str], s3: Callable[[], Any]) -> _Searched:
    names = NameMatch(request.recording_id)
    skipped: list[str] = []
    datasets = _datasets(request, names, s3)
    places = [*_results_in_aws(request, names, environ, skipped, s3), *_files(request, names, datasets, skipped, s3)]
    last = _records_in_aws(request, names, environ, skipped)
    seen: set[tuple[str, str]] = set()
    found: list[tuple[Place, tuple[Artefact, ...]]] = []
    for place in (*places, *datasets, *last):
        new = [one for one in place.find() if (one.address, one.kept_because) not in seen]
        seen |= {(one.address, one.kept_because) for one in new}
        found.append((place, tuple(new)))
    return _Searched(tuple(found), tuple(skipped))


def _datasets(request: ErasureRequest, names: NameMatch, s3: Callable[[], Any]) -> list[DatasetRows]:
    if not request.datasets:
        return []
    from komorebi_qc.erasure.dataset_rows import DatasetRows  # noqa: PLC0415  pyarrow is an extra

    return [DatasetRows(open_store(text, s3), names) for text in request.datasets]


def _files(
    request: ErasureRequest,
    names: NameMatch,
    datasets: Iterable[DatasetRows],
    skipped: list[str],
    s3: Callable[[], Any],
) -> Iterator[Place]:
    """Results in files, and the inputs that rows name."""
    own: dict[str, bool] = {}
    for dataset in datasets:
        if request.with_inputs:
            yield ListedInputs(dataset, may_use_s3=not request.only_named)
        usual = dataset.folders()
        for text in (*_places_of_rows(dataset), *usual):
            if text.startswith("s3://") and not dataset.address.startswith("s3://") and request.only_named:
                skipped.append(f"{text}: --only-named leaves S3 alone, unless the dataset is there")
            else:
                own[text] = text not in usual
        yield ResultFiles(open_tree(dataset.address, s3), names, deep=False)
    for text, by_row in own.items():
        if not text.startswith("s3://") and Path(text).is_symlink():
            skipped.append(f"{text}: it is a link, and may lead to files of others; name what it leads to by --also")
            continue
        yield ResultFiles(open_tree(text, s3), names, own=True, by_row=by_row)
    given = {dataset.address for dataset in datasets}
    for text in request.also:
        if not text.startswith("s3://") and not Path(text).exists():
            skipped.append(f"{text}: it doesn't exist")
        place = ResultFiles(open_tree(text, s3), names)
        others = [one for one in place.datasets() if one not in given]
        skipped += [f"{one}: it is a dataset, name it by --dataset" for one in others]
        yield place


def _places_of_rows(dataset: DatasetRows) -> Iterator[str]:
    """The folders of the reports and unified recordings that a dataset's rows name."""
    for row in dataset.rows():
        for text in (row["report"], row["output"]):
            folder = (text or "").rpartition("/")[0]
            if folder:
                is_whole = folder.startswith("s3://") or Path(folder).is_absolute()
                yield folder if is_whole else f"{dataset.address}/{folder}"


def _results_in_aws(
    request: ErasureRequest,
    names: NameMatch,
    environ: Mapping[str, str],
    skipped: list[str],
    s3: Callable[[], Any],
) -> Iterator[Place]:
    """The inputs, and the results in the output bucket."""
    if request.only_named:
        skipped.append("the configured buckets, table and queue: --only-named leaves them alone")
        return
    settings = Settings.from_environment(environ)
    output = VersionedBucket(s3(), settings.output_bucket)
    try:
        recording = settings.table().get(request.recording_id)
    except UnknownRecordingError as error:
        if not request.whole_bucket:
            raise UnknownRecordingError(
                f"{error}. Without its item the recording's keys are unknown: --whole-bucket searches every key of "
                "the output bucket"
            ) from error
        if request.with_inputs:
            skipped.append("the inputs: without the recording's item their keys are unknown")
        yield PublishedObjects(output, names, "")
        return
    if request.with_inputs:
        connect, inputs = (VersionedBucket(s3(), name) for name in (settings.connect_bucket, settings.input_bucket))
        yield InputObjects(connect, settings.connect_prefix, settings.analysis_prefix, inputs, recording)
    folder = "" if request.whole_bucket else recording.qc_key.rpartition("/")[0] + "/"
    yield PublishedObjects(output, names, folder)


def _records_in_aws(
    request: ErasureRequest, names: NameMatch, environ: Mapping[str, str], skipped: list[str]
) -> Iterator[Place]:
    """The dead letters, and the item's attributes."""
    if request.only_named:
        return
    settings = Settings.from_environment(environ)
    try:
        dead = settings.dead_letter_queue()
    except SettingsError as error:
        skipped.append(f"dead letters: {error}")
    else:
        yield DeadLetters(dead, names)
    yield ItemAttributes(settings.table(), request.recording_id)


def _clear_temporary_folders(request: ErasureRequest) -> None:
    """Remove what killed commands left on this machine: it may hold the recording, and doesn't name it."""
    clear_stale(Path(tempfile.gettempdir()))
    for text in (*request.datasets, *request.also):
        if not text.startswith("s3://"):
            clear_stale(Path(text), deep=True)
            for folder in {part.parent for part in Path(text).rglob(f".*{PART_SUFFIX}")}:
                clear_stale_parts(folder)


def _s3() -> Any:
    return aws_client("s3")
