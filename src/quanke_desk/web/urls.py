"""Addresses of the desk. Each view says who may open it (`foundation.pages`); a test walks them all."""

from django.urls import path

from quanke_desk.web import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("login/", pages.log_in, name="login"),
    path("logout/", pages.log_out, name="logout"),
    path("language/", pages.language, name="set_language"),
    path("people/", pages.people, name="people"),
    path("people/<int:number>/", pages.person, name="person"),
    path("account/", pages.account, name="account"),
    path("audit/", pages.audit_log, name="audit"),
    path("health/", pages.health, name="health"),
]
