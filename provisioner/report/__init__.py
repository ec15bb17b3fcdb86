"""How results look: JSON documents for machines, tables and lines for people."""
