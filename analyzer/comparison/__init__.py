"""What changed between two states: of the knowledge base, or of one institution's analysis."""
