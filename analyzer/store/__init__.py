"""Institutions as living records: a database, its audit trail, accounts and files. Authorisation is decided here."""
