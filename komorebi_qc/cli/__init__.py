"""The command line: thin shells over the packages below."""
