"""Read the table of failure modes: TOML files, one a machine class, that come with the package or are your own.

iso14224.toml, symptoms.toml, tag_kinds.toml, sources.toml ─┐
pump.toml, fan.toml, …                                     ─┴─► checked ──► Library
"""

import functools
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable

from anomaly.diagnosis import BadLibrary
from anomaly.diagnosis.failure_modes import (
    DIRECTIONS,
    FailureMode,
    Library,
    MachineClass,
    Symptom,
    TagKind,
    Words,
    Work,
)
from anomaly.diagnosis.library_rows import TableRow
from anomaly.diagnosis.words import Terms

CLASSES = ("compressor", "pump", "fan", "motor", "gearbox", "spindle", "moulding_press")
PRIORS = {"common": 4.0, "occasional": 2.0, "rare": 1.0}


@functools.cache
def built_in() -> Library:
    """The table that comes with the package."""
    return read_library(resources.files("anomaly.diagnosis") / "library")


def terms_of(library: Library) -> Terms:
    """The words of each human symptom, ready to be found in texts."""
    return Terms({symptom.id: (symptom.en_terms, symptom.zh_terms) for symptom in library.symptoms.values()})


def read_library(folder: Traversable, classes: tuple[str, ...] = CLASSES) -> Library:
    """Read and check the files of a folder.

    Raises:
        BadLibrary: a file is missing or no TOML, a field is missing, spelt wrong, of the wrong form or says something
            that stands nowhere else, such as an unknown symptom or source.
    """
    symptoms = {name: _symptom(name, row) for name, row in _file(folder, "symptoms").named("human")}
    kinds = {name: _kind(name, row) for name, row in _file(folder, "tag_kinds").named("kind")}
    works = {name: _work(name, row) for name, row in _file(folder, "sources").named("")}
    codes = _file(folder, "iso14224")
    empty = Library({}, symptoms, kinds, works, _codes(codes, "mode"), _codes(codes, "mechanism"))
    read = {name: _machine_class(name, _file(folder, name), empty) for name in classes}
    return Library(read, symptoms, kinds, works, empty.iso_modes, empty.iso_mechanisms)


def _file(folder: Traversable, name: str) -> TableRow:
    file = f"{name}.toml"
    try:
        text = (folder / file).read_text("utf-8")
        return TableRow(file, text, (), tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise BadLibrary(f"{file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadLibrary(f"{file}: no TOML: {error}") from error


def _symptom(name: str, row: TableRow) -> Symptom:
    symptom = Symptom(name, row.words(), row.number("leak", 0.001, 0.5), row.texts("en_terms"), row.texts("zh_terms"))
    row.done()
    return symptom


def _kind(name: str, row: TableRow) -> TagKind:
    kind = TagKind(name, row.words(), row.texts("words"))
    row.done()
    return kind


def _work(name: str, row: TableRow) -> Work:
    work = Work(name, row.text("title"), row.flag("read"))
    row.done()
    return work


def _codes(file: TableRow, field: str) -> dict[str, Words]:
    table = dict(file.named(""))[field]
    codes = {}
    for code in tuple(table.names()):
        pair = table.texts(code)
        if len(pair) != 2:
            table.refuse(code, f"must be [English, Chinese], not {list(pair)!r}")
        codes[code] = Words(*pair)
    return codes


def _machine_class(name: str, file: TableRow, known: Library) -> MachineClass:
    words, code = file.words(), file.text("iso14224")
    modes: dict[str, FailureMode] = {}
    for row in file.rows("mode"):
        mode = _mode(name, row, known)
        if mode.id in modes:
            row.refuse("id", f"{mode.id!r} is already another row; give it a name of its own")
        modes[mode.id] = mode
    file.done()
    return MachineClass(name, words, code, tuple(modes.values()))


def _mode(machine_class: str, row: TableRow, known: Library) -> FailureMode:
    mode = FailureMode(
        id=row.text("id"),
        machine_class=machine_class,
        name=row.words(),
        iso=row.choice("iso", known.iso_modes),
        mechanism=row.choice("mechanism", known.iso_mechanisms),
        prior=PRIORS[row.choice("prior", PRIORS)],
        signs=row.weights("signs"),
        check=row.words("check"),
        action=row.words("action"),
        sources=row.choices("sources", known.works),
    )
    for sign in mode.signs:
        kind, colon, direction = sign.partition(":")
        if colon:
            row.known("signs", kind, known.kinds)
            row.known("signs", direction, DIRECTIONS)
        else:
            row.known("signs", sign, known.symptoms)
    row.done()
    return mode
