"""The sources of a report: its data set, its methods, and those of the concept answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fmnist.analysis.paired_effects import TWO_WAY
from fmnist.config.config import RULES
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.published import comparable

_LOCATOR = re.compile(r", (?:chapters?|sections?) [\d., and]+$")
_INITIALS = re.compile(r"^(?:[^\W\d_]\.[ -]?)+ ?")
# Words of its title in small letters to each source; left out where a question names that title.
DATA = {
    "novel image dataset": (
        "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking "
        "machine learning algorithms, 2017"
    ),
    "applied to document recognition": (
        "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to "
        "document recognition, Proceedings of the IEEE, 1998"
    ),
    "extension of mnist": (
        "G. Cohen, S. Afshar, J. Tapson and A. van Schaik, EMNIST: an extension of MNIST to "
        "handwritten letters, 2017"
    ),
    "classical japanese": (
        "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto and D. Ha, Deep learning "
        "for classical Japanese literature, 2018"
    ),
}
ALWAYS = {
    "probable inference": (
        "E. B. Wilson, Probable inference, the law of succession, and statistical inference, "
        "Journal of the American Statistical Association, 1927"
    ),
}
ENGINES = {
    "optuna": (
        "T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama, Optuna: a next-generation "
        "hyperparameter optimization framework, KDD, 2019"
    ),
    "keras-tuner": (
        "T. O'Malley, E. Bursztein, J. Long, F. Chollet, H. Jin, L. Invernizzi and others, "
        "KerasTuner, 2019"
    ),
}
METHODS = {
    "hyper-parameter optimization": (
        "J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl, Algorithms for hyper-parameter "
        "optimization, NeurIPS, 2011"
    ),
    "quantile-based approach": (
        "D. Salinas, H. Shen and V. Perrone, A quantile-based approach for hyperparameter transfer "
        "learning, ICML, 2020"
    ),
    "receiver operating characteristic rating": (
        "D. D. Dorfman, K. S. Berbaum and C. E. Metz, Receiver operating characteristic rating "
        "analysis: generalization to the population of readers and patients with the jackknife "
        "method, Investigative Radiology, 1992"
    ),
    "expressed in terms of probability": (
        "G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather "
        "Review, 1950"
    ),
    "reliability of reliability": (
        "J. Bröcker and L. A. Smith, Increasing the reliability of reliability diagrams, Weather "
        "and Forecasting, 2007"
    ),
    "and their application": (
        "A. C. Davison and D. V. Hinkley, Bootstrap methods and their application, Cambridge "
        "University Press, 1997"
    ),
    "hyperband": (
        "L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, Hyperband: a novel "
        "bandit-based approach to hyperparameter optimization, Journal of Machine Learning "
        "Research, 2018"
    ),
    "ped-anova": (
        "S. Watanabe, A. Bansal and F. Hutter, PED-ANOVA: efficiently quantifying hyperparameter "
        "importance in arbitrary subspaces, IJCAI, 2023"
    ),
    "bootstrap methods": (
        "B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics, 1979"
    ),
    "correlated proportions": (
        "Q. McNemar, Note on the sampling error of the difference between correlated proportions "
        "or percentages, Psychometrika, 1947"
    ),
    "matched proportions": (
        "D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of "
        "binomial proportions based on paired data, Journal of Educational and Behavioral "
        "Statistics, 2012"
    ),
    "sequentially rejective": (
        "S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal "
        "of Statistics, 1979"
    ),
    "independent proportions": (
        "R. G. Newcombe, Interval estimation for the difference between independent proportions: "
        "comparison of eleven methods, Statistics in Medicine, 1998"
    ),
    "calibration of modern": (
        "C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural "
        "networks, ICML, 2017"
    ),
    "grad-cam": (
        "R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh and D. Batra, Grad-CAM: "
        "visual explanations from deep networks via gradient-based localization, ICCV, 2017"
    ),
    "confident learning": (
        "C. G. Northcutt, L. Jiang and I. L. Chuang, Confident learning: estimating uncertainty "
        "in dataset labels, Journal of Artificial Intelligence Research, 2021"
    ),
}
NETWORK = {
    "internal covariate shift": (
        "S. Ioffe and C. Szegedy, Batch normalization: accelerating deep network training by "
        "reducing internal covariate shift, ICML, 2015"
    ),
    "deep residual learning": (
        "K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR, "
        "2016"
    ),
    "rethinking the inception": (
        "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, Rethinking the Inception "
        "architecture for computer vision, CVPR, 2016"
    ),
    "random erasing": (
        "Z. Zhong, L. Zheng, G. Kang, S. Li and Y. Yang, Random erasing data augmentation, AAAI, "
        "2020"
    ),
    "simple way to prevent": (
        "N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, Dropout: a "
        "simple way to prevent neural networks from overfitting, Journal of Machine Learning "
        "Research, 2014"
    ),
    "94% on cifar-10": ("K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, 2024"),
    "super-convergence": (
        "L. N. Smith and N. Topin, Super-convergence: very fast training of neural networks using "
        "large learning rates, 2019"
    ),
    "stochastic gradient descent with warm": (
        "I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR, "
        "2017"
    ),
    "sigmoid-weighted linear units": (
        "S. Elfwing, E. Uchibe and K. Doya, Sigmoid-weighted linear units for neural network "
        "function approximation in reinforcement learning, Neural Networks, 2018"
    ),
    "decoupled weight decay": (
        "I. Loshchilov and F. Hutter, Decoupled weight decay regularization, ICLR, 2019"
    ),
    "method for stochastic optimization": (
        "D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR, 2015"
    ),
}


# The words by which the hand-in names what each of them describes.
_NAMED = {
    "internal covariate shift": "batch normalisation",
    "deep residual learning": "skip connection",
    "rethinking the inception": "label smoothing",
    "simple way to prevent": "dropout",
    "super-convergence": "learning rate",
    "stochastic gradient descent with warm": "learning rate",
    "sigmoid-weighted linear units": "SiLU",
    "decoupled weight decay": "AdamW",
    "method for stochastic optimization": "Adam",
    "random erasing": "blacked out in a random rectangle",
}


def sources(facts: Facts, concepts: Sequence[Concept]) -> list[str]:
    """All sources by the surname of their first author; each work stands there once."""
    named = [work(source) for concept in concepts for source in concept.sources]
    titles = " ".join(named).lower()
    known = {**METHODS, **NETWORK}
    own = {**ALWAYS, **_data(facts)}
    own |= {title: known[title] for title in (*_methods(facts), *_network(facts))}
    kept = [source for title, source in own.items() if title not in titles]
    engine = ENGINES.get(facts.run.request.engine) if facts.by_search else None
    return sorted({*kept, *named, *filter(None, [engine])}, key=_by_surname)


def work(source: str) -> str:
    """A source without its chapter or section: the same work has one number."""
    return _LOCATOR.sub("", source)


def _by_surname(source: str) -> tuple[str, str]:
    return _INITIALS.sub("", source).lower(), source


def _data(facts: Facts) -> dict[str, str]:
    """Where the data set was published; nothing of a user's own."""
    data = facts.run.data
    first = data.name.partition(" ")[0]
    titles = {
        "MNIST": "applied to document recognition",
        "EMNIST": "extension of mnist",
        "KMNIST": "classical japanese",
        "Kuzushiji-49": "classical japanese",
    }
    # Of what is published, mirrored images are known to do no harm to Fashion-MNIST alone.
    title = titles.get(first) or ("novel image dataset" if data.mirrors else "")
    return {title: DATA[title]} if title else {}


