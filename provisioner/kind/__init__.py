"""kind: Kubernetes clusters whose nodes are containers, and the image of such a node.

* ``docker`` asks the container engine; it is the one that ``DOCKER_HOST`` names.
* ``image`` builds, saves and loads a node image. Whoever has an image registry at hand
  needs none of it: kind pulls its own.
"""
