"""Addresses of this room, and its lines of the menu."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.pages import Entry
from quanke_desk.foundation.roles import May
from quanke_desk.work import calendar_pages, call_back_pages, lobby_pages, pages, team_pages

MENU: tuple[Entry, ...] = (
    Entry("morning", _("Today's work"), May.WORK),
    Entry("work_calendar", _("Calendar"), May.WORK),
    Entry("call_backs", _("Call-backs"), May.CALL_BACK),
    Entry("lobby", _("Lobby"), May.LOBBY),
    Entry("counter", _("Counter"), May.COUNTER),
    Entry("team", _("Team"), May.SUPERVISE),
)

urlpatterns: list[URLPattern] = [
    path("work/", pages.morning, name="morning"),
    path("work/record/", pages.record, name="work_record"),
    path("work/undo/<int:number>/", pages.undo, name="work_undo"),
    path("work/notes/<int:number>/", pages.note, name="work_note"),
    path("work/customers/<int:number>/", pages.customer, name="work_customer"),
    path("work/calendar/", calendar_pages.calendar, name="work_calendar"),
    path("work/callbacks/", call_back_pages.call_backs, name="call_backs"),
    path("work/team/", team_pages.team, name="team"),
    path("work/team/use/", team_pages.team_use, name="team_use"),
    path("work/team/late/<str:place>/", team_pages.team_late, name="team_late"),
    path("work/team/<int:number>/", team_pages.team_post, name="team_post"),
    path("lobby/", lobby_pages.lobby, name="lobby"),
    path("lobby/cards/", lobby_pages.lobby_cards, name="lobby_cards"),
    path("lobby/machine/", lobby_pages.lobby_machine, name="lobby_machine"),
    path("lobby/<int:number>/", lobby_pages.lobby_card, name="lobby_card"),
    path("counter/", lobby_pages.counter, name="counter"),
    path("counter/cards/", lobby_pages.counter_cards, name="counter_cards"),
    path("counter/<int:number>/", lobby_pages.counter_card, name="counter_card"),
]
