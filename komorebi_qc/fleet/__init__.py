"""The fleet report: thousands of recordings' results on one page, from the dataset that `komorebi-qc batch` writes."""
