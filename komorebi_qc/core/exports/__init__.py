"""Texts from outside, made harmless for a spreadsheet, a terminal or a ticket. Pure."""
