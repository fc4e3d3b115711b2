"""What a network for texts has to be measured against: counting words, by scikit-learn (extra `text`)."""

from itertools import pairwise
from typing import Any

import numpy as np

from convscope.tasks.extras import need
from convscope.tasks.text.reading import Texts
from convscope.tasks.text.tokens import LONGEST, split
from convscope.tasks.text.training import Parts

BAYES, LOGISTIC = "naive Bayes", "TF-IDF + logistic regression"
BASELINES = (BAYES, LOGISTIC)
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
"""What logistic regression's C is chosen from, by the validation texts, as a network's epoch is."""


def baselines(texts: Texts, parts: Parts, kind: str, longest: int = LONGEST) -> dict[str, np.ndarray]:
    """The class each baseline gives to each test text, as a place in `texts.classes`.

    kind: how texts are split, see `tokens.split`. Both count tokens and pairs of neighbours, of the same texts as the
    network. Naive Bayes is the multinomial one with one added to each count.

    Raises InputError where scikit-learn is not installed.
    """
    extract = need("sklearn.feature_extraction.text", "text")
    linear, bayes = need("sklearn.linear_model", "text"), need("sklearn.naive_bayes", "text")
    learned, held, tested = ([texts.texts[k] for k in chosen] for chosen in (parts.train, parts.validation, parts.test))
    labels, wanted = texts.labels[parts.train], texts.labels[parts.validation]
    how: dict[str, Any] = {"analyzer": lambda text: _grams(text, kind, longest)}

    counts = extract.CountVectorizer(**how)
    model = bayes.MultinomialNB().fit(counts.fit_transform(learned), labels)
    found = {BAYES: model.predict(counts.transform(tested))}

    weighted = extract.TfidfVectorizer(**how, sublinear_tf=True, min_df=2)
    seen, validated = weighted.fit_transform(learned), weighted.transform(held)
    fitted = [linear.LogisticRegression(C=strength, max_iter=1000).fit(seen, labels) for strength in STRENGTHS]
    best = max(fitted, key=lambda model: float((model.predict(validated) == wanted).mean()))
    return {**found, LOGISTIC: best.predict(weighted.transform(tested))}


def _grams(text: str, kind: str, longest: int) -> list[str]:
    words = [token.word for token in split(text, kind)[:longest]]
    return words + [f"{first} {second}" for first, second in pairwise(words)]
