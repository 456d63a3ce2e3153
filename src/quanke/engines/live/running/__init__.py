"""The engine at work: from sources to sinks, each decision exactly once.

* `live`: the loop. `steps`: what was given, written down. `checkpoint`: everything held, by a rename.
* `order`: rows of several tables in their order of coming. `quarantine`: refused events. `status`: figures.
"""
