from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from convscope.errors import InputError
from convscope.tasks.text.account import account, strongest
from convscope.tasks.text.pages import marked, page_of_answers, page_of_filters, told
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.tokens import padded
from convscope.tasks.text.training import Trained

TEXTS = ["not good", "a", "We saw the film, a joy; and then it was TOO LONG?", "never met words"]


@pytest.mark.parametrize("text", TEXTS)
def test_the_parts_make_up_the_logit(toy_trained: Trained, text: str):
    (answer,) = account(toy_trained, [text])
    with torch.no_grad():
        logits = toy_trained.model(padded(toy_trained.vocabulary.encode([text])))[0]
    assert answer.probabilities == pytest.approx(logits.softmax(0).tolist(), abs=1e-6)
    logit = float(logits[answer.place] - logits.mean())
    assert answer.bias + sum(answer.parts) == pytest.approx(logit, abs=1e-5)
    assert answer.bias + sum(window.weight for window in answer.windows) == pytest.approx(logit, abs=1e-5)
    assert answer.probability == max(answer.probabilities)


def test_the_windows_are_those_that_the_maximum_picked(toy_trained: Trained):
    text = TEXTS[2]
    (answer,) = account(toy_trained, [text])
    model = toy_trained.model
    numbers, tokens = toy_trained.vocabulary.reader()(text)
    with torch.no_grad():
        vectors = model.embed(padded([numbers]))
        for size in (3, 4, 5):
            excited, at = model.body.windows[str(size)](vectors)[0].max(1)
            picked = {int(place) - size + 1 for value, place in zip(excited, at) if value > 0}
            own = [window for window in answer.windows if window.size == size]
            assert sum(window.filters for window in own) == int((excited > 0).sum())
            assert {(window.start, window.end) for window in own} == {
                (tokens[max(k, 0)].start, tokens[min(k + size, len(tokens)) - 1].end) for k in picked
            }
    weights = [abs(window.weight) for window in answer.windows]
    assert weights == sorted(weights, reverse=True)


def test_the_deciding_phrase_counts_most(toy_trained: Trained):
    (answer,) = account(toy_trained, ["the story is flat and people saw it"])
    assert answer.label == "no"
    assert answer.tokens[int(np.argmax(answer.parts))].word == "flat"
    assert "flat" in answer.windows[0].words


def test_a_text_without_a_word_is_refused(toy_trained: Trained):
    with pytest.raises(InputError, match="no word in it; give a text with at least one"):
        list(account(toy_trained, ["good", "  "]))


def test_what_is_cut_is_said(toy_trained: Trained):
    short = replace(toy_trained, vocabulary=replace(toy_trained.vocabulary, longest=2))
    assert [answer.cut for answer in account(short, ["a joy ", "a joy then"])] == [False, True]


def test_the_strongest_n_grams_and_the_best_of_all(toy: Texts, toy_trained: Trained):
    texts = toy.texts[:40]
    found = strongest(toy_trained, 3, [2, 5], texts, 4)
    assert [each.unit for each in found] == [2, 5]
    kernels = toy_trained.model.body.windows["3"].weight.detach()
    table = toy_trained.model.embed.table.weight.detach()
    for each in found:
        values: dict[str, float] = {}
        for numbers in toy_trained.vocabulary.encode(texts):
            for k in range(len(numbers) - 2):
                value = float((kernels[each.unit] * table[numbers[k : k + 3]].T).sum())
                values[" ".join(toy_trained.vocabulary.words[number] for number in numbers[k : k + 3])] = value
        wanted = sorted(values.values(), reverse=True)[:4]
        assert [value for _, value in each.seen] == pytest.approx(wanted, abs=1e-5)
        assert all(values[gram] == pytest.approx(value, abs=1e-5) for gram, value in each.seen)
        words = list(enumerate(toy_trained.vocabulary.words))[2:]
        tried = {
            f"{a} {b} {c}": float((kernels[each.unit] * table[[i, j, k]].T).sum())
            for (i, a), (j, b), (k, c) in product(words[:9], words[:9], words[:9])
        }
        assert each.best[1] >= max(*tried.values(), *values.values()) - 1e-5
        numbers = toy_trained.vocabulary.encode([each.best[0]])[0]
        assert float((kernels[each.unit] * table[numbers].T).sum()) == pytest.approx(each.best[1], abs=1e-5)
        assert each.speaks_for(toy.classes) == toy.classes[int(np.argmax(each.weights))]


def test_windows_and_units_that_are_not_there(toy_trained: Trained):
    with pytest.raises(InputError, match="window=2: no such kernels along the sequence; it has 3, 4, 5"):
        strongest(toy_trained, 2, [0], ["a"])
    with pytest.raises(InputError, match="unit=8: there are 8 of window 3, 0 to 7"):
        strongest(toy_trained, 3, [8], ["a"])


def test_a_marked_text_is_whole(toy_trained: Trained):
    for answer in account(toy_trained, [f"  {text} \n" for text in TEXTS]):
        pieces = list(marked(answer))
        assert "".join(piece for piece, _ in pieces) == answer.text
        assert max(abs(share) for _, share in pieces) == 1


def test_pages_escape_what_they_show(toy: Texts, toy_trained: Trained):
    answers = list(account(toy_trained, ["<b>good</b> & 很好"]))
    page = page_of_answers(answers, "a <net>")
    assert "<b>" not in page
    assert "a &lt;net&gt;" in page
    assert "很" in page
    assert told(answers[0].windows[0]).split()[0] == f"{answers[0].windows[0].weight:+.2f}"
    filters = page_of_filters(strongest(toy_trained, 3, range(8), [*toy.texts[:9], "a <i> joy </i>"]), toy.classes, "x")
    assert filters.count("<tr>") == 9
    assert "<i>" not in filters
