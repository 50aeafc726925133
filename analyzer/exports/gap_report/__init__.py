"""The gap report as one HTML page."""
