"""What happens to a cohort: read, brought up, shown, handed out, taken down."""
