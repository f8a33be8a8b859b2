"""Several files of one agent recording, joined on one clock: their places and the gaps between them. Pure."""
