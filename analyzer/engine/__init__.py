"""Deciding: decision tables, their two evaluators, and the analysis of an institution."""
