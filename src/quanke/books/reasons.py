"""Why a customer moves, stays, or is looked after by nobody."""

from __future__ import annotations

from quanke.kernel.reasons import Reason, reason

_ALL = (
    reason("book.kept", "维持现有管户", "stays with the post he has"),
    reason("book.edited", "人工调整", "was placed by hand"),
    reason("book.choice", "客户本人选择", "the customer chose the post himself"),
    reason("book.conflict", "原岗位由本人或亲属任职", "the post is held by the customer or a relative"),
    reason("book.vacant", "原岗位空缺（离职或调离）", "nobody sits on the post he had: left or moved"),
    reason("book.closed", "原岗位已撤销", "the post he had is no more"),
    reason("book.merged", "客户合并后仅留一个主管户", "customers were merged: one manager stays"),
    reason("book.tier", "服务标准要求的角色已变", "the service standard asks for another role now"),
    reason("book.new", "此前无人管户", "nobody looked after him"),
    reason("book.capacity", "原岗位超出管户上限", "the post he had holds more than it may"),
    reason("book.better", "更合适的岗位（距离、家庭、技能、均衡）", "another post fits better"),
    reason("book.digital", "按服务标准转线上", "the service standard says digital care"),
    reason("book.out", "不在管范围（销户、身故）", "is out of scope: closed or died"),
    reason("book.undone", "方案撤回", "a proposal was taken back"),
    reason("book.no_room", "候选岗位均已满额", "every post he may go to is full"),
    reason("book.no_post", "没有可用岗位", "there is no post he may go to"),
)
REASONS: dict[str, Reason] = {each.code.removeprefix("book."): each for each in _ALL}
"""By code as proposals keep it."""
CODES = tuple(REASONS)
