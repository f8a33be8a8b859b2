"""The erasure of a recording: everything that this software made of it is found, and removed on request."""
