"""One page that shows a recording's diagnosis to anybody: no software, no kernel, no network."""
