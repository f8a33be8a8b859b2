"""The agent recording of a run: one file, or several that are joined on one clock.

Each file is measured against the call by itself, and placed. The joined file is read as a single one would be, so
everything that follows measures and checks it once more. It is kept in memory, or in a temporary file if it is large.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import TYPE_CHECKING, BinaryIO, cast

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.joining.part import Part
from komorebi_qc.core.joining.places import place_files, place_monitors
from komorebi_qc.core.privacy.silenced import silenced
from komorebi_qc.core.provenance.digest import digested
from komorebi_qc.core.provenance.parts import FileDigest
from komorebi_qc.core.source import Source
from komorebi_qc.media.decode_8khz import buffer_in_memory, decode_call_8khz
from komorebi_qc.media.joining.monitors import Screen, write_monitors
from komorebi_qc.media.joining.write import FileAtPlace, joined_unit_s, write_joined
from komorebi_qc.media.probe import probe_call
from komorebi_qc.pipeline.joining.measured_file import measure_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.provenance.digest import InOrderDigest
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.storage.protocols import MediaStore

MOST_FILES = 20
"""A browser that restarts more often has a fault, and each file is measured."""
MONITORS_UNIT_S = 1e-3
"""The unit of the shifts of monitors, which both containers take."""
IN_MEMORY_BYTES = 64 << 20
"""A larger joined file is in a temporary file."""


@contextmanager
def open_recording(
    media: MediaStore,
    item: Recording,
    call: Source,
    *,
    beeps: Sequence[Span] = (),
    monitors: MonitorsChoice = "first",
    check_cancelled: Callable[[], None] = lambda: None,
) -> Iterator[Source]:
    """Open the agent recording; several files of one recording are joined.

    Args:
        media: the stores of the media.
        item: the recording.
        call: the call audio.
        beeps: spans of the call that the measurement takes as silent.
        monitors: whether files of the same time are put side by side, or refused.
        check_cancelled: called now and then; its exception ends the work.

    Raises:
        InputError: a file can't be used, or two files are of the same time.
        WrongPairError: a file belongs to another call.
        HeldError: nothing says when a file was recorded, or something speaks against it.
        NotThereYetError: a file may still arrive.
        MissingMediaError: a file won't arrive.
        StorageError: a store doesn't answer, or there is no room for the joined file.
    """
    with ExitStack() as stack:
        first = stack.enter_context(media.agent_recording(item))
        further = stack.enter_context(media.further_recordings(item))
        if not further:
            yield first
            return
        yield stack.enter_context(
            joined_recording((first, *further), call, beeps=beeps, monitors=monitors, check_cancelled=check_cancelled)
        )


@contextmanager
def joined_recording(
    files: Sequence[Source],
    call: Source,
    *,
    beeps: Sequence[Span] = (),
    monitors: MonitorsChoice = "first",
    check_cancelled: Callable[[], None] = lambda: None,
) -> Iterator[Source]:
    """Join several files into one recording, on the clock of the earliest one.

    Args:
        files: in any order.
        call: the call audio.
        beeps: spans of the call that the measurement takes as silent.
        monitors: whether files of the same time are put side by side, or refused.
        check_cancelled: called now and then; its exception ends the work.

    Raises:
        KomorebiError: see `open_recording`.
    """
    if len(files) > MOST_FILES:
        raise InputError(f"the recording has {len(files)} files, more than {MOST_FILES}: leave some of them out")
    call = buffer_in_memory(call)
    info = probe_call(call)
    call_s = 0.0 if info.audio is None else info.audio.span.end_s
    track = silenced(decode_call_8khz(call, info, check_cancelled), beeps)
    read, digests = zip(*(digested(one) for one in files), strict=True)
    probed = [measure_file(track, one, check_cancelled) for one in read]
    del track
    unit_s = joined_unit_s(probed[0].info)
    measured = [one.measured for one in probed]
    together = place_monitors(measured, call_s, MONITORS_UNIT_S) if monitors == "side-by-side" else None
    places = place_files(measured, call_s, unit_s) if together is None else together
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as spooled:
        file = cast("BinaryIO", spooled)
        if together is None:
            at_places = [FileAtPlace(probed[p.number].source, probed[p.number].info, p.shift_s, p.used) for p in places]
            copies = write_joined(at_places, file, check_cancelled)
        else:
            write_monitors(
                [Screen(one.source, one.info, p.shift_s) for one, p in zip(probed, places, strict=True)],
                file,
                check_cancelled,
            )
            copies = (False,) * len(places)
        found = _digests(read, digests, check_cancelled)
        if together is not None:
            _refuse_same_file(files, found)
        unordered = [
            Part(
                files[place.number].name,
                place.shift_s,
                place.used,
                place.end_s,
                place.placed_by,
                place.bound_s,
                probed[place.number].measured.alignment,
                is_copied,
                probed[place.number].info.missing_bytes,
                probed[place.number].info.missing_s,
                found[place.number],
                files[place.number].etag,
                files[place.number].version_id,
            )
            for place, is_copied in zip(places, copies, strict=True)
        ]
        parts = tuple(sorted(unordered, key=lambda part: part.used.start_s))
        version = tuple(text for one in files for text in one.version)
        size = file.seek(0, 2)
        name = f"{files[0].name} and {len(files) - 1} more"
        yield Source(name, file, size, version=version, parts=parts)


def _refuse_same_file(files: Sequence[Source], digests: Sequence[FileDigest]) -> None:
    """Check that no two monitors are one file.

    Raises:
        InputError: two are.
    """
    for (one, own), (other, others) in combinations(zip(files, digests, strict=True), 2):
        if own == others:
            raise InputError(f"{one.name} and {other.name} are the same file: name it once")


def _digests(
    files: Sequence[Source], digests: Sequence[InOrderDigest], check_cancelled: Callable[[], None]
) -> list[FileDigest]:
    """The digests of all files. Bytes that nobody has read are read now."""
    return [
        FileDigest(digest.size, digest.finish(source.reopen().file, check_cancelled))
        for source, digest in zip(files, digests, strict=True)
    ]
