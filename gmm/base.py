"""The scikit-learn estimator protocol, without depending on scikit-learn.

What scikit-learn asks of an estimator is a handful of methods, none of which needs its base class: parameters by
the signature of ``__init__``, tags, the fitted state, and requests for metadata routing. Those that must return
scikit-learn's own objects import it inside the method, so only a caller who already has it pays for it.

Invariant: ``__init__`` stores its arguments untouched; everything a fit learns is one immutable object in
``_result``, which appears whole or not at all.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import warnings
from typing import Any, Self

import numpy as np

from gmm._validation import check_n_features, check_rows, feature_names
from gmm.errors import DataError, not_fitted

UNCHANGED = "$UNCHANGED$"
"""Value of a metadata request that leaves the present one as it is (the same string as scikit-learn's)."""


@functools.cache
def parameter_defaults(cls: type) -> dict[str, Any]:
    """Names and defaults of the arguments of ``cls.__init__``, in their order."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def nearest_name(name: str, names: Any) -> str:
    """Hint for a misspelt name: ", did you mean 'x'?" or nothing."""
    spelt = {str(known).lower(): str(known) for known in names}
    close = difflib.get_close_matches(str(name).lower(), spelt, n=1)
    return f", did you mean {spelt[close[0]]!r}?" if close else ""


class Estimator:
    """Parameters, representation, tags and metadata requests of an estimator.

    A subclass defines ``__init__`` with explicit arguments, stores each under its own name, and puts what ``fit``
    learns, ``feature_names`` among it, in ``_result``.
    """

    _result: Any

    # ---- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name.

        Parameters
        ----------
        deep : bool, default=True
            Accepted for scikit-learn; there are no nested estimators.

        Returns
        -------
        dict
            Name to the very object that was given.
        """
        return {name: getattr(self, name) for name in parameter_defaults(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Replace constructor arguments; checked, as those of ``__init__``, when ``fit`` uses them.

        Raises
        ------
        ValueError
            If a name is not an argument of the constructor; the message suggests the nearest.
        """
        known = parameter_defaults(type(self))
        for name in params:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}{nearest_name(name, known)} "
                    f"Valid parameters are: {list(known)}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Constructor call with the arguments that differ from their defaults."""
        with np.printoptions(threshold=8, edgeitems=2, precision=4):
            shown = [
                f"{name}={getattr(self, name)!r}"
                for name, default in parameter_defaults(type(self)).items()
                if not is_same(getattr(self, name), default)
            ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # ---- fitted state

    def __sklearn_is_fitted__(self) -> bool:
        return "_result" in self.__dict__

    def _fitted(self) -> Any:
        """What ``fit`` learned.

        Raises
        ------
        NotFittedError
            Before the first fit; also scikit-learn's error of that name, if scikit-learn is loaded.
        """
        try:
            return self.__dict__["_result"]
        except KeyError:
            raise not_fitted(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments "
                "before using this estimator."
            ) from None

    def _checked(
        self, X: Any, names: np.ndarray | None, n_features: int, *, allow_missing: bool = False
    ) -> np.ndarray:
        """Rows for a prediction, as `check_rows` returns them; names and number of the columns are those of the fit."""
        owner = type(self).__name__
        if type(X) is not np.ndarray or names is not None:
            check_feature_names(X, names, owner=owner)
        X = check_rows(X, owner=owner, allow_missing=allow_missing)
        check_n_features(X, n_features, owner=owner)
        return X

    @property
    def feature_names_in_(self) -> np.ndarray:
        names = self._fitted().feature_names
        if names is None:
            raise AttributeError("the fit had no feature names")
        return names

    # ---- scikit-learn: tags and metadata requests

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        allow_nan = getattr(self, "missing", "raise") == "marginalize"
        return Tags(
            estimator_type="density_estimator",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=allow_nan),
        )

    def get_metadata_routing(self) -> Any:
        """Which metadata (``sample_weight``, ``labels``, ``start``) this estimator asks its meta-estimators for.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
        """
        from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

        if hasattr(self, "_metadata_request"):
            return get_routing_for_object(self._metadata_request)
        request = MetadataRequest(owner=type(self).__name__)
        for method in ("fit", "score"):
            for name in self._metadata_of(method):
                getattr(request, method).add_request(param=name, alias=None)
        return request

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Ask meta-estimators for metadata of ``fit``: ``sample_weight``, ``labels`` and ``start``.

        Parameters
        ----------
        **requests : bool, str or None
            True asks for the metadata, False does not, None raises if it is given, a string asks for it under that
            name. See scikit-learn's user guide on metadata routing, which must be enabled.

        Returns
        -------
        self
        """
        return self._set_request("fit", requests)

    def set_score_request(self, **requests: bool | str | None) -> Self:
        """Ask meta-estimators for metadata of ``score``: ``sample_weight``. As `set_fit_request`."""
        return self._set_request("score", requests)

    @classmethod
    def _metadata_of(cls, method: str) -> list[str]:
        names = list(inspect.signature(getattr(cls, method)).parameters)[1:]
        return [name for name in names if name not in ("X", "y")]

    def _set_request(self, method: str, requests: dict[str, Any]) -> Self:
        from sklearn import get_config

        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it using "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        accepted = self._metadata_of(method)
        unknown = set(requests) - set(accepted)
        if unknown:
            raise TypeError(f"Unexpected args: {unknown} in {method}. Accepted arguments are: {set(accepted)}")
        routing = self.get_metadata_routing()
        for name, alias in requests.items():
            if alias != UNCHANGED:
                getattr(routing, method).add_request(param=name, alias=alias)
        self._metadata_request = routing
        return self


def is_same(value: Any, default: Any) -> bool:
    """Whether an argument is its default, for the representation; arrays never are."""
    if value is default:
        return True
    return type(value) is type(default) and not hasattr(value, "__array__") and value == default


def check_feature_names(X: Any, fitted: np.ndarray | None, *, owner: str) -> None:
    """Compare the column names of X with those of the fit; messages are scikit-learn's.

    Raises
    ------
    DataError
        If both have names and they differ, if only in their order.

    Warns
    -----
    UserWarning
        If only one of them has names.
    """
    names = feature_names(X)
    if fitted is None or names is None:
        if names is not None:
            warnings.warn(f"X has feature names, but {owner} was fitted without feature names", stacklevel=5)
        elif fitted is not None:
            warnings.warn(
                f"X does not have valid feature names, but {owner} was fitted with feature names", stacklevel=5
            )
        return
    if np.array_equal(names, fitted):
        return
    message = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(names) - set(fitted)), sorted(set(fitted) - set(names))
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listing(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listing(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise DataError(message)


def _listing(names: list[str], *, longest: int = 5) -> str:
    return "".join(f"- {name}\n" for name in names[:longest]) + ("- ...\n" if len(names) > longest else "")
