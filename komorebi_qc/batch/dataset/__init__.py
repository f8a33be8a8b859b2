"""The dataset: its columns, its files, and the rule by which two rows of a recording become one."""
