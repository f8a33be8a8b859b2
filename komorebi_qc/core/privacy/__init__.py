"""What was not to be recorded, and where it is masked."""
