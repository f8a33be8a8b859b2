"""The first screen of a report: the headline of four, and the strip of sources above the waveforms."""
