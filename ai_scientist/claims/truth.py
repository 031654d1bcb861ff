"""Whether numbers and directions that are said agree with what was measured."""

from dataclasses import dataclass, replace

from ai_scientist.claims.given import Given
from ai_scientist.claims.model import Direction
from ai_scientist.claims.numbers import Number
from ai_scientist.claims.vocabulary import Vocabulary
from ai_scientist.compare import SIGNIFICANCE, compare
from ai_scientist.metrics import Measurement
from ai_scientist.prompts import number as shown

SAME, DIFFERENT = 0.08, 0.20
"""Relative differences that are "the same" at most, and not the same at least."""
RATIO = 0.15
"""How far off "twice" may be; "2.1 times" a third of it."""


@dataclass(frozen=True)
class Truth:
    """A metric of one dataset in a run, and in the run that it is compared with."""

    metric: str
    now: Measurement
    then: Measurement | None
    words: Vocabulary

    def value(self, number: Number, mean: float) -> bool:
        """Whether a number is this mean; a fraction may be said in percent, with or without the sign."""
        if number.percent:
            return number.scaled(0.01).fits(mean) or (not self.words.is_fraction(self.metric) and number.fits(mean))
        in_percent = self.words.is_fraction(self.metric) and number.value > 1 and number.scaled(0.01).fits(mean)
        return number.fits(mean) or in_percent

    def given(self, it: Given, way: str | None) -> bool:
        """Whether a number in its role is right; `way` is the direction that is said with it."""
        if it.kind in ("value", "old"):
            return self._new_and_old(it)
        if self.then is None:
            return False
        change = self.now.mean - self.then.mean
        if it.loose and (self._new_and_old(it) or (it.olds and self._new_and_old(replace(it, kind="old")))):
            return True
        match it.kind:
            case "change":
                return self._change(it, change, way or it.way)
            case "range":
                return self._range(it, change, way or it.way)
            case "difference":
                signed = not it.number.signed or it.number.value * change >= 0
                points = self.words.is_fraction(self.metric) and it.number.size().scaled(0.01).fits(abs(change))
                return (it.number.size().fits(abs(change)) or points) and signed
        return self._ratio(it, way or it.way)

    def _new_and_old(self, it: Given) -> bool:
        olds = self.then is None or all(self.value(old.number, self.then.mean) for old in it.olds)
        now = self.value(it.number, self.now.mean)
        return (olds or (it.loose and now)) if it.kind == "old" else olds and now

    def _change(self, it: Given, change: float, way: str | None) -> bool:
        signed = (
            not it.number.signed or it.way in ("better", "worse", "faster", "slower") or it.number.value * change >= 0
        )
        sizes = self._percents(change, it, way)
        return signed and any(_near(it.number.size(), size) for size in sizes)

    def _percents(self, change: float, it: Given, way: str | None) -> list[float]:
        """The sizes in percent that a change may be said to have."""
        assert self.then is not None
        sizes = []
        if self.then.mean and not it.number.points:
            sizes.append(abs(100 * change / self.then.mean))
        if self.words.is_fraction(self.metric):
            sizes.append(abs(100 * change))
        elif it.number.points:
            sizes.append(abs(change))
        if way in ("faster", "better") and self.words.kind(self.metric) in ("step", "time") and self.now.mean:
            sizes.append(abs(100 * change / self.now.mean))  # "80% faster": the speed that the time means
        return sizes

    def _range(self, it: Given, change: float, way: str | None) -> bool:
        assert it.other is not None
        low, high = it.number, it.other
        sizes = self._percents(change, it, way) if low.percent or high.percent else [abs(change), self.now.mean]
        return any(low.fits(size) or low.value <= size <= high.value or high.fits(size) for size in sizes)

    def _ratio(self, it: Given, way: str | None) -> bool:
        assert self.then is not None
        if not self.then.mean or not self.now.mean:
            return False
        ratio = self.now.mean / self.then.mean
        wanted = it.number.value
        seen = (ratio,) if way is None else (ratio, 1 / ratio)
        slack = RATIO if not it.number.step or it.number.step >= 1 else RATIO / 3
        if it.number.bound == "least" and wanted < 1 and way in ("down", "better", "faster"):
            return ratio <= wanted * (1 + SAME / 4)  # "cut by more than half"
        if it.number.bound == "least":
            return any(one >= wanted * (1 - SAME / 4) for one in seen)
        return any(
            it.number.fits(one)
            or abs(one - wanted) <= slack * wanted
            or (way and wanted >= 1 and it.number.fits(one - 1))
            for one in seen
        )

    def way(self, said: str | None, better: Direction | None) -> bool | None:
        """Whether the mean went that way; None where that cannot be told."""
        if said is None or self.then is None:
            return True
        meant = self.direction(said.removeprefix("not "))
        if meant == "same":
            alike = self._alike()
            return alike if not said.startswith("not ") or alike is None else not alike
        if meant is None:
            return None
        change = self.now.mean - self.then.mean
        if said.startswith("not "):
            close = abs(change) <= SAME / 4 * abs(self.then.mean)
            denied = close or (change >= 0 if meant == "lower" else change <= 0)
            return denied or (None if self._by_chance() else False)
        return change < 0 if meant == "lower" else change > 0

    def direction(self, way: str | None) -> Direction | None:
        """The direction in numbers that a word means for this metric; None where it means none."""
        if way is None or way.startswith("not "):
            return None
        if way == "same":
            return "same"
        if way in ("up", "down"):
            return "higher" if way == "up" else "lower"
        if way == "beyond":
            return "higher" if self.words.better(self.metric) == "higher" else None
        if way in ("faster", "slower"):
            kind = self.words.kind(self.metric)
            if kind == "other":
                return None
            return "higher" if (kind == "speed") == (way == "faster") else "lower"
        better = self.words.better(self.metric)
        if better is None:
            return None
        return better if way == "better" else "higher" if better == "lower" else "lower"

    def _alike(self) -> bool | None:
        assert self.then is not None
        away = abs(self.now.mean - self.then.mean)
        relative = away / max(abs(self.then.mean), abs(self.now.mean), 1e-300)
        if relative <= SAME:
            return True
        if relative < DIFFERENT:
            return True if self._by_chance() else None
        return False

    def _by_chance(self) -> bool:
        """Whether the seeds are no evidence of a difference."""
        assert self.then is not None
        p = compare(self.now, self.then, 0).p
        return p is not None and p >= SIGNIFICANCE

    def error(self, error: Number) -> bool | None:
        """Whether what follows a ± is the standard error or the standard deviation, each with n or n - 1 in it.

        None where no error was measured.
        """
        if self.now.stderr is None:
            return None
        unit = 0.01 if error.percent else 1.0
        count = len(self.now.values)
        shares = (1.0, (1 - 1 / count) ** 0.5) if count > 1 else (1.0,)
        deviation = self.now.stderr * max(1, count) ** 0.5
        return any(error.scaled(unit).fits(share * it) for it in (self.now.stderr, deviation) for share in shares)

    def told(self, run: int, dataset: str, reference: int | None) -> str:
        """What was measured, in words."""
        if self.then is None or reference is None:
            return f"{self.metric} of run {run} on {dataset} is {shown(self.now.mean)}"
        percent = f" ({100 * (self.now.mean - self.then.mean) / abs(self.then.mean):+.1f}%)" if self.then.mean else ""
        way = "the same" if self.now.mean == self.then.mean else "lower" if self.now.mean < self.then.mean else "higher"
        return (
            f"{self.metric} on {dataset} is {shown(self.now.mean)} in run {run} and {shown(self.then.mean)} in run "
            f"{reference}: {way}{percent}"
        )


def _near(number: Number, size: float) -> bool:
    """Percent may be computed from rounded values: one more at the last digit is accepted."""
    return number.fits(size) or abs(number.value - size) <= number.step * 1.01
