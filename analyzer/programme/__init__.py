"""Support programmes that institutions and a secretariat work through together (docs/programme.md)."""
