"""The control matrix to look through: rows, faceted filters with counts, sorting, and what a table's cells show."""
