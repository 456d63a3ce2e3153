"""From what arrives to numbered, checked rows.

* `arrivals`: messages and files as text columns. `numbers`: whose they are. `checks`: the contract's rules.
* `levels`: balances as changes. `seen`: which events came before. `hashes`: what both compare by.
"""
