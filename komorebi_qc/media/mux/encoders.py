"""The encoders of the output, and their options."""

from __future__ import annotations

ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "veryfast", "crf": "23", "bf": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "33", "b": "0", "row-mt": "1"}),
    # The fast coder takes a quarter of the default's time and scores higher on telephone speech. The tools that save
    # bits take a sixth of what is left, and 64 kb/s has enough bits without them.
    "aac": ("aac", {"aac_coder": "fast", "aac_ms": "0", "aac_is": "0", "aac_pns": "0", "aac_tns": "0"}),
    "opus": ("libopus", {"frame_duration": "20"}),
}
"""FFmpeg's encoder and its options, by codec."""
