"""The files of an analyst: a correction of an alignment, and notes. Pure."""
