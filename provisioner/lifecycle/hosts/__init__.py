"""Lab hosts over SSH: what is wanted of them, made so, shown, and taken off again."""
