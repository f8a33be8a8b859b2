"""The analyst's desk: plots, report, clip, audit, notebooks. Never imported in production."""
