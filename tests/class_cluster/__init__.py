"""A cluster of three nodes that runs pods, and a network that obeys policies."""
