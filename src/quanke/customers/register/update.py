"""The step of the night that finds out who is who.

Only records that are new or have changed, and those linked to a changed or withdrawn one, are compared
again (with everybody); the links of the others are kept. From all links and decisions together the groups are
formed anew, so the outcome does not depend on the order in which records came. (One limit: keys that become
too common to be followed, see `identity.candidates`, unlink nobody.) Everything is written in one
publication: a killed step leaves what was there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.publication import Publication
from quanke.bank.session import Resources, connect
from quanke.customers.register.handed_over import decisions_of, digests_of
from quanke.customers.register.history import (
    CONTRADICTION,
    DECIDED,
    DECIDED_SAME,
    events_table,
    queue_table,
)
from quanke.customers.register.numbers import (
    Ints,
    Numbered,
    moves_between,
    number_groups,
    owners,
    owners_among,
    together,
)
from quanke.customers.register.records import GROUPED_BY, normalised_pieces, write_records
from quanke.customers.register.store import (
    FOLDER,
    Register,
    read_kept,
    read_state,
    register_of,
    stage_table,
)
from quanke.kernel.progress import Progress

if TYPE_CHECKING:
    from quanke.customers.identity import Grouping, IdentityModel

TABLES = ("parties", "organisations", "identity_decisions")
"""What the register is made of."""

_LINKS = pa.schema(
    [
        ("left", pa.int32()),
        ("right", pa.int32()),
        ("outcome", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
    ]
)
ENOUGH = 20_000
"""Records from which on a home's model is learnt from them; below, the model that ships is used."""
RENEWABLE = ("passport", "permit_hk_macau", "permit_taiwan")
"""Families of documents whose number may change on renewal."""
SEEN_BEFORE = "same document in an earlier delivery"
"""Reason of a link between records that were loaded as one customer and do not show one document now."""


def inputs_fingerprint(home: Home) -> str:
    """Digest of the deliveries the register is made of."""
    units = [
        (table, u.unit, str(u.business_date), u.fingerprint, u.taken, u.replay_of)
        for table in TABLES
        for u in home.book(table)
    ]
    return hashlib.sha256(json.dumps(units).encode()).hexdigest()[:16]


def update_register(
    home: Home, day: dt.date, progress: Progress, resources: Resources | None = None
) -> Register:
    """Bring the register up to date with what was loaded and decided; does nothing where nothing is new.

    `day` dates the events. Raises HomeError where another process writes the home.
    """
    if read_state(home).get("inputs") == inputs_fingerprint(home):
        return register_of(home)
    with home.writing():
        update = _Update(home, day, resources or Resources())
        with progress.step("who is who", 5) as step:
            update.read()
            step.advance()
            update.compare()
            step.advance(2)
            update.settle()
            step.advance()
            update.write()
            step.advance()
    return register_of(home)


