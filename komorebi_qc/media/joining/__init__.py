"""Several files of one agent recording, written as one file on the clock of the earliest one."""
