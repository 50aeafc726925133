"""What changed, handed out: as text for a terminal, as JSON, as a workbook."""
