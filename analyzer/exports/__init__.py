"""Files for people and programs: workbooks, checklists, reports, JSON, CSV, Parquet."""
