"""Keywords in texts: which rules hold, by which keyword, and where.

Pure: rules and a text go in, findings come out. `matcher` is the door; `forms` says what counts as
the same text, `boundaries` where words end, and `literals`, `fuzzy` and `patterns` each look for
one sort of keyword.
"""
