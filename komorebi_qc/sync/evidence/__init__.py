"""The evidence of a measurement: agreement, other places that fit, what speaks against the pair, and the status."""
