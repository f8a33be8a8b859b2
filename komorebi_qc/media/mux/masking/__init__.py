"""A video track with masks: copied packets, and new groups of pictures in the same codec where a mask is."""
