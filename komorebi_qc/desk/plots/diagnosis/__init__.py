"""The diagnosis figure: status, six facts, the waveforms of both sides, and the lag between them."""
