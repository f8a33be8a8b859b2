"""The transcript in the report: a list beside the player, captions, and chapters."""
