"""Conditions and values of a batch: one graph of steps for all of them, worked out as far as asked.

Like `Program`, equal subtrees are one step; unlike it:

* a definition named in an expression is its own subtree here, so tags and the triggers that read them are
  one graph;
* a condition whose truth alone matters is worked out in two-valued masks (true here, false there), not in
  values with a mask of what is known;
* what reads one text and nothing else is worked out once for each different text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quanke.engines.live import columns as carriers
from quanke.engines.live.columns import Array, Bools, Column
from quanke.engines.live.dense import Texts
from quanke.engines.live.lowering import LOWERINGS
from quanke.language.nodes import AsOf, Call, Literal, Node, Reference, type_of
from quanke.language.types import Kind

Reader = Callable[[Node], Column | Texts]
"""Gives the column of a field, a reference, an aggregate or a place."""

SHORT = 10_000
"""A vocabulary up to so long is made a dictionary for the texts a batch is compared with."""
_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "at_most": np.less_equal,
    "greater": np.greater,
    "at_least": np.greater_equal,
}
_INVERSE = {
    "equal": np.not_equal,
    "not_equal": np.equal,
    "less": np.greater_equal,
    "at_most": np.greater,
    "greater": np.less_equal,
    "at_least": np.less,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One node; `arguments` are places of steps before it. `text`: the place of the one text all of it
    reads, or -1."""

    node: Node
    arguments: tuple[int, ...]
    text: int = -1


class Formulas:
    """Expressions prepared once. `inline` gives the expression of a definition that is to be worked out
    rather than read, by name."""

    def __init__(self, nodes: Sequence[Node], inline: Mapping[str, Node] | None = None) -> None:
        self._inline = inline or {}
        self._place: dict[Node, int] = {}
        self.steps: list[Step] = []
        self.constants: dict[int, Column] = {}
        self.outputs = tuple(self.add(node) for node in nodes)

    def add(self, node: Node) -> int:
        """Place of a node among the steps."""
        known = self._place.get(node)
        if known is not None:
            return known
        if isinstance(node, Reference) and not node.earlier and node.name in self._inline:
            place = self.add(self._inline[node.name])
        else:
            arguments = tuple(self.add(below) for below in node.arguments) if isinstance(node, Call) else ()
            self.steps.append(Step(node, arguments, self._text(node, arguments)))
            place = len(self.steps) - 1
            if isinstance(node, Literal):
                self.constants[place] = carriers.constant(node.value, node.type)
        self._place[node] = place
        return place

    def _text(self, node: Node, arguments: tuple[int, ...]) -> int:
        """The one text a step reads: constants beside it do not count, the as-of day does."""
        if not isinstance(node, Call):
            leaf = type_of(node).kind is Kind.TEXT and not isinstance(node, Literal)
            return len(self.steps) if leaf else -1
        texts = set()
        for place in arguments:
            if not isinstance(self.steps[place].node, Literal):
                texts.add(self.steps[place].text)
        return texts.pop() if len(texts) == 1 else -1

    @property
    def inputs(self) -> tuple[Node, ...]:
        """What the reader may be asked for."""
        return tuple(s.node for s in self.steps if not isinstance(s.node, (Call, Literal, AsOf)))

    def run(self, read: Reader, as_of: dt.date, rows: int, ones: Bools | None = None) -> Evaluation:
        """An evaluation over `rows` rows; nothing is worked out yet."""
        return Evaluation(self, read, as_of, rows, np.ones(rows, np.bool_) if ones is None else ones)


