"""The container formats that are opened, by FFmpeg's names. All others would follow names in a playlist or a script."""

from __future__ import annotations

RECORDING_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
CALL_FORMATS = f"wav,w64,aiff,flac,mp3,ogg,{RECORDING_FORMATS}"
