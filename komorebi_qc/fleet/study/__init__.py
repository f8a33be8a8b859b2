"""The analysis of a dataset: counts, changes by day, groups that stand out, and likely causes."""
