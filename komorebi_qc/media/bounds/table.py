"""The bounds of a media file, each with its reason.

An index of a few bytes can declare millions of samples, and FFmpeg takes memory for all of them before it reads the
first one. So a file's declarations are compared with these bounds first. The bounds come from the longest shift at a
rate that no recorder exceeds, and from the size of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from komorebi_qc.core.errors import MediaError

LONGEST_S = 12 * 3600.0
"""The longest shift."""
PICTURE_CODECS = ("h264", "hevc", "vp8", "vp9", "av1")
"""FFmpeg's names of the video codecs that are decoded."""
SOUND_CODECS = (
    *("aac", "alac", "flac", "mp2", "mp3", "opus", "speex", "vorbis"),
    *("adpcm_g722", "adpcm_g726", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms"),
    *("amr_nb", "amr_wb", "gsm", "gsm_ms"),
)
"""FFmpeg's names of the audio codecs that are decoded, besides those of PCM."""
LONGEST_SIDE = 8192
MOST_PIXELS = 8192 * 8192
PROBED_PIXELS = 4096 * 4096
PROBED_BYTES = 300_000
SAMPLES_PER_S = 120
MOST_SAMPLES = round(LONGEST_S) * SAMPLES_PER_S
MOST_TABLE_ENTRIES = 4 * MOST_SAMPLES
MOST_FRAGMENTS = 1_000_000
MOST_TEXTS = 2000
MOST_TRACKS = 64
MOST_BOX_BYTES = 16 << 20
MOST_BOXES = 20_000
MOST_ELEMENT_BYTES = 4 << 20
MOST_TRACKS_BYTES = 2 << 20
MOST_TEXT_BYTES = 128 << 10
MOST_BLOCK_BYTES = 32 << 20
MOST_ADDITIONS = 16
MOST_CUES = round(LONGEST_S) * 10
MOST_CUES_BYTES = 16 << 20
MOST_CUE_BYTES = 4 << 10
MOST_CHUNK_BYTES = 16 << 20
BURST_PACKETS = 100_000
PACKETS_PER_S = 640
WAITING_BYTES = 32 << 20
ALLOCATION_BYTES = 256 << 20
LEAST_RATE, MOST_RATE = 4000, 384_000
"""Recorders of speech have no lower or higher sample rate."""
FRAME_BYTES = MOST_PIXELS * 3 // 2
THUMBNAIL_FRAMES = 300
THUMBNAIL_BYTES = 96 << 20
THUMBNAIL_PIXELS = 1 << 29
THUMBNAIL_PACKETS = 10_000
THUMBNAIL_SIDE = 2048


@dataclass(frozen=True, slots=True)
class Bound:
    """One row of the table in the documentation.

    Attributes:
        subject: the property with a bound.
        bound: the largest allowed value, with its unit.
        reason: why it isn't larger, and why no real recording needs more.
    """

    subject: str
    bound: str
    reason: str


BOUNDS = (
    Bound(
        "length of call or recording",
        f"{LONGEST_S / 3600:.0f} h",
        "the longest shift. Damaged timestamps run further",
    ),
    Bound(
        "codec of the picture",
        ", ".join(PICTURE_CODECS),
        "the codecs of browsers and their tools. Nobody needs the other decoders, and an attacker can use their faults",
    ),
    Bound(
        "side of the picture",
        f"{LONGEST_SIDE} pixels",
        "the largest size that browsers encode. Screens of 8K have 7680 pixels",
    ),
    Bound(
        "size of the picture",
        f"{MOST_PIXELS >> 20} megapixels (2^20 pixels)",
        "two screens of 8K. A frame takes 1.5 bytes a pixel, and a decoder holds several",
    ),
    Bound(
        "codec of the sound",
        f"PCM, {', '.join(SOUND_CODECS)}",
        "the codecs of browsers, of their tools and of telephony. FFmpeg has 150 more, of games and old players",
    ),
    Bound(
        "sample rate of the sound",
        f"{LEAST_RATE:,} to {MOST_RATE:,} Hz",
        "no recorder of speech has another one. FLAC can hold 65,535 samples of silence in 16 bytes",
    ),
    Bound(
        "bytes of a decoded picture",
        f"{FRAME_BYTES >> 20} MiB",
        "the largest size in 8 bits with a quarter of the colours. All colours in 12 bits take four times as much",
    ),
    Bound(
        "size of a picture that is decoded while a file is opened",
        f"{PROBED_PIXELS >> 20} megapixels",
        "FFmpeg decodes up to 20 frames to guess their order, and keeps up to 16. No deadline is asked meanwhile. "
        "Of a larger picture it decodes one",
    ),
    Bound(
        "size of a picture that changes within the file",
        f"{PROBED_PIXELS >> 20} megapixels, or the size of the first picture",
        "a shared tab or window grows up to the screen",
    ),
    Bound(
        "bytes of packets that are read while a file is opened",
        f"{PROBED_BYTES:,}",
        "FFmpeg keeps these packets, and takes 200 bytes more for each. Laced packets have one byte",
    ),
    Bound(
        "samples of all tracks, declared by an MP4's `stsz`, `stz2`, `stsc` and `trun`, edits included (`elst`)",
        f"{MOST_SAMPLES:,}",
        f"{LONGEST_S / 3600:.0f} h at {SAMPLES_PER_S} samples a second: 60 frames and 50 audio packets, and some room. "
        "FFmpeg takes about 50 bytes for each",
    ),
    Bound(
        "samples compared with the file",
        "one byte each",
        "fewer bytes than samples can't be a recording. So a file of 660 bytes can't declare millions",
    ),
    Bound(
        "bytes of all samples of pictures, declared by an MP4's `stsz`",
        "the bytes of the file",
        "the offsets of all chunks can name one picture, which is then decoded again and again",
    ),
    Bound(
        "entries of a table in an MP4's index",
        "the bytes of its box",
        "FFmpeg takes memory for the declared number before it reads the entries",
    ),
    Bound(
        "entries of all tables in an MP4's index",
        f"{MOST_TABLE_ENTRIES:,}",
        "four tables with an entry for each sample",
    ),
    Bound(
        "fragments of an MP4, multiplied by its tracks",
        f"{MOST_FRAGMENTS:,}",
        f"{LONGEST_S / 3600:.0f} h with ten a second of two tracks. FFmpeg takes 70 bytes for each, even an empty one",
    ),
    Bound(
        "encryption of an MP4 (`senc`, `saiz`, `saio`, `pssh`)",
        "refused",
        "an encrypted recording can't be used, and its tables need no bytes for the samples that they declare",
    ),
    Bound(
        "texts in an MP4's index",
        f"{MOST_TEXTS:,}",
        "recorders write a dozen. FFmpeg compares each with all others",
    ),
    Bound("tracks", f"{MOST_TRACKS}", "a recording has two or three. FFmpeg takes several kilobytes for each"),
    Bound(
        "other boxes in an MP4's index",
        f"{MOST_BOX_BYTES >> 20} MiB each, {MOST_BOXES:,} together",
        "codec headers and names take kilobytes. FFmpeg reads such a box into memory as a whole",
    ),
    Bound(
        "header elements of WebM and Matroska",
        f"{MOST_ELEMENT_BYTES >> 20} MiB of attachments, {MOST_TRACKS_BYTES >> 20} MiB of tracks, "
        f"{MOST_TEXT_BYTES >> 10} KiB of each other kind",
        "recorders write a few kilobytes. An element of two bytes can take a hundred times as much memory, and FFmpeg "
        "compares each tag with all others",
    ),
    Bound(
        "compression of a track in WebM and Matroska",
        "a header that was stripped, in 512 bytes",
        "256 packets can share a block, and FFmpeg unpacks all of them at once. Recorders compress none",
    ),
    Bound(
        "blocks of WebM and Matroska",
        f"{MOST_BLOCK_BYTES >> 20} MiB, {MOST_ADDITIONS} additions, in clusters of over 512 KiB",
        "a picture of 8K takes a few megabytes. FFmpeg copies an addition to each packet of its block",
    ),
    Bound(
        "cues of WebM and Matroska",
        f"{MOST_CUES:,} in {MOST_CUES_BYTES >> 20} MiB, {MOST_CUE_BYTES >> 10} KiB each",
        f"{LONGEST_S / 3600:.0f} h with ten a second. Recorders write one a cluster or a keyframe",
    ),
    Bound(
        "chunks of a WAV other than `data`",
        f"{MOST_CHUNK_BYTES >> 20} MiB each",
        "FFmpeg takes memory for the declared length of a text",
    ),
    Bound(
        "packets read from a file",
        f"{MOST_SAMPLES:,}, and {PACKETS_PER_S} a second after the first {BURST_PACKETS:,}",
        "240 frames and 400 audio packets a second, the shortest packets of Opus. Lacing in WebM can make 256 packets "
        "of one block",
    ),
    Bound(
        "bytes of the packets read from a file",
        "twice the file",
        "an index can name the same bytes for every sample. A header that was stripped from each packet counts again",
    ),
    Bound(
        "packets that wait for another track",
        f"{WAITING_BYTES >> 20} MiB",
        "recorders interleave their tracks within seconds. Beyond it, the tracks are read apart",
    ),
    Bound(
        "one allocation of FFmpeg",
        f"{ALLOCATION_BYTES >> 20} MiB",
        "the index of an output of 12 h takes 200 MiB. It stops what a damaged structure hides from the other bounds",
    ),
    Bound(
        "decoding for the thumbnail",
        f"{THUMBNAIL_FRAMES} frames, {THUMBNAIL_PIXELS >> 20} megapixels, {THUMBNAIL_PACKETS:,} packets, "
        f"{THUMBNAIL_BYTES >> 20} MiB of memory",
        "one second at 300 frames a second, or of 4K at 60. Then the last frame so far is taken. A decoder can hold "
        "16 frames. Memory and the deadline of the run are asked between two packets",
    ),
    Bound(
        "side of the thumbnail",
        f"{THUMBNAIL_SIDE} pixels",
        "enough for a page. A larger frame is scaled before it is converted",
    ),
)
"""The table of the documentation, in the order of the work."""


def check_size(name: str, width: int, height: int) -> None:
    """Compare the size of a picture with its bounds.

    Raises:
        MediaError: it is larger.
    """
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        bound = f"a picture has at most {LONGEST_SIDE} x {LONGEST_SIDE}"
        raise refused(name, f"has a picture of {width} x {height} pixels", bound)


def refused(name: str, found: str, bound: str) -> MediaError:
    """The error for a file that exceeds a bound.

    Args:
        name: the file's name in messages.
        found: the declaration, as a predicate: "declares 9 samples".
        bound: the bound, as a clause: "a file of its size has at most 5".
    """
    return MediaError(
        f"{name} {found}, and {bound}. It is damaged, or was made to exhaust a machine: it isn't decoded; get it again"
    )