def _methods(facts: Facts) -> list[str]:
    """Titles of the methods that this report's numbers and pictures come from."""
    importance, metrics, compared = facts.importance, facts.metrics, facts.comparison
    important = importance if importance is not None and importance.applicable else None
    repeated = facts.reproduction
    tried = facts.experiments.experiments if facts.experiments else ()
    ways = {e.method for e in tried}
    paired = bool(
        compared
        or (metrics and metrics.ensemble)
        or (repeated and repeated.p)
        or any("McNemar" in way for way in ways)
    )
    calibrated = getattr(metrics, "calibration", None)
    used = {
        "quantile-based approach": facts.prior is not None,
        "hyper-parameter optimization": facts.by_search and facts.run.request.sampler == "tpe",
        "receiver operating characteristic rating": TWO_WAY in ways,
        "expressed in terms of probability": calibrated,
        "reliability of reliability": calibrated,
        "and their application": calibrated,
        "hyperband": facts.by_search and facts.run.request.sampler == "hyperband",
        "ped-anova": facts.by_search and important is not None,
        "bootstrap methods": (important and important.bootstraps)
        or getattr(metrics and metrics.test, "bootstrap", None),
        "correlated proportions": paired,
        "matched proportions": paired,
        "sequentially rejective": len(tried) > 1 or (compared and len(compared.others) > 1),
        "independent proportions": comparable(facts)
        or (repeated and repeated.method == "newcombe")
        or any("Newcombe" in way for way in ways)
        or (metrics and metrics.single_view and metrics.single_view.training),
        "calibration of modern": calibrated,
        "grad-cam": facts.gallery and facts.gallery.grad_cam,
        "confident learning": facts.gallery and facts.gallery.label_errors,
    }
    return [title for title, use in used.items() if use]


def _network(facts: Facts) -> list[str]:
    """Titles of what the winning network and its training are made of."""
    values: dict[str, Any] = facts.best.values() if facts.best else {}
    if not values.get("stages"):
        values = {**values, "batch_norm": False}  # a dense network has none
    return [title for name, rule in RULES.items() if (title := rule.cited(values.get(name)))]


class References:
    """Numbers the sources of a document in the order in which it cites them."""

    def __init__(self, facts: Facts) -> None:
        self.sources: list[str] = []
        self._unnamed = _network(facts)
        engine = ENGINES.get(facts.run.request.engine) if facts.by_search else None
        self._known = {
            **{title: [source] for title, source in {**METHODS, **ALWAYS}.items()},
            "engine": [engine] if engine else [],
            "data": list(_data(facts).values()),
        }

    def cite_methods(self, text: str) -> str:
        """``text`` with its number behind the first naming of each method of the network."""
        found = {}
        for title in self._unnamed:
            if name := re.search(rf"\b{_NAMED.get(title, title)}\b", text, re.IGNORECASE):
                found[title] = name.end()
        self._unnamed = [title for title in self._unnamed if title not in found]
        parts: list[str] = []
        since = 0
        for title, end in sorted(found.items(), key=lambda item: item[1]):
            parts += [text[since:end], self._mark([NETWORK[title]])]
            since = end
        return text[:0].join([*parts, text[since:]])  # escaped text stays so

    def cite_further_methods(self) -> str:
        """The numbers of those that ``cite_methods`` found no word of."""
        return self._mark([NETWORK[title] for title in self._unnamed])

    def cite(self, key: str) -> str:
        """`` [3]`` for words of a title, ``engine``, ``data`` or a source itself.

        Empty for what has no source, such as a user's own data.
        """
        return self._mark(self._known.get(key, [key] if " " in key else []))

    def _mark(self, sources: Sequence[str]) -> str:
        marks = []
        for source in sources:
            if source not in self.sources:
                self.sources.append(source)
            marks.append(self.sources.index(source) + 1)
        return f" [{', '.join(map(str, marks))}]" if marks else ""