@dataclass
class _Update:
    """One run of the step; methods hand results on in the order they are called."""

    home: Home
    day: dt.date
    resources: Resources

    def read(self) -> None:
        """Records as they are now: those known from before, and those that are new or have changed."""
        self.before = register_of(self.home)
        self.publication = Publication(self.home.path)
        self.records = self.publication.stage(f"{FOLDER}/records.parquet")
        kept: Path | None = self.home.path / FOLDER / "records.parquet"
        kept = kept if kept and kept.exists() else None
        known = None if kept is None else pq.read_table(kept, columns=["party", "handed_over"])
        scratch = self.home.work / FOLDER
        scratch.mkdir(exist_ok=True)
        with connect(scratch, self.resources) as connection:
            now = digests_of(connection, self.home)
            fresh, stays = _fresh(now, known)
            pieces = normalised_pieces(connection, self.home, fresh, now)
            write_records(connection, pieces, kept, stays, self.records)
            self.decisions = decisions_of(connection, self.home)
        self.party: Ints = now["party"].to_numpy()
        self.fresh: npt.NDArray[np.bool_] = self._mask(fresh)[self.party]

    def _mask(self, parties: Ints) -> npt.NDArray[np.bool_]:
        """Which of all parties are among these."""
        mask = np.zeros(len(self.before.loaded), dtype=np.bool_)
        mask[parties] = True
        return mask

    def compare(self) -> None:
        """All links between records: the kept ones of unchanged pairs, and those of fresh records."""
        from quanke.customers.identity import find_links

        pinned, self.model = self._models()
        kept = read_kept(self.home, "links")
        again = pinned is None or pinned.fingerprint() != self.model.fingerprint()
        if kept is not None:
            self._widen(kept)
        everything = kept is None or again or bool(self.fresh.all())
        found = find_links(self.records, self.model, None if everything else self.fresh)
        found = found.select(_LINKS.names).cast(_LINKS)
        if kept is not None and not everything:
            found = pa.concat_tables([self._still(kept), found])
        self.links = pa.concat_tables([found, self._seen_before(found)])

    def _widen(self, kept: pa.Table) -> None:
        """Compare anew whoever was linked to a record that changed or went: exact links are stars around one
        record, and equal records are compared by one of them, so his other links may have hung on it."""
        touched = ~self._mask(self.party)
        touched[self.party[self.fresh]] = True
        left, right = (np.asarray(kept[name].to_numpy()) for name in ("left", "right"))
        hung = touched[left] | touched[right]
        again = self._mask(np.concatenate([left[hung], right[hung]]))
        self.fresh = self.fresh | again[self.party]

    def _models(self) -> tuple[IdentityModel | None, IdentityModel]:
        """The model pinned so far, and the one to use: the pinned one, unless there are for the first time
        enough records to learn from. Then everything is compared anew, once."""
        from quanke.customers.identity import IdentityModel, default_model, train

        path = self.home.path / FOLDER / "model.json"
        pinned = IdentityModel.from_json(path.read_text(encoding="utf-8")) if path.exists() else None
        if pinned is not None and (pinned.trained_on or len(self.party) < ENOUGH):
            return pinned, pinned
        return pinned, train(self.records) if len(self.party) >= ENOUGH else default_model()

    def _still(self, kept: pa.Table) -> pa.Table:
        """Kept links (in party numbers) between records that did not change, by row position."""
        ends = [np.asarray(kept[name].to_numpy()) for name in ("left", "right")]
        unchanged = self._mask(self.party[~self.fresh])
        stays = unchanged[ends[0]] & unchanged[ends[1]]
        table = kept.filter(pa.array(stays)).select(_LINKS.names)
        for name in ("left", "right"):
            rows = np.searchsorted(self.party, table[name].to_numpy()).astype(np.int32)
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(rows))
        derived = pc.or_(
            pc.equal(table["reason"], SEEN_BEFORE),
            pc.is_in(table["outcome"], value_set=pa.array([DECIDED, CONTRADICTION])),
        )
        return table.filter(pc.invert(derived)).cast(_LINKS)

    def _seen_before(self, links: pa.Table) -> pa.Table:
        """Links between records loaded as one customer that no longer show the same document: the bank's
        own history is evidence, until somebody decides otherwise."""
        loaded = self.before.loaded[self.party]
        exact = links.filter(pc.equal(links["outcome"], "exact"))
        pairs = np.column_stack([exact["left"].to_numpy(), exact["right"].to_numpy()])
        label = together(len(self.party), pairs)
        order = np.lexsort((np.arange(len(loaded)), loaded))
        same = loaded[order][1:] == loaded[order][:-1]
        left, right = order[:-1][same].astype(np.int32), order[1:][same].astype(np.int32)
        apart = label[left] != label[right]
        left, right = left[apart], right[apart]
        proven = self._history_proves(left, right)
        return pa.table(
            {
                "left": pa.array(np.minimum(left, right)),
                "right": pa.array(np.maximum(left, right)),
                "outcome": pc.if_else(pa.array(proven), "exact", "review"),
                "probability": pc.if_else(pa.array(proven), 1.0, 0.5),
                "reason": pa.array([SEEN_BEFORE] * len(left), pa.string()),
            }
        ).cast(_LINKS)

    def _history_proves(self, left: Ints, right: Ints) -> npt.NDArray[np.bool_]:
        """Whether two records that were loaded as one customer still are: they show one document, or one name
        and no two documents, a renewed passport or permit apart (ID-3). Else a person is asked (NAM-4)."""
        rows = pq.read_table(self.records, columns=["family", "document", "name_match"]).combine_chunks()
        one, other = (rows.take(pa.array(ends)) for ends in (left, right))

        def equal(name: str) -> pa.ChunkedArray:
            return pc.fill_null(pc.equal(one[name], other[name]), False)

        renewed = pc.and_(equal("family"), pc.is_in(one["family"], value_set=pa.array(RENEWABLE)))
        missing = pc.or_(pc.is_null(one["document"]), pc.is_null(other["document"]))
        proven = pc.or_(equal("document"), pc.and_(equal("name_match"), pc.or_(missing, renewed)))
        return np.asarray(proven.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def settle(self) -> None:
        """Groups, their numbers, and what moved."""
        from quanke.customers.identity import group

        rows = pq.read_table(self.records, columns=list(GROUPED_BY))
        self.grouping: Grouping = group(rows, self.links, self._decided(), self.model.cohesion)
        known = read_kept(self.home, "owners")
        owner = owners(
            self.before.loaded, self.before.count, None if known is None else known["party"].to_numpy()
        )
        label = np.arange(len(self.before.loaded), dtype=np.int32)
        label[self.party] = self.party[self.grouping.label]
        # records that no delivery holds any more stay with those who were one customer with them
        gone = np.flatnonzero(~self._mask(self.party))
        companion = owners(self.before.customer, self.before.count)
        present = owners_among(self.before.customer, self.before.count, self.party)
        stays = np.where(present >= 0, present, companion)[self.before.customer[gone]]
        label[gone] = np.where(self._mask(self.party)[stays], label[stays], stays)
        self.numbered: Numbered = number_groups(label, owner)
        self.moves = moves_between(self.before.customer, self.numbered.customer)

    def _decided(self) -> pa.Table:
        """Decisions about records that are there, by row position, oldest first."""
        ends = [self.decisions[name].to_numpy() for name in ("one_party", "other_party")]
        known = self._mask(self.party)
        there = known[ends[0]] & known[ends[1]] & (ends[0] != ends[1])
        table = self.decisions.filter(pa.array(there))
        rows = [
            np.searchsorted(self.party, table[name].to_numpy()).astype(np.int32)
            for name in ("one_party", "other_party")
        ]
        self.decided = table
        return pa.table({"left": rows[0], "right": rows[1], "decision": table["decision"]})

    def write(self) -> None:
        """Publish the new state."""
        home, publication = self.home, self.publication
        settled = pa.concat_tables([self._in_parties(self.grouping.links), self._decided_links()])
        events = events_table(self, settled)
        if events.num_rows:
            number = len(list((home.path / FOLDER / "events").glob("*.parquet"))) + 1
            stage_table(publication, f"events/{number:06d}", events)
        stage_table(publication, "customers", self._customers())
        stage_table(publication, "owners", pa.table({"party": pa.array(self.numbered.owner)}))
        stage_table(publication, "links", settled.sort_by([("left", "ascending"), ("right", "ascending")]))
        stage_table(publication, "queue", queue_table(self, settled))
        publication.write(f"{FOLDER}/model.json", self.model.to_json())
        counts = replace(home.counts(), customers=self.numbered.count)
        publication.write("numbers/counts.json", counts.to_json())
        publication.write(f"{FOLDER}/state.json", json.dumps(self._state(), sort_keys=True) + "\n")
        publication.commit()

    def _decided_links(self) -> pa.Table:
        """Pairs of which the last word was `same`, by party number: links where they are one customer, and
        questions where other decisions stand against it."""
        last = {
            tuple(sorted((row["one_party"], row["other_party"]))): row["decision"]
            for row in self.decided.to_pylist()
        }
        pairs = sorted(pair for pair, decision in last.items() if decision == "same")
        one, other = (np.array([pair[end] for pair in pairs], dtype=np.int32) for end in (0, 1))
        holds = pa.array(self.numbered.customer[one] == self.numbered.customer[other], pa.bool_())
        columns = {
            "left": pa.array(one),
            "right": pa.array(other),
            "outcome": pc.if_else(holds, DECIDED, CONTRADICTION),
            "probability": pa.nulls(len(pairs), pa.float64()),
            "reason": pa.array([DECIDED_SAME] * len(pairs), pa.string()),
            "settled": pc.if_else(holds, "linked", "queued"),
            "why": pc.if_else(holds, DECIDED_SAME, "other decisions stand against it"),
        }
        return pa.table(columns)

    def _customers(self) -> pa.Table:
        parties = np.arange(len(self.before.loaded), dtype=np.int32)
        return pa.table({"party": parties, "loaded": self.before.loaded, "customer": self.numbered.customer})

    def _in_parties(self, links: pa.Table) -> pa.Table:
        """Links by party number, the smaller one left."""
        ends = np.sort(
            np.column_stack([self.party[links["left"].to_numpy()], self.party[links["right"].to_numpy()]]), 1
        )
        rest = links.drop_columns(["left", "right"])
        return rest.add_column(0, "left", pa.array(ends[:, 0])).add_column(1, "right", pa.array(ends[:, 1]))

    def _state(self) -> dict[str, Any]:
        who = hashlib.sha256(self.numbered.customer.tobytes()).hexdigest()[:16]
        return {
            "format": 1,
            "inputs": inputs_fingerprint(self.home),
            "model": self.model.fingerprint(),
            "fingerprint": who,
            "parties": len(self.before.loaded),
            "customers": int(np.count_nonzero(np.bincount(self.numbered.customer))),
            "date": self.day.isoformat(),
        }


def _fresh(now: pa.Table, known: pa.Table | None) -> tuple[Ints, Ints]:
    """Parties whose record is new or differs from the one that was compared before, and the others."""
    party: Ints = now["party"].to_numpy()
    if known is None or not known.num_rows:
        return party, party[:0]
    before, digest = known["party"].to_numpy(), known["handed_over"].to_numpy()
    place = np.minimum(np.searchsorted(before, party), len(before) - 1)
    same = (before[place] == party) & (digest[place] == now["handed_over"].to_numpy())
    return party[~same], party[same]
