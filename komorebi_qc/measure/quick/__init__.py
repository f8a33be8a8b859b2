"""A quick look at a pair: the sync measurement of a few windows, chosen where speech is. Nothing here reads a file."""
