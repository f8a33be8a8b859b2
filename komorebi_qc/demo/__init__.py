"""An embedded AWS with a sample call."""
