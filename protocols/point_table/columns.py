"""Which field a column of a point table means: headings as people write them, in English or Chinese. Pure.

"Period_S", "周期（秒）", "采集周期" ──► period_s          "# remarks", "" ──► no field
"""

import re

from protocols.point_table.rows import NOTE

# Heading, without case, spaces and a unit in brackets -> field.
_HEADINGS = {
    "点名": "tag", "点位": "tag", "点位名称": "tag", "测点": "tag", "测点名称": "tag", "标签": "tag", "变量名": "tag",
    "name": "tag", "tag_name": "tag",
    "地址": "address", "寄存器": "address", "寄存器地址": "address", "register": "address",
    "类型": "type", "数据类型": "type", "data_type": "type", "datatype": "type",
    "单位": "unit", "units": "unit",
    "倍率": "scale", "系数": "scale", "比例": "scale",
    "偏移": "offset", "偏移量": "offset",
    "周期": "period_s", "采集周期": "period_s", "轮询周期": "period_s", "period": "period_s",
    "字序": "word_order", "字节序": "byte_order",
    "量程": "range", "范围": "range",
    "节点": "node", "节点id": "node", "node_id": "node", "nodeid": "node",
    "模式": "mode", "方式": "mode",
    "备注": NOTE, "描述": NOTE, "说明": NOTE, "注释": NOTE,
    "comment": NOTE, "description": NOTE, "notes": NOTE, "remark": NOTE, "remarks": NOTE,
}  # fmt: skip
_BRACKETS = re.compile(r"[（(\[][^）)\]]*[）)\]]$")


def field_of(heading: str) -> str:
    """The field that a column is for; "" for a column without a heading or with one that begins with #."""
    word = heading.strip().lower()
    if word.startswith("#"):
        return ""
    word = re.sub(r"[\s\-]+", "_", _BRACKETS.sub("", word).strip())
    return _HEADINGS.get(word, word)


def title_of(heading: str, field: str) -> str:
    """How an error calls the column: as the file does, and what it means where that differs."""
    word = heading.strip()
    return field if word == field else f"{word} ({field})"
