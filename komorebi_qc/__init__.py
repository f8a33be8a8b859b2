"""One recording out of two: Amazon Connect's call audio over the agent's screen recording, in sync."""

__version__ = "0.2.0"
