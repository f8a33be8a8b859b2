"""The bounds of a media file, and the walks over its structure that check them before FFmpeg acts on it."""
