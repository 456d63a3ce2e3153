"""Contracts about the bank itself: branches, staff, posts, and which post looks after whom."""

from __future__ import annotations

from quanke.bank.contracts.schema import (
    C2,
    REQUIRED,
    Contract,
    TableKind,
    code,
    date,
    integer,
    rate,
    text,
)

BRANCHES = Contract(
    "branches",
    "机构网点",
    "Branches and outlets",
    "branch, sub-branch or outlet",
    TableKind.SNAPSHOT,
    ("branch_id",),
    (
        text("branch_id", "机构号", "Number of the branch", **REQUIRED),
        text("name", "名称", "Name", **REQUIRED),
        code("kind", "层级", "Level", "head_office", "branch", "sub_branch", "outlet", **REQUIRED),
        text("parent_id", "上级机构号", "Branch above it"),
        text("city", "城市", "City"),
        text("district", "区县", "District"),
        rate("longitude", "经度", "Longitude, degrees"),
        rate("latitude", "纬度", "Latitude, degrees"),
        date("opened_on", "开业日期", "Opened on"),
        date("closed_on", "撤并日期", "Closed on"),
    ),
)

STAFF = Contract(
    "staff",
    "员工",
    "Staff",
    "member of staff",
    TableKind.SNAPSHOT,
    ("staff_id",),
    (
        text("staff_id", "工号", "Number of the member of staff", **REQUIRED),
        text("name", "姓名", "Name", **REQUIRED, **C2),
        text("id_number", "证件号码", "Identity number", check="id_number", **C2),
        text("phone", "手机号", "Mobile phone", check="mobile", **C2),
        text("branch_id", "所在机构", "Branch", references="branches.branch_id", **REQUIRED),
        code("grade", "职级", "Grade"),
        date("hired_on", "入职日期", "Hired on"),
        date("left_on", "离职日期", "Left on"),
        text("languages", "服务语言", "Languages of service, separated by commas (as parties.language)"),
        text("skills", "专长", "Skills, separated by commas"),
    ),
)

ROLES = (
    "private_banker",
    "wealth_adviser",
    "wealth_manager",
    "customer_manager",
    "service_manager",
    "remote_seat",
    "lobby",
    "teller",
    "branch_head",
    "flexible_team",
)
TEAM_ROLES = ("remote_seat", "flexible_team")
"""Roles whose post is a seat of a team (远维团队、柔性团队), not one manager's."""

POSTS = Contract(
    "posts",
    "岗位",
    "Posts",
    "post to which customers can belong",
    TableKind.SNAPSHOT,
    ("post_id",),
    (
        text("post_id", "岗位号", "Number of the post", **REQUIRED),
        text("branch_id", "所在机构", "Branch", references="branches.branch_id", **REQUIRED),
        code("role", "岗位角色", "Role", *ROLES, **REQUIRED),
        text("staff_id", "任职员工", "Who holds it now", references="staff.staff_id"),
        integer("capacity", "管户上限", "Most customers it may look after", check="not_negative"),
        date("held_since", "任职日期", "Held since"),
    ),
)

TENURES = Contract(
    "tenures",
    "任职关系",
    "Who sits on which post",
    "interval in which a member of staff holds a post, stands in on it, or is away from it",
    TableKind.SNAPSHOT,
    ("tenure_id",),
    (
        text("tenure_id", "任职编号", "Number of the interval", **REQUIRED),
        text("post_id", "岗位号", "The post", references="posts.post_id", **REQUIRED),
        text("staff_id", "员工", "The member of staff", references="staff.staff_id", **REQUIRED),
        code(
            "kind", "类型", "Holds it, stands in, or is on leave", "holder", "stand_in", "leave", **REQUIRED
        ),
        date("from_date", "开始日期", "From", **REQUIRED),
        date("to_date", "结束日期", "Until, not included"),
        code("reason", "事由", "Why: appointed, leave, resigned, moved"),
    ),
    date="from_date",
)

OWNER_CHOICES = Contract(
    "owner_choices",
    "客户自选管户",
    "Managers customers chose themselves",
    "wish of a party to be looked after by a post",
    TableKind.SNAPSHOT,
    ("choice_id",),
    (
        text("choice_id", "选择编号", "Number of the wish", **REQUIRED),
        code("source", "来源系统", "Source system of the party", **REQUIRED),
        text("party_id", "客户编号", "The party", **REQUIRED, **C2),
        text("post_id", "岗位号", "The post", references="posts.post_id", **REQUIRED),
        date("chosen_on", "选择日期", "Chosen on", **REQUIRED),
        date("withdrawn_on", "撤回日期", "Withdrawn on"),
    ),
    date="chosen_on",
)

OWNERSHIP = Contract(
    "ownership",
    "管户关系",
    "Who looks after whom",
    "interval in which a post looks after a party",
    TableKind.SNAPSHOT,
    ("ownership_id",),
    (
        text("ownership_id", "管户编号", "Number of the interval", **REQUIRED),
        code("source", "来源系统", "Source system of the party", **REQUIRED),
        text("party_id", "客户编号", "The party", **REQUIRED, **C2),
        text("post_id", "岗位号", "The post", references="posts.post_id", **REQUIRED),
        code("duty", "职责", "Duty", "primary", "adviser", "private_banking", **REQUIRED),
        date("from_date", "开始日期", "From", **REQUIRED),
        date("to_date", "结束日期", "Until, not included"),
        code("care", "服务方式", "Whether the post is one manager's or a team's", "post", "team"),
        code("reason", "变更事由", "Why the interval began"),
        text("proposal", "方案编号", "Proposal by which it began"),
    ),
    date="from_date",
)
