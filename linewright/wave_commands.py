"""The command `linewright score-wave`: one burst of acceleration in, one JSON verdict out.

file ──read_wave──► Waveform ──score──► JSON on stdout, picture beside it
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from linewright import LinewrightError


class BadWaveOption(LinewrightError):
    """Options of score-wave that do not fit together."""


def score_wave(  # noqa: PLR0913, PLR0917
    file: Annotated[Path, typer.Argument(help="The burst: .npy, .npz or .csv with one column.")],
    rate: Annotated[float, typer.Option(help="Samples a second, in Hz.")],
    rpm: Annotated[float, typer.Option(help="Speed of the shaft in turns a minute.")],
    bearing: Annotated[
        str, typer.Option(help="n balls, ball diameter d and pitch diameter D in one unit, contact angle in degrees.")
    ],
    column: Annotated[str | None, typer.Option(help="Which column or array, where the file has several.")] = None,
    tacho: Annotated[Path | None, typer.Option(help="Times of tacho pulses, in s from the first sample.")] = None,
    pulses_per_turn: Annotated[int, typer.Option(help="Of the tacho.", min=1)] = 1,
    unit: Annotated[
        str | None, typer.Option(help="Of the acceleration: g, m/s2 or mm/s2; then severity in mm/s is told too.")
    ] = None,
    machine_class: Annotated[
        str, typer.Option(help="For the severity zone: small-rigid, small-flexible, large-rigid, large-flexible.")
    ] = "small-rigid",
    machine_classes: Annotated[Path | None, typer.Option(help="Zones of your own machines, a TOML file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw it: out.png or out.svg.")] = None,
) -> None:
    """Say which part of a bearing is damaged, by one burst of acceleration. Prints JSON.

    \b
    linewright score-wave pump.npy --rate 12000 --rpm 1797 --bearing n=9,d=7.94,D=39.04,angle=0 --picture pump.png

    The fault is "outer race", "inner race", "ball", "healthy" or "unknown". Two seconds are enough to find a fault;
    to call a bearing healthy it takes 128 turns of the shaft.
    """
    from anomaly.vibration.bearing import parse  # noqa: PLC0415
    from anomaly.vibration.score import score  # noqa: PLC0415
    from anomaly.vibration.speed import turns_of_pulses  # noqa: PLC0415
    from anomaly.vibration.waveform import Waveform  # noqa: PLC0415
    from linewright.progress import Progress  # noqa: PLC0415
    from linewright.wave_files import read_wave  # noqa: PLC0415

    geometry = parse(bearing)
    _check_picture(picture)
    with Progress().step(f"reading and scoring {file.name}"):
        wave = Waveform.of(read_wave(file, column), rate)
        turns = None if tacho is None else turns_of_pulses(read_wave(tacho), len(wave), rate, pulses_per_turn)
        scored = score(wave, rpm, geometry, turns)
    answer = scored.as_json()
    if unit is not None:
        answer["features"]["severity"] = _severity(wave, unit, rpm, machine_class, machine_classes)
    if picture is not None:
        from anomaly.vibration.pictures import picture as draw  # noqa: PLC0415

        picture.write_bytes(draw(scored, "svg" if picture.suffix.lower() == ".svg" else "png", file.name))
    print(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def _check_picture(picture: Path | None) -> None:
    if picture is None:
        return
    if picture.suffix.lower() not in {".png", ".svg"}:
        raise BadWaveOption(f"--picture {picture}: end the name in .png or .svg")
    if not picture.resolve().parent.is_dir():
        raise BadWaveOption(f"--picture {picture}: there is no folder {picture.resolve().parent}")


def _severity(wave: Any, unit: str, rpm: float, name: str, classes: Path | None) -> dict[str, Any]:
    from anomaly.vibration.score import M_S2_OF, severity  # noqa: PLC0415
    from anomaly.vibration.zones import class_of, read_classes, shipped_classes  # noqa: PLC0415

    if unit not in M_S2_OF:
        raise BadWaveOption(f"--unit {unit}: write one of {', '.join(M_S2_OF)}")
    if classes is None:
        table = shipped_classes()
    else:
        try:
            table = read_classes(classes.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadWaveOption(f"--machine-classes {classes}: {error}") from error
    return severity(wave, unit, rpm, class_of(name, table))