class Evaluation:
    """The steps of a batch that have been worked out.

    Every method may raise OverflowError where a whole-number result does not fit 64 bits.
    """

    def __init__(self, formulas: Formulas, read: Reader, as_of: dt.date, rows: int, ones: Bools) -> None:
        self.formulas = formulas
        self.rows = rows
        self.ones = ones
        self._read = read
        self._as_of = as_of
        self._values: list[Column | None] = [None] * len(formulas.steps)
        self._texts: dict[int, Texts | None] = {}
        self._codes: dict[int, dict[object, int]] = {}
        self._true: list[Array | None] = [None] * len(formulas.steps)
        self._false: list[Array | None] = [None] * len(formulas.steps)

    def column(self, place: int) -> Column:
        """Values of a step, one for each row."""
        return self.value(place).spread(self.rows)

    def value(self, place: int) -> Column:
        """Values of a step; a constant may have one row."""
        found = self._values[place]
        if found is None:
            found = self._values[place] = self._value(place)
        return found

    def _value(self, place: int) -> Column:
        step = self.formulas.steps[place]
        node = step.node
        if isinstance(node, Literal):
            return self.formulas.constants[place]
        if isinstance(node, AsOf):
            return carriers.day_column(node.on(self._as_of))
        if step.text >= 0:
            texts = self.texts(step.text)
            if texts is not None:
                return texts.column() if step.text == place else self._by_text(place, texts)
        if isinstance(node, Call):
            arguments = [self.value(a) for a in step.arguments]
            return LOWERINGS[node.operation](node, arguments)
        read = self._read(node)
        assert isinstance(read, Column)
        return read

    def texts(self, place: int) -> Texts | None:
        """A leaf's texts as codes; None where the reader gives them in full."""
        if place not in self._texts:
            read = self._read(self.formulas.steps[place].node)
            if isinstance(read, Column):
                self._values[place] = read
            self._texts[place] = read if isinstance(read, Texts) else None
        return self._texts[place]

    def _by_text(self, place: int, texts: Texts) -> Column:
        """A step that reads one text: its values for each different text, and for an unknown one, taken
        for the rows."""
        codes, vocabulary = texts.codes, texts.vocabulary
        if len(vocabulary) > 4 * self.rows:
            used, codes = np.unique(codes, return_inverse=True)
            known = used[used >= 0]
            codes = codes - (len(used) - len(known))  # an unknown text comes first, as -1, and stays -1
            vocabulary = [vocabulary[code] for code in known.tolist()]
        words: Array = np.empty(len(vocabulary) + 1, object)
        words[:-1] = vocabulary
        words[-1] = ""
        valid = np.ones(len(words), np.bool_)
        valid[-1] = False
        leaf = self.formulas.steps[place].text
        made = _each(self.formulas, place, leaf, Column(words, valid)).spread(len(words))
        # -1 wraps around to the last entry, the unknown one
        return Column(made.values.take(codes, mode="wrap"), made.valid.take(codes, mode="wrap"))

    # --- truth

    def true(self, place: int) -> Array:
        """Where a condition is true; of one or `rows` rows."""
        found = self._true[place]
        if found is None:
            found = self._true[place] = self._truth(place, wanted=True)
        return found

    def false(self, place: int) -> Array:
        """Where a condition is false; of one or `rows` rows."""
        found = self._false[place]
        if found is None:
            found = self._false[place] = self._truth(place, wanted=False)
        return found

    def _truth(self, place: int, *, wanted: bool) -> Array:
        step = self.formulas.steps[place]
        node, arguments = step.node, step.arguments
        if isinstance(node, Call) and (step.text < 0 or self.texts(step.text) is None):
            side = self.true if wanted else self.false
            operation = node.operation
            if operation in ("both", "either"):
                join = np.logical_and if (operation == "both") == wanted else np.logical_or
                joined: Array = join(side(arguments[0]), side(arguments[1]))
                return joined
            if operation == "opposite":
                return (self.false if wanted else self.true)(arguments[0])
            compare = (_COMPARE if wanted else _INVERSE).get(operation)
            if compare is not None:
                a, b = self.value(arguments[0]), self.value(arguments[1])
                if a.values.dtype == object or a.values.dtype.kind == "f":
                    compare = _COMPARE[operation]  # nan has no inverse
                else:
                    return self._known(compare(a.values, b.values), a, b)
        if step.text >= 0:
            mask = self._is_text(step, wanted=wanted)
            if mask is not None:
                return mask
        column = self.value(place)
        values = column.values if wanted else ~column.values
        return self._known(values, column)

    def _is_text(self, step: Step, *, wanted: bool) -> Array | None:
        """Where a text is (or is not) a given one: found by its code; None for other conditions."""
        node = step.node
        if not isinstance(node, Call) or node.operation != "equal" or step.arguments[0] != step.text:
            return None
        texts, word = self.texts(step.text), node.arguments[1]
        if texts is None or not isinstance(word, Literal) or word.value is None:
            return None
        code = self._code(texts.vocabulary, word.value)
        same: Array = texts.codes == code
        return same if wanted else ~same & (texts.codes >= 0)

    def _code(self, vocabulary: Sequence[str], word: object) -> int:
        """Place of a text in a vocabulary; -2, which no row has, where it is not in it."""
        known = self._codes.get(id(vocabulary))
        if known is None:
            known = {text: code for code, text in enumerate(vocabulary)} if len(vocabulary) < SHORT else {}
            self._codes[id(vocabulary)] = known
        if len(vocabulary) < SHORT:
            return known.get(word, -2)
        found = known.get(word)
        if found is None:
            found = next((code for code, text in enumerate(vocabulary) if text == word), -2)
            known[word] = found
        return found

    def _known(self, truth: Array, *columns: Column) -> Array:
        """A fresh mask less the rows where one of the columns is unknown."""
        for column in columns:
            if column.valid is not self.ones and not (len(column.valid) == 1 and column.valid[0]):
                truth = truth & column.valid
        return truth


def _each(formulas: Formulas, place: int, leaf: int, words: Column) -> Column:
    """The values of a step over a column put in the place of its one leaf."""
    if place == leaf:
        return words
    step = formulas.steps[place]
    if isinstance(step.node, Literal):
        return formulas.constants[place]
    assert isinstance(step.node, Call)
    arguments = [_each(formulas, a, leaf, words) for a in step.arguments]
    return LOWERINGS[step.node.operation](step.node, arguments)
