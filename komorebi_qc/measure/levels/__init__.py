"""Levels of a track: how loud, how clean and how complete each channel is.

`LevelMeter` runs one meter for each question over the blocks of a track, in one pass. Samples are float32 with full
scale +-1. A full-scale sine has an RMS level of -3.01 dBFS. Levels in dBFS are RMS levels unless the name says peak.
"""

from komorebi_qc.measure.levels.channel_levels import ChannelLevels, HoldMusic
from komorebi_qc.measure.levels.clipping import clipped_spans
from komorebi_qc.measure.levels.decibels import FLOOR_DBFS
from komorebi_qc.measure.levels.meter import DEAD_DBFS, LevelMeter

__all__ = ["DEAD_DBFS", "FLOOR_DBFS", "ChannelLevels", "HoldMusic", "LevelMeter", "clipped_spans"]
