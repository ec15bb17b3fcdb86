"""What Practicum costs, beside kubectl, a raw asynchronous apply, and what people write.

``python -m bench`` (or ``make bench``) starts a rehearsal control plane, brings cohorts of
several sizes up and down on it with the real command, does the same objects with the
yardsticks, and writes ``last.md``, ``last.json`` and two charts. It is a report: no figure
makes it fail, only a command that does not work.

Each part is kept in ``last.json`` as it ends, with its date and commit; what is measured
again takes the place of what was. So a run may be made in pieces, or broken off::

    make bench                                         all of it, three times
    make bench ARGS="--only rounds --sizes 300"        a part of it
    make bench ARGS=--resume                           what is missing at this commit
    make bench ARGS=--redraw                           the report and the charts again
"""
