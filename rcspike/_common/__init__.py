"""What every room shares: atomic files, readers of text and tables, locks, identities, plain arrays and numbers."""
