"""What short repair texts mean: labels of FMC and of excavator orders, learned on one part, asked on another.

    fmc_train ──► Suggester ──► fmc_dev                                    failure mode
    orders of two machines ──► Suggester ──► orders of the third           system, failure mode: among the first three

Some texts stand word for word in both parts; each figure is also given without those that are nearly so.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.diagnosis import UNKNOWN
from anomaly.diagnosis.answer import Answer
from anomaly.diagnosis.library import built_in, terms_of
from anomaly.diagnosis.orders import Order
from anomaly.diagnosis.suggest import Suggester
from anomaly.diagnosis.text_vectors import TextVectors
from anomaly.diagnosis.words import Terms, folded
from benchmarks.analytics.line import Line

Score = Callable[[Sequence[Order], Sequence[Sequence[str]]], float]
_NEARLY = 0.9
_EXCAVATORS = "excavators-cleaned.csv"
_LABELS, _LEFT_OUT = 3, 5


@dataclass(frozen=True, slots=True)
class Part:
    """Orders to learn from and to ask about; `told` [asked] says which stand nearly so among the learned ones."""

    learned: list[Order]
    asked: list[Order]
    told: list[bool]


def run(datasets: Path) -> list[Line]:
    """The lines of this board."""
    return [*fmc(datasets / "fmc_mwo2kg"), *_excavators(datasets / "excavator_mwo" / _EXCAVATORS)]


def fmc(folder: Path) -> Iterator[Line]:
    """The lines of FMC."""
    part = _part(_pairs(folder / "fmc_train.txt"), _pairs(folder / "fmc_dev.txt"))
    labels = [_labels(answer) for answer in _asked(part)]
    others = _baselines(part)
    for figure, score, target, floor in (
        ("FMC failure mode, accuracy", _accuracy, 0.77, 0.774),
        ("FMC failure mode, macro-F1", _macro_f1, 0.52, 0.52),
        ("FMC failure mode, in the first three", _hit, None, 0.87),
    ):
        rivals = {name: score(part.asked, one) for name, one in others.items()}
        yield Line(
            "repair_texts", figure, score(part.asked, labels), target, floor, baselines=rivals, n=len(part.asked)
        )
    yield _unlike(part, labels, "FMC failure mode, accuracy", _accuracy)
    yield _strange(part, "FMC failure mode")


def _excavators(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    for what, column, target, floor in (("failure mode", "FM", 0.86, 0.843), ("system", "MajorSystem", 0.83, 0.814)):
        orders = [Order(row["OriginalShorttext"], row[column], machine=row["Asset"]) for row in rows if row[column]]
        part = _part([o for o in orders if o.machine != "C"], [o for o in orders if o.machine == "C"])
        labels = [_labels(answer) for answer in _asked(part)]
        rivals = {name: _hit(part.asked, one) for name, one in _baselines(part).items()}
        figure = f"excavator {what}, in the first three"
        value = _hit(part.asked, labels)
        yield Line("repair_texts", figure, value, target, floor, baselines=rivals, n=len(part.asked))
        yield _unlike(part, labels, figure, _hit)
        yield _strange(part, f"excavator {what}")


def _unlike(part: Part, labels: list[list[str]], figure: str, score: Score) -> Line:
    """The same figure over texts that do not stand nearly so among the learned ones."""
    kept = [at for at, told in enumerate(part.told) if not told]
    asked, own = [part.asked[at] for at in kept], [labels[at] for at in kept]
    rivals = {name: score(asked, [one[at] for at in kept]) for name, one in _baselines(part).items()}
    return Line("repair_texts", f"{figure}, texts not seen before", score(asked, own), baselines=rivals, n=len(asked))


def _strange(part: Part, what: str) -> Line:
    """How many texts of a label are called unknown when it was left out, over the labels that are most frequent."""
    unknown: list[bool] = []
    for label, _ in Counter(order.label for order in part.asked).most_common(_LEFT_OUT):
        asked = [order for order in part.asked if order.label == label]
        rest = Part([order for order in part.learned if order.label != label], asked, [])
        unknown += [answer.ranked[0].label == UNKNOWN for answer in _asked(rest)]
    baselines = {"always known": 0.0}
    figure = f"{what}, left-out label called unknown"
    return Line("repair_texts", figure, float(np.mean(unknown)), baselines=baselines, n=len(unknown))


def _pairs(path: Path) -> list[Order]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "," in line]
    return [Order(text, label) for text, _, label in (line.rpartition(",") for line in lines)]


def _part(learned: list[Order], asked: list[Order]) -> Part:
    """Mark those asked that are nearly one of the learned: the same folded text, or n-grams alike by 0.9 and more."""
    vectors = TextVectors.learn([order.text for order in learned], Terms({}))
    known = vectors.of([order.text for order in learned])
    alike = (vectors.of([order.text for order in asked]) @ known.T).toarray().max(axis=1)
    texts = {folded(order.text) for order in learned}
    return Part(
        learned, asked, [near >= _NEARLY or folded(o.text) in texts for o, near in zip(asked, alike, strict=True)]
    )


def _asked(part: Part) -> list[Answer]:
    learned = [Order(order.text, order.label, line=at) for at, order in enumerate(part.learned)]
    return Suggester.learn(learned, terms_of(built_in())).ask([order.text for order in part.asked])


def _labels(answer: Answer) -> list[str]:
    return [place.label for place in answer.ranked][:_LABELS]


def _baselines(part: Part) -> dict[str, list[list[str]]]:
    """The most frequent labels, labels at random by their frequency, the labels of the nearest texts."""
    frequent = Counter(order.label for order in part.learned)
    rng = np.random.default_rng(0)
    names, weights = list(frequent), np.array(list(frequent.values())) / frequent.total()
    often = [label for label, _ in frequent.most_common(_LABELS)]
    size = min(_LABELS, len(names))
    return {
        "majority": [often for _ in part.asked],
        "random": [list(rng.choice(names, size, replace=False, p=weights)) for _ in part.asked],
        "nearest text": _nearest(part),
    }


def _nearest(part: Part) -> list[list[str]]:
    vectors = TextVectors.learn([order.text for order in part.learned], Terms({}))
    known = vectors.of([order.text for order in part.learned])
    order = np.argsort(-(vectors.of([o.text for o in part.asked]) @ known.T).toarray(), axis=1, kind="stable")
    nearest = ([part.learned[at].label for at in row] for row in order)
    return [list(dict.fromkeys(labels))[:_LABELS] for labels in nearest]


def _accuracy(asked: Sequence[Order], labels: Sequence[Sequence[str]]) -> float:
    return float(np.mean([order.label == own[0] for order, own in zip(asked, labels, strict=True)]))


def _hit(asked: Sequence[Order], labels: Sequence[Sequence[str]]) -> float:
    return float(np.mean([order.label in own for order, own in zip(asked, labels, strict=True)]))


def _macro_f1(asked: Sequence[Order], labels: Sequence[Sequence[str]]) -> float:
    """Mean over the labels that are there or were said of 2 hits / (times there + times said)."""
    there, said = Counter(order.label for order in asked), Counter(own[0] for own in labels)
    hits = Counter(order.label for order, own in zip(asked, labels, strict=True) if order.label == own[0])
    return float(np.mean([2 * hits[label] / (there[label] + said[label]) for label in {*there, *said}]))
