"""What students made: kept as encrypted files before it is deleted, and brought back."""
