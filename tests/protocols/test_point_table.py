"""Point tables: what is read from CSV, Excel and TOML, and what an error says."""

import io
import zipfile
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import pytest

from protocols.modbus.tag import ModbusTag
from protocols.opcua.settings import OpcuaTag
from protocols.point_table import BadPointFile, read_table, write_table
from protocols.point_table import rows as limits
from protocols.point_table.tags import tags_of

PLAIN = "tag,address,type,unit,period_s\npressure,holding:100,float32,bar,0.5\nflow,holding:102,int16,,\n"
CHINESE = "点名,寄存器地址,数据类型,单位,采集周期（秒）,备注\npressure,holding:100,float32,兆帕,0.5,出口压力\n"


def put(folder: Path, name: str, body: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def tags(path: Path, sheet: str = "", model: type[Any] = ModbusTag) -> list[Any]:
    table = read_table(path, sheet)
    return tags_of(table.rows, model, table.problems)


def refused(path: Path, sheet: str = "", model: type[Any] = ModbusTag) -> list[str]:
    with pytest.raises(BadPointFile) as caught:
        tags(path, sheet, model)
    return str(caught.value).splitlines()


def workbook(path: Path, *rows: list[Any], title: str = "points") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        ("utf-8", "UTF-8, comma"),
        ("utf-8-sig", "UTF-8, comma"),
        ("gbk", "GBK, comma"),
        ("gb18030", "GBK, comma"),
        ("utf-16", "UTF-16, comma"),
    ],
)
def test_what_excel_in_china_writes_is_read(tmp_path: Path, encoding: str, form: str) -> None:
    path = put(tmp_path, "pump.csv", CHINESE.encode(encoding))
    assert read_table(path).form == form
    (tag,) = tags(path)
    assert (tag.tag, tag.address, tag.type) == ("pressure", "holding:100", "float32")
    assert (tag.unit, tag.period_s) == ("兆帕", 0.5)


def test_a_western_encoding_is_refused_and_not_taken_for_chinese(tmp_path: Path) -> None:
    body = "tag,address,type,unit\nt,holding:1,int16,°C\nöl,holding:2,int16,°C\n".encode("cp1252")
    (told,) = refused(put(tmp_path, "west.csv", body))
    assert told == (
        "west.csv:2: not UTF-8, and as GBK full of rare characters; save it as 'CSV UTF-8' in the spreadsheet"
    )
    (told,) = refused(put(tmp_path, "broken.csv", b"tag,unit\nx,\xff\xff\n"))
    assert told.startswith("broken.csv:2: neither UTF-8 nor GBK; ")


