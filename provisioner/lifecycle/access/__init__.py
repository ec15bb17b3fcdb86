"""Who gets into an environment: credentials given, kept on disk, taken back, told of."""
