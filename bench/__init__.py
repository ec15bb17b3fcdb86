"""What Practicum costs, beside bulk ``kubectl apply`` and a raw asynchronous apply.

``python -m bench`` (or ``make bench``) starts a rehearsal control plane, brings cohorts of
several sizes up and down on it with the real command, does the same objects with the
yardsticks, and writes ``last.md``, ``last.png`` and ``last.json``. It is a report: no
figure makes it fail, only a command that does not work.
"""
