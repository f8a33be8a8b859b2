"""Pure types and rules: errors, clocks, the splice, limits, findings' shape. No I/O library is imported."""
