"""Addresses of this room, and its lines of the menu."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns import (
    audience_pages,
    block_pages,
    effect_pages,
    joint_pages,
    journey_pages,
    link_pages,
    play_pages,
    template_pages,
    wecom_pages,
)
from quanke_desk.foundation.pages import Entry
from quanke_desk.foundation.roles import May

MENU: tuple[Entry, ...] = (
    Entry("audiences", _("Audiences"), May.AUDIENCE),
    Entry("journeys", _("Journeys"), May.AUDIENCE),
    Entry("plays", _("Plays"), May.AUDIENCE),
    Entry("effects", _("Effects"), May.AUDIENCE),
    Entry("joint", _("Joint operations"), May.AUDIENCE),
    Entry("joint_in_force", _("Contracts with partners"), May.SHARE_DECIDE),
    Entry("templates", _("Templates"), May.CAMPAIGN),
    Entry("texts_in_force", _("Texts in force"), May.TEMPLATE_DECIDE),
    Entry("blocks", _("Who is sent nothing"), May.DATA_DECIDE),
)

urlpatterns: list[URLPattern] = [
    path("audiences/", audience_pages.everything, name="audiences"),
    path("audiences/new/", audience_pages.new, name="audience_new"),
    path("audiences/ask/", audience_pages.ask, name="audience_ask"),
    path("audiences/look/", audience_pages.look, name="audience_look"),
    path("audiences/tags/", audience_pages.tag_list, name="audience_tags"),
    path("audiences/lists/", audience_pages.bring, name="audience_list"),
    path("audiences/lists/<int:number>/rows/", audience_pages.list_rows, name="audience_list_rows"),
    path("audiences/<int:number>/", audience_pages.audience, name="audience"),
    path("plays/", play_pages.all_plays, name="plays"),
    path("effects/", effect_pages.effects, name="effects"),
    path("effects/<str:name>/", effect_pages.effect, name="effect"),
    path("effects/<str:name>/report/", effect_pages.effect_report, name="effect_report"),
    path("journeys/", journey_pages.journeys, name="journeys"),
    path("journeys/<int:number>/", journey_pages.journey, name="journey"),
    path("journeys/<int:number>/design/", journey_pages.design, name="journey_design"),
    path("joint/", joint_pages.contracts, name="joint"),
    path("joint/new/", joint_pages.new_contract, name="joint_new"),
    path("joint/in-force/", joint_pages.in_force, name="joint_in_force"),
    path("joint/in-force/<int:number>/", joint_pages.terms, name="joint_terms"),
    path("joint/<int:number>/", joint_pages.contract, name="joint_contract"),
    path("joint/questions/<int:number>/", joint_pages.question, name="joint_question"),
    path("joint/questions/<int:number>/question/", joint_pages.question_file, name="joint_question_file"),
    path("joint/questions/<int:number>/result/", joint_pages.result_file, name="joint_result_file"),
    path("campaigns/templates/", template_pages.templates, name="templates"),
    path("campaigns/templates/new/", template_pages.new_template, name="new_template"),
    path("campaigns/templates/<int:number>/", template_pages.template, name="template"),
    path(
        "campaigns/templates/<int:number>/preview/", template_pages.template_preview, name="template_preview"
    ),
    path("campaigns/texts/", template_pages.texts_in_force, name="texts_in_force"),
    path("campaigns/blocks/", block_pages.blocks, name="blocks"),
    path("c/wecom", wecom_pages.called, name="called_by_wecom"),
    path("c/<str:token>", link_pages.click, name="click"),
    path("c/<str:token>/no", link_pages.say_no, name="say_no"),
    path("sandbox/", link_pages.sandbox, name="sandbox"),
]
