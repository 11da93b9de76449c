"""Modules that all packages use: atomic files, readers of text and tables, locks, identities, arrays and numbers."""
