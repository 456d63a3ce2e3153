"""Why books cannot be changed, in the language of who looks: the library tells it in English.

The sentences are the library's own and this room's, with names for what stands in them; each has its Chinese
in the translations. One that is not here is told as the library says it, with a word that it does.
"""

from __future__ import annotations

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.sentences import Sentences

SENTENCES = (
    _noop("customers or posts changed since it was proposed: propose again"),
    _noop("a swap needs two customers at two posts"),
    _noop("an edit is pin, exclude or swap"),
    _noop("customer %(a)s is not in the proposal: nobody is to look after him"),
    _noop("there is no post of that number that can look after customers"),
    _noop("customer %(a)s may not go there: %(b)s"),
    _noop("customer %(a)s chose post %(b)s himself (BK-5)"),
    _noop("customer %(a)s came to his post less than %(b)s days ago (BK-5)"),
    _noop("customer %(a)s is not at post %(b)s in the proposal"),
    _noop("the customer chose that post himself (BK-5)"),
    _noop("no other post he may go to has room"),
    _noop("the proposal cannot be %(a)s: %(b)s"),
    _noop("who does it has to be said"),
    _noop("somebody else changed the proposal meanwhile: look at it again"),
    _noop("version %(a)s is not the last one (%(b)s): look at it again"),
    _noop("four eyes: who proposed or edited it may not approve it (BK-5)"),
    _noop("four eyes: who loses or gains customers by it may not approve it (BK-5)"),
    _noop("who approves is a member of staff who is with the bank on that day"),
    _noop("it is being applied from %(a)s: no other day can be given now"),
    _noop("the books have changed since it was begun: refuse it and propose again"),
    _noop("its rows have been taken: run `quanke books apply` again, then undo it"),
    _noop("it holds from %(a)s: it cannot be undone from an earlier day"),
    _noop("the books are those of %(a)s: they cannot hold from an earlier day"),
    _noop("until %(a)s it is decided who looks after whom: choose that day or a later one"),
    _noop("the books are those of %(a)s: %(b)s is more than %(c)s days later"),
    _noop("proposal %(a)s is half-way: finish that first"),
    _noop("%(a)s customers were merged with others since it was proposed: propose again"),
    _noop("%(a)s customers have another manager than when it was proposed: propose again"),
    _noop("%(a)s customers got their manager after %(b)s: choose a later day"),
    _noop("%(a)s posts it gives customers to are closed on %(b)s: propose again"),
    _noop("%(a)s customers were put into books it fills since it was proposed: propose again"),
    _noop("%(a)s intervals it made or ended have been changed since: it stays applied"),
    _noop("%(a)s customers it let go have another manager since: it stays applied"),
    _noop("the rows were not taken: %(a)s"),
    _noop("post %(a)s would hold %(b)s units of %(c)s (BK-2)"),
    _noop("a scope is one of %(a)s"),
    _noop("the bank has no post that can look after anybody: load branches, staff and posts"),
    _noop("proposal %(a)s has no version %(b)s"),
    _noop("there is no such proposal"),
    _noop("a thousand proposals were made for %(a)s"),
    _noop("the night of %(a)s has no tag %(b)s: run a later night first"),
    _noop("the night of %(a)s has no service matrix: run a later night first"),
    _noop("somebody's manager was changed at the desk since: deliver that and propose again"),
    _noop("somebody's manager was changed at the desk since: deliver that and ask again"),
    _noop("a manager has left since: propose again"),
    _noop("it has not been approved"),
    _noop("it is approved and not applied"),
    _noop("it is being applied: run `quanke books apply` again to finish that"),
    _noop("it has been applied"),
    _noop("it is being undone: run `quanke books undo` again to finish that"),
    _noop("it has been undone"),
    _noop("it was refused"),
    _noop("there is none"),
    _noop("the customer or a relative of his sits at post %(a)s (BK-6)"),
    _noop("his service standard is digital care, or he is out of scope"),
    _noop("post %(a)s may look after nobody"),
    _noop("a %(a)s (post %(b)s) may not stand for a %(c)s, whom his service standard asks for"),
)
_SAID = Sentences(SENTENCES)


def book_fault(reason: str) -> str:
    """A reason of the library in the language of who looks."""
    if (get_language() or "").startswith("en"):
        return reason
    return _said(reason) or _("the library refuses it: %(reason)s") % {"reason": reason}


def _said(reason: str) -> str:
    found = _SAID.find(reason)
    if found is None:
        return ""
    sentence, values = found
    if not values:
        return _(sentence)
    return _(sentence) % {name: _part(value) for name, value in values.items()}


def _part(value: str) -> str:
    """What stands in a sentence: another one, a role, what is done to a proposal; else itself."""
    done = {
        "approved": pgettext("proposal", "approved"), "applied": pgettext("proposal", "applied"),
        "undone": pgettext("proposal", "undone"), "refused": pgettext("to a proposal", "refused"),
        "edited": pgettext("proposal", "edited"),
    }  # fmt: skip
    roles = {str(code): str(label) for code, label in Role.choices}
    return done.get(value) or roles.get(value) or _said(value) or value
