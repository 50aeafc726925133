"""Workbooks in general: sheets, looks, safe cell text. Knows nothing of controls."""
