"""The way back: filled-in workbooks are read, compared with the record, and taken where a person agrees."""
