"""Addresses of this room, and its lines of the menu."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from quanke_desk.books import changing_pages, pages
from quanke_desk.foundation.pages import Entry
from quanke_desk.foundation.roles import May

MENU: tuple[Entry, ...] = (
    Entry("books", _("Books"), May.BOOKS),
    Entry("book_proposals", _("Proposals of books"), May.BOOKS_PROPOSE),
    Entry("book_transfers", _("Transfers"), May.BOOKS),
    Entry("book_credit", _("Credit for growth"), May.BOOKS),
)

urlpatterns: list[URLPattern] = [
    path("books/", pages.books, name="books"),
    path("books/post/<int:number>/", pages.book, name="book"),
    path("books/gaps/", pages.gaps, name="book_gaps"),
    path("books/customer/<int:number>/", pages.customer, name="book_customer"),
    path("books/transfers/", changing_pages.transfers, name="book_transfers"),
    path("books/transfers/<int:number>/", changing_pages.transfer, name="book_transfer"),
    path("books/choices/", changing_pages.choices, name="book_choices"),
    path("books/leavers/", changing_pages.leavers, name="book_leavers"),
    path("books/proposals/", changing_pages.proposals, name="book_proposals"),
    path("books/proposals/<str:name>/", changing_pages.proposal, name="book_proposal"),
    path("books/proposals/<str:name>/notices/", changing_pages.proposal_notices, name="book_notices"),
    path("books/credit/", pages.credit, name="book_credit"),
    path("books/credit/<int:number>/", pages.credit_post, name="book_credit_post"),
]
