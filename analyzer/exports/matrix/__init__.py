"""The control matrix (管理策マトリクス): one module a group of sheets."""
