"""An analyst's correction of a recording: in its item, in an order, and tried without publishing."""
