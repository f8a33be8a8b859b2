"""For people, never imported in production: figures of what was measured."""
