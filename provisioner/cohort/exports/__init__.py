"""What learning platforms, portals and spreadsheets write of a class, read into a roster."""
