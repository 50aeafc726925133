"""Many institutions at once: tables of them read in blocks, every block judged in one pass (docs/portfolio.md)."""
