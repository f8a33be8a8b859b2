"""The one way to open media. Nothing else in the package gives FFmpeg a file to read; a test looks for it.

Files are open file objects, never paths or addresses, and only real containers are opened. Otherwise FFmpeg would
follow the names in a playlist or a script (m3u8, concat, SDP). Each declaration of a file is compared with the
bounds of `komorebi_qc.media.bounds` before FFmpeg acts on it.
"""

from komorebi_qc.media.opening.container import open_container
from komorebi_qc.media.opening.formats import CALL_FORMATS, RECORDING_FORMATS
from komorebi_qc.media.opening.tracks import audio_stream, codec_name, video_stream, video_streams

__all__ = [
    "CALL_FORMATS",
    "RECORDING_FORMATS",
    "audio_stream",
    "codec_name",
    "open_container",
    "video_stream",
    "video_streams",
]
