"""Writing one MP4 or WebM from a splice (through PyAV): mix, encode, mux.

Video packets are copied if the container takes their codec, otherwise each frame is re-encoded. Masks of a copied
picture are new groups of pictures between copied packets (`mux.masking`). Video timestamps stay as they are; they are
moved only if the call began before the recording. MP4 hides frames before second 0, WebM shows them at second 0.
"""

from komorebi_qc.media.mux.job import RenderJob
from komorebi_qc.media.mux.write import write_output

__all__ = ["RenderJob", "write_output"]
