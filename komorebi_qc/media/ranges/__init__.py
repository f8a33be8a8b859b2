"""A recording's audio read span by span, without the bytes between them."""
