"""Tasks answered from what history holds of them: what they were asked, and what they wrote (floor 4).

A task is answered where history holds one of the same node with the same input: it does not run, and what
that one wrote is written again. Ids of messages and tool calls are made up by each run, so they do not count
(:mod:`~lgviz.analysis.fingerprint`). What counts is the node's input, private channels included, for an
``@entrypoint`` what it returned in the turn before, and the run's ``configurable``. Not stored, so not
counted: the run's ``context``, ``remaining_steps`` and other managed values, and whatever else a node looks
at, as a clock or a store.

A node that must run is answered task by task in what it calls (``@task``; :mod:`~lgviz.reuse.calls`).

Never answered: a task that failed or still waits; one whose input cannot be told exactly; one of a step from
which several runs went on where LangGraph kept the writes of the last only. A node that is a graph is
answered by its own nodes, where their checkpoints are stored. A cache of the graph's own is set aside.
"""
