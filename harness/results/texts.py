"""A column of texts, each distinct one kept once: of millions of cycles few differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.results import checksums

Bools = NDArray[np.bool_]
_FEW = 1 << 15  # words whose codes fit into two bytes
# blocks of one run have much the same texts
_number = lru_cache(maxsize=1 << 14)(checksums.of_text)


class Texts:
    """A text, or None, for each cycle. It is read like an array of objects.

    Args:
        codes: of each cycle, where its text is in ``words``; -1: none. Integers of any width.
        words: the texts.
    """

    dtype = np.dtype(object)  # of what ``objects`` gives

    def __init__(self, codes: NDArray[Any], words: Sequence[str]) -> None:
        self.codes, self.words = codes, words

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Texts:
        """Take a text, or None, of each cycle."""
        every = list(values)
        words = [text for text in dict.fromkeys(every) if text is not None]
        places: dict[str | None, int] = {text: place for place, text in enumerate(words)}
        places[None] = -1
        found = map(places.__getitem__, every)
        return cls(np.fromiter(found, dtype=np.int32, count=len(every)), words)

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """Return the texts of several columns, one after another."""
        places: dict[str, int] = {}
        codes: list[NDArray[Any]] = [np.empty(0, dtype=np.int16)]
        for part in parts:
            mine = [places.setdefault(text, len(places)) for text in part.words]
            codes.append(np.array([*mine, -1], dtype=np.int32)[part.codes])
        kind = np.int16 if len(places) < _FEW else np.int32
        return cls(np.concatenate(codes, dtype=kind), list(places))

    def __len__(self) -> int:
        """Count the cycles."""
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        """Give the text of each cycle."""
        return iter(self.tolist())

    def __getitem__(self, at: Any) -> Any:
        """Return the text of one cycle, or the Texts of those that an array or a slice picks."""
        codes = self.codes[at]
        if np.ndim(codes):
            return Texts(codes, self.words)
        return self.words[codes] if codes >= 0 else None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Let numpy take it for an array of objects."""
        return self.objects()

    def objects(self) -> NDArray[Any]:
        """Return an array of objects, shape (cycles,)."""
        spread: NDArray[Any] = self._spread(self.words, None, object)
        return spread

    def tolist(self) -> list[str | None]:
        """Return a list, a text or None a cycle."""
        return list(self.objects())

    @property
    def known(self) -> Bools:
        """Tell the cycles that have a text."""
        return np.asarray(self.codes >= 0, dtype=bool)

    def counts(self) -> Counter[str]:
        """Count how many cycles have each text; those that none has are left out."""
        counted = np.bincount(self.codes[self.codes >= 0], minlength=len(self.words)).tolist()
        counts = Counter[str]()
        for word, count in zip(self.words, counted, strict=True):
            if count:
                counts[word] += count
        return counts

    def numbers(self) -> checksums.Numbers:
        """Return what `harness.results.checksums.of_texts` does."""
        spread: checksums.Numbers = self._spread(map(_number, self.words), 0, np.uint64)
        return spread

    def _spread(self, values: Iterable[Any], none: Any, kind: Any) -> Any:
        known = np.empty(len(self.words) + 1, dtype=kind)
        known[:-1] = list(values)
        known[-1] = none
        return known[self.codes]
