"""Reading and checking the YAML of the knowledge base and of institutions."""
