"""`linewright points …` as a person runs it, and the samples of its how-to page."""

import re
import sys
from pathlib import Path

import openpyxl
import pytest

from edge_gateway.settings import GatewaySettings
from linewright.cli import main
from runtime.settings import load

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "point-tables.md"
MODEL = """{"id": 160, "group": {"name": "mppt", "points": [
  {"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
  {"name": "SF", "type": "sunssf", "size": 1}, {"name": "Adr", "type": "ipv6addr", "size": 8}],
  "groups": [{"name": "module", "count": 0, "points": [
  {"name": "DCA", "type": "uint16", "size": 1, "sf": "SF", "units": "A", "label": "DC 电流"}]}]}}"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command in a folder of its own: exit code, what it says, and what it complains of."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["linewright", "points", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return command


def well(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
def test_the_example_is_a_table(run, tmp_path, protocol):
    (tmp_path / "points.csv").write_text(well(run("example", "--protocol", protocol)))
    assert re.match(rf"ok: points.csv: \d {protocol} tags, UTF-8, comma\n", well(run("check", "points.csv")))


def test_check_tells_every_error_and_fails(run, tmp_path):
    (tmp_path / "pump.csv").write_text("tag,address,type\na,holding:1,int\na,holding:2,int16\n")
    code, out, err = run("check", "pump.csv")
    assert (code, out) == (2, "")
    assert "linewright: pump.csv:3: tag: a is already at pump.csv:2" in err
    assert "\npump.csv:2: tag a: type 'int' is not known" in err
    assert run("check", "pump.csv", "--protocol", "profinet")[2] == (
        "linewright: no protocol 'profinet'; known: modbus, opcua\n"
    )
    assert "nowhere.csv: cannot be read" in run("check", "nowhere.csv")[2]


def test_convert_there_and_back(run, tmp_path):
    text = '点名,地址,类型,单位,倍率,量程,备注\npressure,holding:1,int16,兆帕,0.1,"[0, 10]",007\n'
    (tmp_path / "pump.csv").write_bytes(text.encode("gbk"))
    assert well(run("convert", "pump.csv", "pump.xlsx")) == "pump.xlsx: 1 rows from pump.csv (GBK, comma)\n"
    sheet = openpyxl.load_workbook("pump.xlsx").active
    assert [cell.value for cell in sheet[1]] == ["tag", "address", "type", "unit", "range", "scale", "note"]
    assert [cell.value for cell in sheet[2]] == ["pressure", "holding:1", "int16", "兆帕", "[0, 10]", 0.1, "007"]
    well(run("convert", "pump.xlsx#points", "pump.toml"))
    assert "range = [0, 10]\nscale = 0.1\n" in Path("pump.toml").read_text()
    well(run("convert", "pump.toml", "back.csv"))
    assert Path("back.csv").read_text("utf-8-sig").splitlines()[1] == 'pressure,holding:1,int16,兆帕,"[0, 10]",0.1,007'
    assert well(run("check", "back.csv")).startswith("ok: back.csv: 1 modbus tags")


def test_nothing_is_replaced_unasked(run, tmp_path):
    (tmp_path / "a.csv").write_text("tag,node\nx,i=1\n")
    (tmp_path / "b.toml").write_text("mine")
    code, _, err = run("convert", "a.csv", "b.toml")
    assert code == 2
    assert "b.toml is there already; give another name, or --force to replace it" in err
    assert Path("b.toml").read_text() == "mine"
    well(run("convert", "a.csv", "b.toml", "--force"))
    assert Path("b.toml").read_text() == '[[tags]]\ntag = "x"\nnode = "i=1"\n'


def test_a_sunspec_model(run, tmp_path):
    (tmp_path / "model_160.json").write_text(MODEL)
    code, out, err = run("sunspec", "model_160.json", "--repeat", "2", "--base", "100")
    assert (code, err) == (0, "Adr left out: a ipv6addr is no value that a tag can have\n")
    assert out.splitlines()[2] == "module_2.dca,holding:112,uint16,A,,holding:102,65535,,,DC 电流"
    assert run("sunspec", "model_160.json", "-o", "pv.xlsx")[1] == "pv.xlsx: 1 tags\n"
    assert well(run("check", "pv.xlsx")).startswith("ok: pv.xlsx#points: 1 modbus tags")
    assert "is there already" in run("sunspec", "model_160.json", "-o", "pv.xlsx")[2]
    assert "give a model file, or --from" in run("sunspec", "--from", "modbus://127.0.0.1/1")[2]
    (tmp_path / "model_160.json").write_text("{}")
    assert "model_160.json: id: Field required; a model is JSON with" in run("sunspec", "model_160.json")[2]


def test_templates_are_listed_and_can_be_checked(run, tmp_path):
    assert "sunspec-meter-3ph      modbus    62 tags  SunSpec meter" in well(run("templates"))
    head = 'title = "x"\nsource = "y"\nprotocol = "opcua"\n'
    (tmp_path / "mine.toml").write_text(head + '[[tags]]\ntag = "a"\nnode = "i=1"\n')
    assert well(run("check", "mine.toml")) == "ok: mine.toml: 1 opcua tags, TOML\n"


@pytest.mark.parametrize("command", ["check", "convert", "example", "sunspec"])
def test_help_shows_how(run, command):
    assert "linewright points" in well(run(command, "--help"))


def test_the_samples_of_the_page_work(run, tmp_path):
    page = PAGE.read_text()
    for name, body in re.findall(r"<!-- sample: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(body)
        assert well(run("check", name)).startswith(f"ok: {name}: ")
    devices = re.findall(r"```toml\n(\[\[devices\]\]\n.*?)```", page, re.DOTALL)
    gateway = tmp_path / "gateway.toml"
    gateway.write_text('tenant = "t"\ngateway = "g"\n' + "\n".join(devices))
    pump, meter = load(GatewaySettings, gateway, {}).devices
    assert [tag.unit for tag in pump.tags] == ["bar", "°C", ""]
    tags = {tag.tag: tag for tag in meter.tags}
    assert (tags["incoming.w"].period_s, tags["incoming.w"].address) == (0.2, "holding:40090")
    assert not {"incoming.evt", "incoming.phvphca"} & set(tags)
