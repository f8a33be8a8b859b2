"""An analyst's notes beside a report, and a report's findings and notes for a ticket."""
