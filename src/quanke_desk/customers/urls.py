"""Addresses of this room, and its lines of the menu."""

from __future__ import annotations

from django.urls import path
from django.utils.translation import gettext_lazy as _

from quanke_desk.customers import pages
from quanke_desk.foundation.pages import Entry
from quanke_desk.foundation.roles import May

MENU: tuple[Entry, ...] = (
    Entry("customers", _("Customers"), May.FIND),
    Entry("data_requests", _("Data requests"), May.DATA_REQUEST),
)

urlpatterns = [
    path("customers/", pages.customers, name="customers"),
    path("customers/open/", pages.open_outside, name="customer_open"),
    path("customers/requests/", pages.data_requests, name="data_requests"),
    path("customers/requests/<int:number>/", pages.data_request, name="data_request"),
    path("customers/requests/<int:number>/copy/", pages.data_copy, name="data_copy"),
    path("customers/tags/<str:name>/", pages.definition, name="definition"),
    path("customers/requests/<int:number>/order/", pages.data_order, name="data_order"),
    path("customers/<int:number>/", pages.customer, name="customer"),
    path("customers/<int:number>/show/", pages.show, name="customer_show"),
    path("customers/<int:number>/consents/", pages.consents, name="customer_consents"),
    path("customers/<int:number>/requests/", pages.ask, name="customer_requests"),
    path("customers/<int:number>/tag/<str:name>/", pages.tag, name="customer_tag"),
    path("customers/<int:number>/part/<str:part>/", pages.part, name="customer_part"),
]
