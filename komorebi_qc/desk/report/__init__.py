"""A report page: one file that shows the diagnosis without software, kernel or network."""
