"""Moving in, as staff do it: upload, plan, confirmation, progress, report, undo. A module per step; all belong to one admin."""
