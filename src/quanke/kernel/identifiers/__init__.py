"""Identifiers of people, organisations, cards and phones: checks, match keys and masks, by kind.

* `texts`: what is trimmed before any rule looks at a number.
* `resident`: the GB 11643 family: resident id, residence permit, permanent residence card (ID-1, ID-2).
* `travel`: permits of Hong Kong, Macau and Taiwan residents, passports, Hong Kong identity cards (ID-3).
* `organisation`: unified social credit code, organisation code, LEI (ID-4, ID-6).
* `card`: bank cards (ID-5); `phone`: mobile numbers (ID-7).
* `document`: one entry for all of them, by `id_type`: the type is always carried, never guessed.
* `names`: the derived `name_match` and how two records of a name compare (NAM-1 to NAM-4).
* `masks`: what is shown where the whole must not be.
* `columns`: the same checks over Arrow arrays, a million rows at a time.

A check returns a `Reason` where the text breaks a rule and None where it does not. Rule numbers are of
domain.md. python-stdnum is used for its check digits; each module says where its whole-number checks are
not right for a bank.
"""
