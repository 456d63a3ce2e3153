"""What a customer does in the channels."""

from __future__ import annotations

from quanke.language import (
    Purpose,
    Tag,
    count,
    days,
    facts,
    largest,
    latest,
    month_to_date,
    some,
)

_event = facts.channel_events
_login = _event.kind == "login"

logins_30d = Tag(
    name="logins_30d",
    title_zh="近30日登录次数",
    title_en="Logins, 30 days",
    value=count(_event).where(_login).within(days(30)),
)
logins_90d = Tag(
    name="logins_90d",
    title_zh="近90日登录次数",
    title_en="Logins, 90 days",
    value=count(_event).where(_login).within(days(90)),
)
last_login_on = Tag(
    name="last_login_on",
    title_zh="最近登录日",
    title_en="Last login",
    value=largest(_event.day).where(_login).within(days(365)),
    unit="date",
    note_zh="一年内无登录为空。",
    note_en="Null where there was none in 365 days.",
)
is_mau = Tag(
    name="is_mau",
    title_zh="月活客户",
    title_en="Logged in this month",
    value=some(_login).within(month_to_date()),
    note_zh="本月至少一次认证登录（口径表MAU）。",
    note_en="At least one authenticated login this month (KPI table, MAU).",
)
uses_mobile = Tag(
    name="uses_mobile",
    title_zh="手机银行活跃",
    title_en="Uses the mobile bank",
    value=some(_login & _event.channel.one_of("mobile", "wechat")).within(days(90)),
)
product_views_30d = Tag(
    name="product_views_30d",
    title_zh="近30日浏览产品次数",
    title_en="Products looked at, 30 days",
    value=count(_event).where(_event.kind.one_of("view_product", "search")).within(days(30)),
    purpose=Purpose.MARKETING,
)
interest_topic = Tag(
    name="interest_topic",
    title_zh="最近浏览主题",
    title_en="Topic looked at last",
    value=latest(_event.topic).where(_event.kind.one_of("view_product", "search")).within(days(30)),
    purpose=Purpose.MARKETING,
    unit="code",
    note_zh="近30日；平台规则要求用户可删除画像标签（PI-4）。",
    note_en="Of 30 days; users can have such profile tags deleted (PI-4).",
)
message_clicks_90d = Tag(
    name="message_clicks_90d",
    title_zh="近90日点击消息次数",
    title_en="Messages clicked, 90 days",
    value=count(_event).where(_event.kind == "message_click").within(days(90)),
    purpose=Purpose.MARKETING,
)
binds_card_90d = Tag(
    name="binds_card_90d",
    title_zh="近90日绑卡",
    title_en="Bound a card in 90 days",
    value=some(_event.kind == "bind_card").within(days(90)),
)

TAGS = (
    logins_30d,
    logins_90d,
    last_login_on,
    is_mau,
    uses_mobile,
    product_views_30d,
    interest_topic,
    message_clicks_90d,
    binds_card_90d,
)
