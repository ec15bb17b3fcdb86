"""What ``doctor`` says before anything is changed, and what to do about it."""