@pytest.mark.parametrize(("separator", "form"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
def test_separators(tmp_path: Path, separator: str, form: str) -> None:
    path = put(tmp_path, "pump.csv", PLAIN.replace(",", separator).replace("\n", "\r\n"))
    assert read_table(path).form == f"UTF-8, {form}"
    assert [tag.tag for tag in tags(path)] == ["pressure", "flow"]


def test_headings_are_forgiving_and_lines_for_people_are_skipped(tmp_path: Path) -> None:
    body = (
        '# Pump 1, "as built\n\n,,,,\n'
        " TAG ,Address,TYPE,Scale,Period (s),# drawing,Comment\n"
        "  # spare,holding:9,,,,,\n"
        'flow,holding:1,int16,0.1,2,"a, ""b""",x\n'
    )
    (tag,) = tags(put(tmp_path, "pump.csv", body))
    assert (tag.tag, tag.scale, tag.period_s) == ("flow", 0.1, 2)


def test_blank_cells_are_defaults_and_lists_are_toml(tmp_path: Path) -> None:
    body = (
        "tag,address,type,unit,range,enum,missing,period_s\n"
        'a,holding:1,int16,,"[0, 10]",,0x7FFF,\n'
        'b,holding:2,uint16,[-],,"{0 = ""off"", 1 = ""on""}",,\n'
    )
    a, b = tags(put(tmp_path, "pump.csv", body))
    assert (a.range, a.enum, a.missing, a.period_s, a.unit) == ((0, 10), None, 0x7FFF, 1, "")
    assert (b.range, b.enum, b.unit) == (None, {0: "off", 1: "on"}, "[-]")


def test_every_error_is_told_with_file_row_and_column(tmp_path: Path) -> None:
    body = (
        "tag,address,类型,period_s,scale,adress\n"
        "a,holding:1,int16,-1,,x\n"
        'b,holding:2,int16,1,"0,5",\n'
        "b,holding:3,int16,1,,\n"
        "c,holdin:4,int16,1,,\n"
        "d,holding:5,,1,,\n"
        "Pump 1,holding:6,int16,1,,\n"
        "e,holding:7,int16,1,,,spare\n"
    )
    told = refused(put(tmp_path, "pump.csv", body))
    assert told[:3] == [
        "pump.csv:8: 'spare' stands right of the last column; is there a separator too many?",
        "pump.csv:4: tag: b is already at pump.csv:3; give one another name",
        "pump.csv:1: unknown column 'adress', did you mean 'address'?",
    ]
    assert told[3] == "pump.csv:2: period_s: Input should be greater than or equal to 0.01: '-1'"
    assert told[4].startswith("pump.csv:3: scale: Input should be a valid number")
    assert told[4].endswith(": '0,5'; write it like 0.1, with a point and no unit")
    assert told[5].startswith("pump.csv:5: tag c: address 'holdin:4' is not understood; write table:address")
    assert told[6] == "pump.csv:6: 类型 (type): missing; every tag needs one"
    assert told[7].startswith("pump.csv:7: tag: String should match pattern")
    assert told[7].endswith(": 'Pump 1'; use a-z, 0-9, _ . - and begin with a letter or digit")
    assert len(told) == 8


def test_twenty_errors_are_told_and_the_others_counted(tmp_path: Path) -> None:
    body = "tag,address,type\n" + "".join(f"t{i},nowhere,int16\n" for i in range(50))
    told = refused(put(tmp_path, "pump.csv", body))
    assert len(told) == 21
    assert told[-1] == "… and 30 more"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "pump.csv: empty; its first line names the columns: tag,address,type …"),
        ("tag,address\nx,holding:1\n", "pump.csv:1: type: missing; every tag needs one"),
        ("tag,Name,address,type\nx,x,holding:1,int16\n", "pump.csv:1: two columns mean tag; delete one"),
        ('tag,address,type\nx,"holding:1,int16\n', "pump.csv:2: unexpected end of data; is a quotation"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, body: str, text: str) -> None:
    assert refused(put(tmp_path, "pump.csv", body))[0].startswith(text)


def test_limits_and_unknown_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a point table is .csv, .xlsx or .toml" in refused(put(tmp_path, "pump.ods", ""))[0]
    assert "cannot be read (No such file or directory)" in refused(tmp_path / "nowhere.csv")[0]
    assert "only Excel files have sheets; leave out #a" in refused(put(tmp_path, "pump.csv", PLAIN), "a")[0]
    monkeypatch.setattr("protocols.point_table.grid.ROWS_MOST", 1)
    assert refused(tmp_path / "pump.csv") == ["pump.csv:3: more than 1 rows; a gateway has no more tags"]
    monkeypatch.setattr("protocols.point_table.file.BYTES_MOST", 20)
    assert "larger than 0 MB" in refused(tmp_path / "pump.csv")[0]
    assert (limits.ROWS_MOST, limits.BYTES_MOST) == (100_000, 64 << 20)


def test_excel_numbers_mean_what_they_show(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "pump.xlsx",
        ["# Pump 1"],
        ["点名", "address", "type", "scale", "period_s", "missing", None],
        [],
        ["flow", "holding:1", "int16", 0.1, 1, 32767.0, None],
        [2, "holding:2", "string:4", None, None, None, None],
    )
    assert read_table(path).form == "Excel, sheet points"
    flow, two = tags(path)
    assert (flow.scale, flow.period_s, flow.missing) == (0.1, 1, 32767)
    assert isinstance(flow.missing, int)
    assert two.tag == "2"


def test_excel_cells_that_cannot_be_values_are_named(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "pump.xlsx",
        ["tag", "address", "type", "scale"],
        [date(2024, 2, 1), "holding:1", "int16", None],
        ["b", "holding:2", "int16", "=1/10"],
        ["c", "holding:3", "int16", "#DIV/0!"],
        ["d", "holding:4", "int16", True],
        title="Pump 1",
    )
    told = refused(path)
    where = "pump.xlsx#Pump 1"
    assert told[0] == (
        f"{where}!A2: 2024-02-01 00:00:00: Excel made a date of it; format the column as Text and type it again"
    )
    assert told[1] == f"{where}!D3: no result for =1/10; open the file in Excel and save it"
    assert told[2] == f"{where}!D4: shows #DIV/0!; mend the formula"
    assert told[3].startswith(f"{where}!5: scale: Input should be a valid number")


def test_a_formula_counts_as_what_the_spreadsheet_showed(tmp_path: Path) -> None:
    path = workbook(tmp_path / "pump.xlsx", ["tag", "address", "type", "scale"], ["b", "holding:2", "int16", "=1/10"])
    shown = io.BytesIO()
    with zipfile.ZipFile(path) as parts, zipfile.ZipFile(shown, "w") as out:
        for name in parts.namelist():
            out.writestr(name, parts.read(name).replace(b"<f>1/10</f><v />", b"<f>1/10</f><v>0.1</v>"))
    assert b"<v>0.1</v>" in zipfile.ZipFile(shown).read("xl/worksheets/sheet1.xml")
    assert tags(put(tmp_path, "pump.xlsx", shown.getvalue()))[0].scale == 0.1


def test_sheets_are_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "plant.xlsx"
    book = openpyxl.Workbook()
    for name, tag in (("Pump 1", "flow"), ("Pump 2", "speed")):
        sheet = book.create_sheet(name)
        sheet.append(["tag", "address", "type"])
        sheet.append([tag, "holding:1", "int16"])
    del book["Sheet"]
    book.save(path)
    assert [tags(path, sheet)[0].tag for sheet in ("", "Pump 1", "Pump 2")] == ["flow", "flow", "speed"]
    assert refused(path, "Pump 3") == ["plant.xlsx: no sheet 'Pump 3'; it has Pump 1, Pump 2"]


def test_what_is_no_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(put(tmp_path, "a.xlsx", PLAIN))[0].startswith("a.xlsx: no Excel workbook (File is not a zip file)")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as parts:
        parts.writestr("readme", "x")
    assert refused(put(tmp_path, "b.xlsx", empty.getvalue()))[0].startswith("b.xlsx: no Excel workbook")
    monkeypatch.setattr("protocols.point_table.workbook._UNPACKED_BYTES_MOST", 0)
    assert "unpacks to more than" in refused(tmp_path / "b.xlsx")[0]


def test_toml_tables_name_the_line(tmp_path: Path) -> None:
    body = '[[tags]]\ntag = "a"\naddress = "holding:1"\ntype = "int16"\n\n[[tags]]\ntag = "b"\nnode = "x"\nscale = 0\n'
    unknown, *missing = refused(put(tmp_path, "pump.toml", body))
    assert unknown.startswith("pump.toml:6: unknown field 'node'")
    assert missing == [f"pump.toml:6: {field}: missing; every tag needs one" for field in ("address", "type")]
    assert refused(put(tmp_path, "pump.toml", "tags = 3\n"))[0].startswith("pump.toml: tags must be tables; write")
    assert refused(put(tmp_path, "pump.toml", 'title = "x"\n'))[0].endswith("not title; is it a template?")
    assert "pump.toml: " in refused(put(tmp_path, "pump.toml", "tag = \n"))[0]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "toml"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    rows: list[dict[str, object]] = [
        {"tag": "a", "address": "holding:1", "type": "int64", "scale": 0.1, "range": [0, 10.5], "missing": -(2**63)},
        {"tag": "b", "address": "holding:9", "type": "uint16", "unit": "=1+1", "enum": {"1": "开", "2": '"x", y'}},
        {"tag": "1-2", "address": "coil:1", "type": "bool", "on_change": True, "note": "出口\x7f", "left": "out"},
    ]
    fields = ["tag", "address", "type", "unit", "scale", "range", "missing", "enum", "on_change", "note"]
    path = tmp_path / f"pump.{suffix}"
    write_table(path, rows, fields)
    a, b, c = tags(path)
    assert (a.scale, a.range, a.missing) == (0.1, (0, 10.5), -(2**63))
    assert (b.unit, b.enum) == ("=1+1", {1: "开", 2: '"x", y'})
    assert (c.tag, c.on_change) == ("1-2", True)
    first = path.read_bytes()
    write_table(path, rows, fields)
    assert path.read_bytes() == first, "the same table is the same file"
    assert list(tmp_path.iterdir()) == [path], "no half-written file stays"


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(BadPointFile, match="cannot be written"):
        write_table(tmp_path / "nowhere" / "pump.csv", [], ["tag"])
    with pytest.raises(BadPointFile, match=r"a point table is \.csv"):
        write_table(tmp_path / "pump.ods", [], ["tag"])


def test_opcua_tags(tmp_path: Path) -> None:
    path = put(tmp_path, "cnc.csv", '节点ID,tag,模式\n"nsu=urn:x;s=a,b",speed,poll\n')
    (tag,) = tags(path, model=OpcuaTag)
    assert (tag.node, tag.mode) == ("nsu=urn:x;s=a,b", "poll")


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "toml"])
def test_damaged_files_are_refused_or_read_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path, random = tmp_path / f"pump.{suffix}", Random(7)
    row = {"tag": "a", "address": "holding:1", "type": "int16", "note": "出口"}
    write_table(path, [row], list(row))
    whole, outcomes = path.read_bytes(), set()
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        path.write_bytes(damaged[: random.randint(len(damaged) // 2, len(damaged))])
        try:
            tags(path)
            outcomes.add("read")
        except BadPointFile:
            outcomes.add("refused")
    assert "refused" in outcomes
