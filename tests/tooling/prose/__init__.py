"""The check of the repository's prose: rules, the readers that find prose in files, and the command."""
