"""The evidence of a measurement: agreement, other places that fit, disagreement, and the status."""
