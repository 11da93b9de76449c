"""RC-Spike networks as a scikit-learn classifier, for tables of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, check_unmasked
from rcspike._common.extras import missing_extra
from rcspike.circuit import Circuit
from rcspike.datasets.feature_scaling import TABLE_COMPLEMENT, TABLE_SCALING, Scaling, ScalingName
from rcspike.functional import encode, schedule
from rcspike.functional.learning_rate import Decay
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Network
from rcspike.network.initialisation import mean_intensity
from rcspike.neurons import taken
from rcspike.training import Settings
from rcspike.training.class_weights import balanced_weights
from rcspike.training.default_length import TABLES, default_batch, default_epochs, default_rate
from rcspike.training.epoch_steps import run_epochs

try:
    from scipy.special import softmax
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_array, check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise missing_extra("rcspike.sklearn needs scikit-learn 1.6 or newer", "sklearn") from error

__all__ = ["RCSpikeClassifier"]


def __dir__() -> list[str]:
    return __all__


_FLOATS = (np.float64, np.float32)


class RCSpikeClassifier(ClassifierMixin, BaseEstimator):  # the order scikit-learn asks for
    """A feed-forward RC-Spike network that classifies by which output would spike first.

    Features of any scale are encoded as spike times: `scaling` takes each to x in [0, 1], as it is in training, and it
    spikes at t = 1 - x in units of the window T. With `complement`, 1 - x is an input as well, so that a low value
    spikes as early as a high one; without it a feature at its minimum never spikes. A feature that is constant in
    training never does. One extra input always spikes at 0: without it a sample of low values would leave all neurons
    silent.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Numbers of hidden neurons; an empty sequence for none.
    v_syn : float
        Drive voltage of the synapses in V_th; about 1 is strong coupling, ``math.inf`` the conventional circuit.
    epochs : int, optional
        Passes over the training samples in `fit`, during which the learning rate falls to zero; by default 300, or as
        many as make 4,000 steps of few samples and 75,000 of many.
    batch_size : int, optional
        Samples in a step of Adam; by default 32, or a quarter of fewer than 128.
    learning_rate : float, optional
        Learning rate of the first step of `fit`, and of every step of `partial_fit`; by default 0.003, and down to
        0.0008 if a step would change the voltages by more than 0.05 V_th, since there are many inputs.
    temperature : float
        tau in V_th: probabilities, in the loss and in `predict_proba`, are softmax(v / tau); of single-phase
        neurons softmax(-t / tau), with tau in T.
    phases : {"two", "single"}
        Whether neurons charge and then fire by a ramp, or spike while they charge. For single-phase neurons `v_syn` has
        to be above 1, the class is that of the first output spike, and the first weights fit the mean of 1 - t of the
        inputs (docs/single-phase.md).
    silent_penalty : float
        Single phase: as in `rcspike.train`.
    noise : float
        Standard deviation sigma_t in T of the noise on hidden and output spike times in training; there is none in
        predictions.
    scaling : {"range", "standard", "quantile"}
        How a feature is taken to [0, 1]: see `rcspike.datasets.Scaling`.
    complement : bool
        Whether 1 - x is an input as well as x.
    class_weight : dict, "balanced" or None
        Weight of each class in the loss, 1 for classes that a dict leaves out; "balanced" lets all classes count alike.
    random_state : int, RandomState or None
        Seed of the initial weights, the order of the samples and the noise. The order in which the samples come does
        not matter.
    threads : int or None
        Number of threads, which does not change results; None for all cores. The default of 1 suits small tables, and
        leaves the other cores to `n_jobs` or to Dask.

    Attributes
    ----------
    classes_
        Labels, sorted, (n_classes,).
    network_
        The trained `rcspike.Network`, float32, with the inputs of `scaling_`.
    learning_rate_
        Learning rate of the first step of the last call.
    scaling_
        The `rcspike.datasets.Scaling` of the features.
    data_min_, data_max_
        Range of each feature in training, (n_features,) each.
    loss_curve_
        Mean loss in each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> features, species = load_iris(return_X_y=True)
    >>> scores = cross_val_score(RCSpikeClassifier(v_syn=1.0, random_state=0), features, species)
    >>> bool(scores.mean() > 0.9)
    True
    """

    classes_: npt.NDArray[Any]
    network_: Network
    learning_rate_: float
    data_min_: FloatArray
    data_max_: FloatArray
    scaling_: Scaling
    loss_curve_: list[float]
    _adam: dict[str, Any]
    _random: np.random.RandomState

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (100,),
        *,
        v_syn: float = 1.0,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        temperature: float = 0.07,
        phases: Phases = "two",
        silent_penalty: float = 1e-4,
        noise: float = 0.0,
        scaling: ScalingName = TABLE_SCALING,
        complement: bool = TABLE_COMPLEMENT,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        random_state: int | np.random.RandomState | None = None,
        threads: int | None = 1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.v_syn = v_syn
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.phases = phases
        self.silent_penalty = silent_penalty
        self.noise = noise
        self.scaling = scaling
        self.complement = complement
        self.class_weight = class_weight
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> RCSpikeClassifier:
        """Train a new network.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : (n_samples,)
            Labels of any kind; at least two.
        sample_weight : (n_samples,), optional
            If all are whole numbers, each sample counts as so many copies of it, also in the time that `fit` takes and
            in the scaling of the features. Other weights multiply the losses, relative to their mean. A sample of
            weight 0 is left out.

        Raises
        ------
        TypeError, ValueError
            If a parameter is out of its range, the data are not finite numbers or have a single label, or the weights
            are negative or all zero.
        FloatingPointError
            If training diverges.
        """
        X, y, weights = self._checked(X, y, sample_weight, new=True)
        epochs = self.epochs
        if epochs is None:
            epochs = default_epochs(TABLES["epochs"], len(X), self.batch_size or default_batch(len(X)))
        return self._train(X, y, weights, np.unique(y), epochs=epochs, decay="cosine", new=True)

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> RCSpikeClassifier:
        """Train for one more epoch, on only these samples, at a constant learning rate.

        Training resumes from the last call, or from `fit`, with the stored state of Adam. With the scaling "range", the
        ranges of features grow with the samples; other scalings stay those of the first call. The first samples should
        therefore be typical.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : (n_classes,), optional
            All labels that will ever come; needed in the first call.
        sample_weight : (n_samples,), optional
            As in `fit`.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As in `fit`; also if `classes` is missing or changes, a label is not among them, or `class_weight` is
            "balanced", for which one would have to know how many samples of each class will come.
        """
        new = not hasattr(self, "network_")
        if classes is not None:
            known = np.unique(classes)
            if not new and not np.array_equal(known, self.classes_):
                raise ValueError(f"classes must stay those of the first call, {self.classes_}, got {known}")
        elif new:
            raise ValueError("the first call of partial_fit needs classes: all labels that will ever come")
        else:
            known = self.classes_
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight {self.class_weight!r} needs all samples at once: call fit, or pass a dict of weights"
            )
        X, y, weights = self._checked(X, y, sample_weight, new=new)
        return self._train(X, y, weights, known, epochs=1, decay="constant", new=new)

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Output voltages at the end of charging, in V_th; of single-phase neurons minus the spike times, in T.

        As in training, an output that does not spike counts as one that spikes at 2 T, or with the last one of the
        others if that is later.

        Returns
        -------
        (n_samples, n_classes), or (n_samples,) for two classes
            For two classes by how much the second number exceeds the first.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probabilities softmax(v / temperature), (n_samples, n_classes), in the order of `classes_`.

        For single-phase neurons they are softmax(-t / temperature).
        """
        p: npt.NDArray[np.float64] = softmax(self._scores(X) / self.temperature, axis=1)
        return p

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Label of each sample, (n_samples,): that of the output which would spike first."""
        first = np.argmax(self._scores(X), axis=1)
        labels: npt.NDArray[Any] = self.classes_[first]
        return labels

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, new: bool
    ) -> tuple[FloatArray, npt.NDArray[Any], Float64Array | None]:
        """Samples as they are trained on, labels, and weights of their losses unless all are the same."""
        check_unmasked("X", X)
        check_unmasked("y", y)
        X, y = validate_data(self, X, y, dtype=_FLOATS, reset=new)
        check_classification_targets(y)
        order = _content_order(X, y)
        if sample_weight is None:
            return X[order], y[order], None
        check_unmasked("sample_weight", sample_weight)
        weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
        if weights.shape != y.shape:
            raise ValueError(f"sample_weight must have the shape {y.shape} of y, got {weights.shape}")
        if not (weights >= 0).all():
            raise ValueError(f"sample_weight must not be negative, got {weights.min()}")
        if not weights.any():
            raise ValueError("sample_weight must not be zero for all samples")
        if (weights == np.floor(weights)).all():
            order = np.repeat(order, weights[order].astype(np.int64))
            return X[order], y[order], None
        order = order[weights[order] > 0]
        return X[order], y[order], weights[order]

    def _of_losses(
        self, y: npt.NDArray[Any], classes: npt.NDArray[Any], weights: Float64Array | None
    ) -> Float64Array | None:
        """Weights of the losses of the samples, whose mean is 1, from those of samples and of classes."""
        if self.class_weight is None and weights is None:
            return None
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            of_classes = balanced_weights(y, weights)  # compute_class_weight of scikit-learn 1.6 takes no weights
        else:
            of_classes = compute_class_weight(self.class_weight, classes=classes, y=y)[np.searchsorted(classes, y)]
        both = np.asarray(of_classes if weights is None else of_classes * weights, dtype=np.float64)
        if not (both >= 0).all() or not 0 < both.sum() < np.inf:
            raise ValueError(
                f"class_weight must be finite and not negative, and not 0 for all, got {self.class_weight}"
            )
        return np.asarray(both / both.mean())

    def _train(
        self,
        X: FloatArray,
        y: npt.NDArray[Any],
        weights: Float64Array | None,
        classes: npt.NDArray[Any],
        *,
        epochs: int,
        decay: Decay,
        new: bool,
    ) -> RCSpikeClassifier:
        """Train a new network or the existing one. Attributes are set at the end: a failed call changes none."""
        if len(classes) < 2:
            raise ValueError(f"y must have two classes or more, got {len(classes)} class: {classes}")
        unknown = np.setdiff1d(y, classes)
        if len(unknown):
            raise ValueError(f"labels {unknown} are not among the classes {classes}")
        low, high = X.min(axis=0), X.max(axis=0)
        if not new:
            low, high = np.minimum(low, self.data_min_), np.maximum(high, self.data_max_)
        scaling = self._scaling(X if new else np.stack([low, high]), new=new)
        times = encode(scaling.apply(X))
        rate = self.learning_rate
        if rate is None:
            rate = default_rate(TABLES["learning_rate"], times) if new else self.learning_rate_
        random = check_random_state(self.random_state) if new else self._random
        settings = Settings(
            epochs=epochs,
            batch_size=default_batch(len(X)) if self.batch_size is None else self.batch_size,
            learning_rate=rate,
            decay=decay,
            temperature=self.temperature,
            noise=self.noise,
            **taken(self.phases, {"silent_penalty": self.silent_penalty}),
            seed=int(random.randint(2**31 - 1)),
        )
        if new:
            sizes = (scaling.n_inputs, *np.atleast_1d(self.hidden_layer_sizes).tolist(), len(classes))
            circuit = Circuit(v_syn=self.v_syn)
            own: dict[str, Any] = {"phases": self.phases, "intensity": mean_intensity(times)}
            network, losses = Network.create(sizes, circuit, seed=settings.seed, **own), []
            trainer = settings.trainer(network)
        else:
            network, losses = self.network_, self.loss_curve_
            trainer = settings.trainer(network)
            trainer.restore(**self._adam)
        events = schedule(times, phases=network.phases, threads=self.threads)
        labels, weights = np.searchsorted(classes, y), self._of_losses(y, classes, weights)
        of_all: dict[str, Any] = {"samples": np.arange(len(X)), "weights": weights, "threads": self.threads}
        run = run_epochs(network, trainer, events, labels, settings, **of_all)
        losses = losses + [total.loss / len(X) for _, total in run]
        self.classes_, self.network_, self.loss_curve_ = classes, network, losses
        self.data_min_, self.data_max_, self.scaling_, self.learning_rate_ = low, high, scaling, rate
        self._adam = {"steps": trainer.steps, "first": trainer.moments(0), "second": trainer.moments(1)}
        self._random = random
        return self

    def _scaling(self, X: FloatArray, *, new: bool) -> Scaling:
        if not new and self.scaling != "range":
            return self.scaling_
        return Scaling.fit(X, self.scaling, complement=bool(self.complement), always_on=True)

    def _scores(self, X: Any) -> npt.NDArray[np.float64]:
        """Scores of the outputs: the class has the highest."""
        check_is_fitted(self)
        check_unmasked("X", X)
        X = validate_data(self, X, dtype=_FLOATS, reset=False)
        times = encode(self.scaling_.apply(X))
        return self.network_.forward(times, threads=self.threads).scores


def _content_order(X: FloatArray, y: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """An order of the samples (n,) that depends on what they are alone, and not on the order in which they come.

    So a fit on copies of samples, wherever they stand, is the same as one on samples with whole weights.
    """
    order: npt.NDArray[np.int64] = np.lexsort((np.unique(y, return_inverse=True)[1], *X.T[::-1]))
    return order
