"""Media files through PyAV: probe, decode, mix, mux."""
