"""Reports find similar orders in English and Chinese and across both, strange texts are unknown, and nothing leaks."""

import random

import pytest

from anomaly.diagnosis import UNKNOWN, BadHistory
from anomaly.diagnosis.library import built_in, terms_of
from anomaly.diagnosis.orders import Order
from anomaly.diagnosis.suggest import Suggester
from anomaly.diagnosis.words import Terms, folded, grams

TERMS = terms_of(built_in())
REPORTS = {
    "Leak": (
        "pump seal leaking",
        "oil drip under gearbox",
        "water leak at flange",
        "机械密封漏水",
        "减速机漏油",
        "阀门泄漏",
    ),
    "Noise": ("bearing noisy", "fan squealing", "gearbox knocking", "电机异响", "轴承噪音大", "风机啸叫"),
    "Start": ("pump wont start", "does not start", "failed to start", "电机无法启动", "空压机启动不了", "设备不能启动"),
    "Hot": ("motor overheating", "bearing hot", "high temperature alarm", "电机过热", "轴承温度高", "油温过高"),
    "Electrical": (
        "blown fuse",
        "earth fault trip",
        "cable damaged short circuit",
        "保险丝熔断",
        "电缆短路",
        "接触器烧坏",
    ),
}
ORDERS = [
    Order(f"{text} {place}", label, line=2 + at)
    for at, (label, text, place) in enumerate(
        (label, text, place)
        for place in ("line 1", "line 2", "3号线")
        for label, texts in REPORTS.items()
        for text in texts
    )
]
LEARNED = Suggester.learn(ORDERS, TERMS)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("mechanical seal leaks again", "Leak"), ("密封处渗漏", "Leak"), ("squeeling from fan", "Noise"),
        ("运行时有杂音", "Noise"), ("compressor won't start", "Start"), ("泵启动困难", "Start"), ("轴承发热", "Hot"),
        ("fuse blown", "Electrical"), ("电气短路跳闸", "Electrical"),
    ],
)  # fmt: skip
def test_reports_find_their_label(text, label):
    best = LEARNED.ask([text])[0].ranked[0]
    assert best.label == label
    assert best.score > 0.5


def test_chinese_finds_english_orders_by_the_symptom():
    english = [order for order in ORDERS if order.text.isascii()]
    best = Suggester.learn(english, TERMS).ask(["减速箱漏油"])[0].ranked[0]
    assert best.label == "Leak"
    assert best.sources[0].facts["text"].isascii()


def test_without_the_symptoms_it_would_not():
    """Negative control of the test above: Chinese and English share no n-gram."""
    english = [order for order in ORDERS if order.text.isascii()]
    assert Suggester.learn(english, Terms({})).ask(["减速箱漏油"])[0].ranked[0].label == UNKNOWN


@pytest.mark.parametrize("text", ["zzxxqqyy", "", "????", "Ωψφ"])
def test_a_text_like_no_order_is_unknown(text):
    answer = LEARNED.ask([text])[0]
    assert answer.ranked[0].label == UNKNOWN
    assert len(answer.ranked) == 4


def test_the_evidence_is_the_orders_that_say_so():
    best = LEARNED.ask(["seal leaking line 2"])[0].ranked[0]
    orders = [source.facts for source in best.sources if source.kind == "order"]
    assert orders[0]["label"] == "Leak"
    assert ORDERS[orders[0]["line"] - 2].text == orders[0]["text"]
    assert orders[0]["similarity"] >= orders[-1]["similarity"] > 0
    assert any(source.kind == "words" and source.facts["symptom"] == "leak" for source in best.sources)


def test_names_of_labels_do_not_matter():
    renamed = {label: f"L{at}" for at, label in enumerate(reversed(REPORTS))}
    other = Suggester.learn([Order(o.text, renamed[o.label], line=o.line) for o in ORDERS], TERMS)
    for text in ("oil leak", "异响", "no start"):
        mine, theirs = LEARNED.ask([text])[0].ranked[0], other.ask([text])[0].ranked[0]
        assert renamed[mine.label] == theirs.label
        assert theirs.score == pytest.approx(mine.score, abs=1e-3)


def test_shuffled_labels_teach_nothing():
    """Negative control: with labels at random the left-out scores give no confidence."""
    labels = [order.label for order in ORDERS]
    random.Random(4).shuffle(labels)
    answers = Suggester.learn([Order(o.text, label) for o, label in zip(ORDERS, labels, strict=True)], TERMS).ask(
        [order.text + " now" for order in ORDERS]
    )
    assert sum(answer.ranked[0].label == UNKNOWN for answer in answers) > len(answers) / 2


def test_equal_orders_count_as_one_that_was_seen_often():
    """A report written fifty times does not make the scores on left-out orders look better than they are."""
    often = [*ORDERS, *[Order("pump seal leaking line 1", "Leak", line=500 + at) for at in range(50)]]
    learned = Suggester.learn(often, TERMS)
    assert len(learned.orders) == len(LEARNED.orders)
    assert learned.orders[-1].line == 549


def test_a_label_that_was_left_out_is_mostly_unknown():
    """And a label that is known mostly is not: both count."""
    known = [order for order in ORDERS if order.label != "Electrical"]
    asked = [order.text for order in ORDERS if order.label == "Electrical"]
    answers = Suggester.learn(known, TERMS).ask(asked)
    assert sum(answer.ranked[0].label == UNKNOWN for answer in answers) >= 0.7 * len(asked)
    again = LEARNED.ask([order.text + " again" for order in ORDERS])
    assert sum(answer.ranked[0].label == UNKNOWN for answer in again) <= 0.1 * len(ORDERS)


def test_one_order_is_refused():
    with pytest.raises(BadHistory, match="one order"):
        Suggester.learn([Order("pump leaks", "Leak"), Order("Pump leaks!", "Leak")], TERMS)


def test_folding_and_grams():
    assert folded("Won't　ＳＴＡＲＴ, no. 12!") == "wont start no 0"
    assert set(grams("漏油")) == {"漏", "油", "漏油"}
    assert " oi" in set(grams("oil"))
    assert set(grams(folded("P12漏"))) >= {" p0", "漏"}


def test_terms_match_beginnings_and_whole_words():
    terms = Terms({"stop": (("not stop", "us$"), ("停不下",))})
    assert [told.words for told in terms.told("pump will not be stopping")] == ["not stopping"]
    assert not terms.told("using it")
    assert terms.told("it is U/S") == ()
    assert terms.told("us")
    assert terms.told("电机停不下来")
