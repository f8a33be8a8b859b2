"""Transcripts: the words of a call, read from several formats and put on the output clock. Pure."""
