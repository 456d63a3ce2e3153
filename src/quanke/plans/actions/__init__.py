"""Actions as data: what can be done for a customer, who may be asked, and what it is worth.

The standard ones stand in `standard.yaml`; a bank adds to them, replaces or retires them in `plan.yaml` of
its home. An action becomes a definition of the language (`value_<name>`), so that every engine decides alike
who it is for and what it is worth.
"""

from quanke.plans.actions.action import Action, By, Means
from quanke.plans.actions.definitions import action_definitions, done_name, value_name
from quanke.plans.actions.gates import GATES, Gate, gates_of
from quanke.plans.actions.reading import PlanProgram, read_program, standard_program

__all__ = [
    "GATES",
    "Action",
    "By",
    "Gate",
    "Means",
    "PlanProgram",
    "action_definitions",
    "done_name",
    "gates_of",
    "read_program",
    "standard_program",
    "value_name",
]
