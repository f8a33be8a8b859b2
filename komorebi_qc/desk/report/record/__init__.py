"""The facts of a contact's record on a report page."""
