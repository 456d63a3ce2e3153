"""What customers write who want no more: one word of a list, alone or with what is polite around it."""

from __future__ import annotations

import re
import unicodedata

AS_OF = "2026-11"
"""When the lists below were last gone through: what carriers here and abroad hear as a no, and what customers
answer to the words `campaigns.texts.REFUSAL` sets behind offers."""
LETTERS = r"(?:T+|(?:TD)+|R+|N+|(?:0000)+|QX)"
CHINESE = (
    "退订", "拒收", "拒绝接收", "拒绝", "取消订阅", "取消发送", "取消接收", "取消", "停止发送",
    "停止推送", "停止", "停发", "别再发了?", "别发了?", "不要再发了?", "不要发了?", "不再接收",
    "不想再?收到?", "不接收", "请?勿扰", "请?勿打扰", "不要打扰", "别打扰",
)  # fmt: skip
ENGLISH = (
    "STOPALL", "STOP", "UNSUBSCRIBE", "OPTOUT", "OPTMEOUT", "CANCEL", "QUIT", "END", "REVOKE", "REMOVEME",
    "NOMORE", "TAKEMEOFF",
)  # fmt: skip
_BEFORE = r"(?:回复|回覆|回|请|麻烦|我要|我想|我|申请|REPLY|PLEASE|PLS|KINDLY|IWANTTO)*"
_WHAT = r"(?:此类|这类|这种|该|此|所有|全部|你们的|贵行的?|营销|广告|推广|短信|邮件|消息|信息|推送|通知)*"
_AFTER = (
    r"(?:了|吧|谢谢您?|多谢|感谢|THANKYOU|THANKS|THX|PLEASE|PLS|ME|NOW|ALL|EMAILS?|MESSAGES?|TEXTS?|SENDING)*"
)
_NO = re.compile(
    rf"{_BEFORE}(?:{LETTERS}?(?:(?:{'|'.join(CHINESE)}){_WHAT})+{LETTERS}?"
    rf"|{LETTERS}?(?:{'|'.join(ENGLISH)})+|{LETTERS}){_AFTER}"
)
_SIGNATURES = re.compile(r"^\s*(?:【[^】]*】\s*)+|(?:\s*【[^】]*】)+\s*$")
_AROUND = re.compile(r"[\s。.!,，、;；:：\"'“”‘’「」『』()\[\]<>*_~-]")
_QUOTES = re.compile(r"\s*(?:>|\||.*(?:wrote|写道)\s*[:：]\s*$)")
_LONGEST = 60


def is_no(text: str) -> bool:
    """Whether a reply says that the customer wants no more. Its first line says it: what stands below is a
    signature, or the very message he answers."""
    plain = _SIGNATURES.sub("", unicodedata.normalize("NFKC", text))
    lines = (line for line in plain.splitlines() if line.strip() and not _QUOTES.match(line))
    first = _AROUND.sub("", _SIGNATURES.sub("", next(lines, ""))).upper()
    return len(first) <= _LONGEST and bool(_NO.fullmatch(first))
