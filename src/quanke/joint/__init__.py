"""Joint operations with a partner: two lists compared without either side giving its list away.

* `points`: identifiers as points of a curve, and the mask each side lays over them (ECDH-PSI).
* `rounds`: the three messages of one question: what each side makes of them, and who learns what.
* `messages`: a message as a file: header, seal, expiry, points.
* `contract`: the sheet both sides hold: purposes, term, kinds of identifiers, bounds, the shared key.
* `partner`: the partner's side, from a CSV of its own to the file it sends back.

Everything here runs on the partner's machine as well: it needs no home, no night and no desk.
"""
