"""Small files that make FFmpeg take much memory or time, and the memory and time that a program takes for one."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HUGE = 60_000_000
MOST_TRACKS = 64
DEFAULT_SIZE, DEFAULT_DURATION = 0x10, 0x8


def box(kind: str, *content: bytes) -> bytes:
    """A box of an MP4."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode("latin-1")) + body


def table(kind: str, *numbers: int, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version, flags and numbers of 32 bits."""
    return box(kind, struct.pack(f">{1 + len(numbers)}I", version << 24 | flags, *numbers))


def sized(samples: int, size: int = 1) -> bytes:
    """A table of samples of one size."""
    return table("stsz", size, samples)


VISUAL = struct.pack(">6xH16xHHIIIH32xHh", 1, 160, 90, 0x480000, 0x480000, 0, 1, 24, -1)
HEADER = bytes.fromhex("0164000affe100196764000aacd94282fb011000000300100000030020f122596001000668ebe3cb22c0")
"""A configuration of H.264 (``avcC``)."""


def video_description(codec: str = "avc1", width: int = 160, height: int = 90, config: bytes = HEADER) -> bytes:
    """A table with one format of pictures."""
    visual = VISUAL[:24] + struct.pack(">HH", width, height) + VISUAL[28:]
    inner = box("avcC", config) if config else b""
    return box("stsd", struct.pack(">II", 0, 1), box(codec, visual, inner))


def audio_description(codec: str = "sowt") -> bytes:
    """A table with one format of stereo sound at 8 kHz."""
    sound = struct.pack(">6xH8xHHHHI", 1, 2, 16, 0, 0, 8000 << 16)
    return box("stsd", struct.pack(">II", 0, 1), box(codec, sound))


def track(*tables: bytes, kind: str = "vide", number: int = 1, edits: bytes = b"", scale: int = 1000) -> bytes:
    """A track with these tables."""
    head = box(
        "tkhd", struct.pack(">IIIIII", 7, 0, 0, number, 0, 0) + bytes(52) + struct.pack(">II", 160 << 16, 90 << 16)
    )
    media = box("mdhd", struct.pack(">IIIIIHH", 0, 0, 0, scale, 1000, 0x55C4, 0))
    handler = box("hdlr", struct.pack(">II4s12xx", 0, 0, kind.encode()))
    return box("trak", head, edits, box("mdia", media, handler, box("minf", box("stbl", *tables))))


def mp4(*tracks: bytes, data: bytes = b"x" * 64, after: bytes = b"") -> bytes:
    """An MP4 with these tracks, its media data, and more boxes. The index is in front."""
    movie = box("mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 1000) + bytes(80))
    return box("ftyp", b"isom", bytes(4), b"isom") + box("moov", movie, *tracks) + box("mdat", data) + after


def times(count: int, step: int = 1) -> bytes:
    """A table of times: so many samples, one like the other."""
    return table("stts", 1, count, step)


def one_chunk(samples: int) -> bytes:
    """Tables by which all samples are in one chunk."""
    return table("stsc", 1, 1, samples, 1) + table("stco", 1, 600)


def declared_samples(samples: int = HUGE) -> bytes:
    """An MP4 of some 600 bytes that declares as many video samples of one byte."""
    return mp4(track(video_description(), times(samples), sized(samples), one_chunk(samples)))


def declared_times(samples: int = HUGE) -> bytes:
    """An MP4 whose table of times, and no other, declares as many samples."""
    return mp4(track(video_description(), times(samples), sized(8), one_chunk(8)))


def declared_chunks(samples: int = HUGE) -> bytes:
    """An MP4 whose table of chunks declares as many blocks of PCM."""
    sound = track(
        audio_description(),
        times(1000),
        table("stsc", 1, 1, 0x7FFFFFFF, 1),
        table("stco", 30, *[600] * 30),
        sized(samples * 1024 % (1 << 32), 4),
        kind="soun",
        scale=8000,
    )
    return mp4(sound)


def declared_edits(edits: int = 60_000, samples: int = 1000) -> bytes:
    """An MP4 whose edits repeat its samples as often."""
    rows = struct.pack(">IIHH", 1000, 0, 1, 0) * edits
    listed = box("edts", box("elst", struct.pack(">II", 0, edits), rows))
    data = b"x" * samples
    return mp4(track(video_description(), times(samples), sized(samples), one_chunk(samples), edits=listed), data=data)


def declared_fragment(samples: int = HUGE, number: int = 1) -> bytes:
    """A fragmented MP4 of some 700 bytes whose fragment declares as many samples, without a byte for them."""
    empty = [table(kind, 0) for kind in ("stts", "stsc", "stco")]
    movie = box("mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0) + bytes(80))
    extends = box("mvex", table("trex", 1, 1, 1, 1, 0))
    index = box("moov", movie, track(video_description(), *empty, table("stsz", 0, 0)), extends)
    fragment = box(
        "moof",
        table("mfhd", number),
        box("traf", table("tfhd", 1, 1, 1, flags=0x20000 | DEFAULT_SIZE | DEFAULT_DURATION), table("trun", samples)),
    )
    return box("ftyp", b"isom", bytes(4), b"iso5") + index + fragment + box("mdat", b"x" * 64)


def declared_table(kind: str, entries: int = HUGE) -> bytes:
    """An MP4 with a table that declares more entries than its box holds."""
    tables = {"stts": times(8), "stsz": sized(8), "stsc": table("stsc", 1, 1, 8, 1), "stco": table("stco", 1, 600)}
    tables[kind] = table(kind, *((0, entries) if kind == "stsz" else (entries, 1, 1)))
    return mp4(track(video_description(), *tables.values()))


def hidden_table(samples: int = HUGE) -> bytes:
    """An MP4 whose table of sizes is inside the description of its samples, where FFmpeg finds it."""
    described = box("stsd", struct.pack(">II", 0, 1), box("avc1", VISUAL, box("avcC", HEADER), sized(samples)))
    return mp4(track(described, times(samples), one_chunk(samples)))


def encrypted_track(number: int, samples: int) -> bytes:
    """An encrypted track whose ``senc`` declares as many samples, without a byte for them."""
    scheme = box("tenc", bytes([0, 0, 0, 0, 0, 0, 1, 0]) + bytes(16) + bytes([8]) + bytes(8))
    inner = box("sinf", box("frma", b"avc1"), table("schm", 0x63656E63, 0x10000), box("schi", scheme))
    described = box("stsd", struct.pack(">II", 0, 1), box("encv", VISUAL, box("avcC", HEADER), inner))
    return track(described, times(8), sized(8), one_chunk(8), table("senc", samples), number=number)


def encrypted(tracks: int = 60, samples: int = 5_000_000) -> bytes:
    """An MP4 of 30 kB with encrypted tracks."""
    return mp4(*[encrypted_track(number + 1, samples) for number in range(tracks)])


def many_mp4_tracks() -> list[bytes]:
    """As many tracks as a file may have."""
    return [
        track(video_description(), times(2), sized(2), one_chunk(2), number=number + 1) for number in range(MOST_TRACKS)
    ]


def empty_fragments(count: int) -> bytes:
    """An MP4 with as many empty fragments of 8 bytes, each of which has a place in memory for every track."""
    return mp4(*many_mp4_tracks(), after=box("moof") * count)


def listed_fragments(lists: int = 4) -> bytes:
    """An MP4 whose lists of fragments (``sidx``) have 65,535 rows each."""
    rows = struct.pack(">III", 1, 1, 0) * 65_535
    listed = box("sidx", struct.pack(">IIIIIHH", 0, 1, 1000, 0, 0, 0, 65_535), rows)
    return mp4(*many_mp4_tracks(), after=listed * lists)


def many_texts(count: int) -> bytes:
    """An MP4 with as many texts of different names, each of which FFmpeg compares with all before."""
    item = struct.pack(">I4sI4sI1sI4sI7s", 0, b"----", 13, b"mean", 0, b"a", 19, b"name", 0, b"%07d")
    head, value = item[4:], struct.pack(">I4sII1s", 17, b"data", 1, 0, b"v")
    items = b"".join(
        struct.pack(">I", 4 + len(head) + len(value)) + head.replace(b"%07d\0\0\0", b"%07d" % number) + value
        for number in range(count)
    )
    handler = box("hdlr", struct.pack(">II4s12xx", 0, 0, b"mdir"))
    listed = box("udta", box("meta", bytes(4), handler, box("ilst", items)))
    return mp4(track(video_description(), times(8), sized(8), one_chunk(8)), listed)


def ebml(element: int, content: bytes, *, length: int | None = None) -> bytes:
    """An element of a WebM, with a false length if one is given."""
    name = element.to_bytes((element.bit_length() + 7) // 8, "big")
    size = len(content) if length is None else length
    return name + (size | 1 << 56).to_bytes(8, "big") + content


def webm(*elements: bytes, live: bool = True) -> bytes:
    """A WebM with these elements in its segment."""
    head = ebml(0x1A45DFA3, ebml(0x4282, b"webm"))
    body = b"".join(elements)
    return head + (b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + body if live else ebml(0x18538067, body))


INFO = ebml(0x1549A966, ebml(0x2AD7B1, (1_000_000).to_bytes(3, "big")))


def picture(more: bytes = b"", number: int = 1) -> bytes:
    """A track of pictures in VP8, with more elements."""
    named = ebml(0xD7, bytes([number])) + ebml(0x73C5, bytes([number])) + ebml(0x83, b"\1") + ebml(0x86, b"V_VP8")
    return ebml(0xAE, named + ebml(0xE0, ebml(0xB0, b"\xa0") + ebml(0xBA, b"\x5a")) + more)


PICTURE = ebml(0x1654AE6B, picture())
CLUSTER = ebml(0x1F43B675, ebml(0xE7, b"\0") + ebml(0xA3, b"\x81\0\0\x80" + bytes(20)))
"""A cluster of one block, for a WebM to be complete."""


def one_track(more: bytes) -> bytes:
    """A WebM whose track has more elements."""
    return webm(INFO, ebml(0x1654AE6B, picture(more)), CLUSTER)


def compressed(*algorithms: bytes, header: bytes = b"", scope: bytes = b"\1") -> bytes:
    """The encoding of a track by such compressions, with a header that is stripped from each packet."""
    ways = (ebml(0x4254, way) + (ebml(0x4255, header) if header else b"") for way in algorithms)
    parts = b"".join(ebml(0x5034, way) for way in ways)
    return ebml(0x6D80, ebml(0x6240, ebml(0x5032, scope) + parts))


def unpacked_headers(tracks: int = 40) -> bytes:
    """A WebM of 10 kB for each of its tracks, each of which unpacks to 9.9 MB when the file is opened."""
    header = ebml(0x63A2, zlib.compress(bytes(9_900_000), 9))
    entries = (picture(compressed(b"\0", scope=b"\2") + header, number + 1) for number in range(tracks))
    return webm(INFO, ebml(0x1654AE6B, b"".join(entries)), CLUSTER)


def unpacked_packets(packets: int = 60) -> bytes:
    """A WebM whose one block has as many packets, each of which unpacks to 9.9 MB."""
    block = b"\x81\0\0\x84" + bytes([packets - 1]) + zlib.compress(bytes(9_900_000), 9) * packets
    tracks = ebml(0x1654AE6B, picture(compressed(b"\0")))
    return webm(INFO, tracks, ebml(0x1F43B675, ebml(0xE7, b"\0") + ebml(0xA3, block)), live=False)


def added(additions: int, size: int, *, laced: bool = False) -> bytes:
    """A WebM with additions to a block, which 256 packets share if it is laced."""
    block = ebml(0xA1, b"\x81\0\0" + (b"\x04\xff" if laced else b"\0") + bytes(256))
    more = ebml(0xA6, ebml(0xEE, b"\1") + ebml(0xA5, bytes(size)))
    group = ebml(0xA0, block + ebml(0x75A1, more * additions))
    filler = ebml(0xEC, bytes(600_000))
    return webm(INFO, PICTURE, ebml(0x1F43B675, ebml(0xE7, b"\0") + filler + group), live=False)


def many_tags(count: int) -> bytes:
    """A WebM with as many tags, each of which FFmpeg compares with all before."""
    tags = (ebml(0x67C8, ebml(0x45A3, b"%06d" % number) + ebml(0x4487, b"v")) for number in range(count))
    return webm(INFO, PICTURE, ebml(0x1254C367, ebml(0x7373, b"".join(tags))), CLUSTER)


def many_tracks(count: int) -> bytes:
    """A WebM of two bytes for each of as many tracks."""
    return webm(INFO, ebml(0x1654AE6B, b"\xae\x80" * count))


def many_cues(count: int) -> bytes:
    """A WebM with as many cues, of two bytes each, behind a cluster without a length."""
    cluster = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + ebml(0xE7, b"\0") + ebml(0xA3, b"\x81\0\0\x80" + b"x" * 20)
    return webm(INFO, PICTURE, cluster, ebml(0x1C53BB6B, b"\xbb\x80" * count))


def laced(blocks: int) -> bytes:
    """A WebM whose blocks have 256 packets of one byte each, all of them at one time."""
    block = ebml(0xA3, b"\x81\0\0\x84\xff" + bytes(256))
    return webm(INFO, PICTURE, ebml(0x1F43B675, ebml(0xE7, b"\0") + block * blocks), live=False)


def wav_text(length: int) -> bytes:
    """A WAV with a text of a declared length."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 8000, 32000, 4, 16)
    listed = struct.pack("<4sI4s4sI", b"LIST", length, b"INFO", b"INAM", length - 12)
    data = struct.pack("<4sI", b"data", 3200) + bytes(3200)
    body = b"WAVE" + form + listed + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


PROGRAM = """
import json, sys, time
from pathlib import Path
import av, numpy, soxr
from komorebi_qc.core.errors import KomorebiError
{imports}
def mb():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6
path, began, error, kind = Path(sys.argv[1]), time.process_time(), "", ""
try:
    {work}
except KomorebiError as caught:
    error, kind = str(caught), type(caught).__mro__[0].__name__
print(json.dumps({{"mb": mb(), "s": time.process_time() - began, "error": error, "kind": kind}}))
"""
"""Reports the peak memory of its whole process, and the processor time of its work alone."""
PROBE = (
    "from komorebi_qc.media.probe import probe_recording\nfrom komorebi_qc.storage.local import opened_file",
    "with opened_file(path) as source: probe_recording(source)",
)
THUMBNAIL = (
    "from komorebi_qc.media.thumbnail import png_at\nfrom komorebi_qc.storage.local import opened_file",
    "with opened_file(path) as source: png_at(source, 1.0)",
)


def run_apart(path: Path, work: tuple[str, str], *, timeout_s: float = 60.0) -> dict[str, Any]:
    """Run a program on a file in a process of its own.

    Args:
        path: the file.
        work: the imports and the statement of the program, whose file is `path`.
        timeout_s: for the whole process.

    Returns:
        ``mb`` and ``s``, peak memory and processor seconds; ``error`` and ``kind``, the error's sentence and class.
    """
    program = PROGRAM.format(imports=work[0], work=work[1])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
