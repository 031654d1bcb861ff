"""A sentence as tokens: what it names, in which direction it says things went, and which numbers it gives."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from ai_scientist.claims.numbers import numbers
from ai_scientist.claims.vocabulary import Vocabulary

Kind = Literal[
    "metric",
    "dataset",
    "run",
    "go",
    "number",
    "all",
    "not",
    "split",
    "open",
    "close",
    "maybe",
    "than",
    "previous",
    "except",
    "ratio",
    "not said",
]


@dataclass(frozen=True)
class Token:
    """A piece of a sentence. `value`: metrics, datasets or runs that it means, a way ("up", "better", ...), a number."""

    kind: Kind
    start: int
    end: int
    text: str
    value: Any = None


_UP = r"increas(?:e[sd]?|ing)|r(?:ose|ises?|isen|ising)|gr[eo]w(?:s|n|ing)?\b|higher|larger|greater|bigger|went up|goes up|go up|climb(?:s|ed|ing)?|up from|up to(?= \d)|above|exceed(?:s|ed|ing)?|jump(?:s|ed)?|more(?= (?:update |training |optimi[sz]\w+ )?steps)|elevated|longer|inflated?|rais(?:ed?|es|ing)|surged?|gain(?:s|ed)?(?! insight)|upward"
_DOWN = r"decreas(?:e[sd]?|ing)|reduc(?:e[sd]?|ing|tions?)|f(?:ell|alls?|allen|alling)(?! short)|dropp(?:ed|ing)|drops?\b|lower(?:ed|s|ing)?|smaller|less\b(?! than \d)|declin(?:e[sd]?|ing)|went down|goes down|go down|down from|down to|below|fewer|shorter|cut(?:s|ting)?(?! off)|shr[aiu]nk(?:s|ing)?|diminish(?:ed|es)?|lessen(?:ed|s)?|downward|sh?aved?\b|loses?\b|lost\b"
_BETTER = r"improv(?:e[sd]?|ing|ements?)|better|outperform(?:s|ed|ing)?|beat(?:s|ing|en)?|surpass(?:es|ed|ing)?|superior|win(?:s|ning)?|ahead of|enhanc(?:ed|es|ing)"
_WORSE = r"wors(?:e(?:n(?:s|ed|ing)?)?)|degrad(?:e[sd]?|ing|ations?)|deteriorat(?:e[sd]?|ing|ion)|underperform(?:s|ed|ing)?|inferior|hurt(?:s|ing)?|poorer|harm(?:s|ed|ing)?|suffer(?:s|ed|ing)?|lag(?:s|ged|ging)? behind|regress(?:es|ed|ion)|los(?:es|t) to|behind"
_FASTER = r"faster|quick(?:er|ly)|sooner|earlier|speed(?:s|ing)? up|sped up|accelerat(?:e[sd]?|ing|ion)|speed-?up"
_SLOWER = r"slow(?:er|ed|s|ing)(?: down)?|later\b|delay(?:s|ed|ing)|took longer|takes longer|lengthen(?:ed|s)?"
_SAME = r"(?:remain(?:s|ed|ing)?|stay(?:s|ed|ing)?|kept?|is|are|was|were|be(?:ing|en)?)?\s*(?:almost |nearly |roughly |about |largely |virtually |essentially |practically |relatively |very |quite |broadly |mostly |statistically )*(?:the same(?: as)?|unchanged|comparable(?: to| with)?|similar(?: to)?|identical(?: to)?|equal(?:s|led)?(?: to)?|stable|constant|on par(?: with)?|indistinguishable(?: from)?|equivalent(?: to)?|unaffected|in line with|match(?:es|ed|ing)?)|(?:shows?|showed|makes?|made|saw|with|has|had|was|is)?\s*(?:little|no|negligible|hardly any|barely any)(?: (?:significant|real|measurable|notable|clear|noticeable|meaningful|substantial|visible))? (?:change[sd]?|difference|effect|impact)s?|(?:did|does|do|has|have|had)(?: not|n't) (?:really |noticeably |measurably |significantly |meaningfully |substantially )?(?:change|differ|affect(?:ed)?|move|budge|changed)|(?:hardly|barely) (?:chang|differ|mov)(?:ed|es|s)?|flat\b|plateaued at the same"
_PATTERNS: tuple[tuple[Kind, str, str | None], ...] = (
    ("go", rf"\b(?:{_SAME})", "same"),
    ("go", rf"\b(?:{_FASTER})\b", "faster"),
    ("go", rf"\b(?:{_SLOWER})\b", "slower"),
    ("go", rf"\b(?:{_UP})\b", "up"),
    ("go", rf"\b(?:{_DOWN})\b", "down"),
    ("go", rf"\b(?:{_BETTER})\b", "better"),
    ("go", rf"\b(?:{_WORSE})\b", "worse"),
    ("ratio", r"\b(?:more than |nearly |almost |roughly |about )?(?:doubl(?:ed|es|ing|e)|twice|two times)\b", "2"),
    ("ratio", r"\b(?:more than |nearly |almost |roughly |about )?(?:tripl(?:ed|es|ing|e)|three times|thrice)\b", "3"),
    ("ratio", r"\b(?:more than |nearly |almost |roughly |about )?(?:hal(?:ved|ves|ving)|half)\b", "0.5"),
    (
        "not",
        r"\b(?:not|n't|never|no(?= (?:significant |real |clear |further |notable |measurable )?(?:improvement|increase|decrease|reduction|gain|degradation|speed))|without|fail(?:s|ed|ing)? to|neither|nor|rather than|instead of)\b|n't\b",
        None,
    ),
    (
        "maybe",
        r"\b(?:may|might|could|would|should|will|shall|can\b|expect(?:s|ing)?\b|we expected|was expected to|were expected to|hope[sd]?|hypothesi[sz]e[sd]?|hypothesis|aim(?:s|ed|ing)? (?:to|at)|in order to|to (?:further |potentially |possibly |help )?(?:improve|reduce|increase|decrease|lower|raise|accelerate|speed|enhance|keep|make|see|test|check|avoid|prevent)|if\b|whether|potential(?:ly)?|possibly|perhaps|plan(?:s|ned)? to|intended|supposed|try(?:ing)? to|next(?= run| we)|let us|let's|predict(?:s|ed|ion)?|anticipat\w+|likely to|need(?:s)? to|goal|suppose|designed to|encourag\w+|going to)\b",
        None,
    ),
    ("except", r"\b(?:except(?: for| on)?|excluding|apart from|other than|save for|but not|aside from)\b", None),
    (
        "than",
        r"\b(?:than|vs\.?|versus|compared (?:to|with|against)|comparing (?:to|with)|against|relative to|over(?= (?:the |run|both|all|its|that|[A-Z]))|in comparison (?:to|with)|with respect to|as opposed to|(?:from|to|as|like|of|in|with|by|for|on|under)(?= (?:the )?(?:baseline|default|run[\s_]|previous|prior|preceding)))",
        None,
    ),
    (
        "previous",
        r"\b(?:all |both |any |every |each )?(?:of )?(?:the )?(?:previous|prior|preceding|earlier|last|other)(?: (?:two|three|four))? (?:runs?|experiments?|approach(?:es)?|attempts?|configurations?|methods?|results?|initiali[sz]ations?|schedules?|variants?|models?)\b",
        None,
    ),
    (
        "all",
        r"\b(?:all|each|every|both|the) (?:of )?(?:the )?(?:other |remaining )?(?:two |three |four |five |six |\d )?(?:\w+ )?"
        r"(?:datasets?|tasks?|operations?|cases|corpora|shapes|texts|problems|benchmarks|domains|of them)\b"
        r"|\b(?:on|for|across|in|over) (?:all|both|each)(?: (?:two|three|four|five|six))?\b|\bacross the board\b|\beverywhere\b"
        r"|\b(?:all|the) (?:three|four|five|six)\b",
        None,
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE), value) for kind, pattern, value in _PATTERNS)
_RUNS = re.compile(
    r"\bruns?[\s_]?(\d{1,3})(?![\d.]*\d)(?:\s?(?:-|–|to|through)\s?(\d{1,2})(?![\d.]*\d)|((?:\s?,\s?\d{1,2}(?![\d.]*\d))*,?\s?(?:and|or|&)\s(?:run[\s_]?)?\d{1,2}(?![\d.]*\d)(?!\s?%)))?",
    re.IGNORECASE,
)
_BASELINE = re.compile(
    r"\b(?:the )?(?:(?:original|standard|unmodified) )?(?:baselines?(?: runs?| models?)?|default(?: initiali[sz]ation| setting| run)?s?|control run|reference run)\b(?!\s*(?:of \d))",
    re.IGNORECASE,
)
# Mentions of changes, losses and thresholds that are not what a sentence claims.
_NOT_SAID = re.compile(
    r"\b(?:previous|earlier|prior|observed|seen|unexpected|initial|possible|slight trade-?offs? in|trade-?offs? between)"
    r"\s+(?:increas\w+|decreas\w+|improvements?|reductions?|drops?|gains?|degradation|slowdown|speed-?up)"
    r"|\b(?:diversity|style|reconstruction|auxiliary|regulari[sz]ation|adversarial|mse|l1|l2|huber|focal|contrastive|"
    r"consistency|entropy|distillation|penalty|z)[-\s]loss(?:es)?\b"
    r"|\bloss(?:es)? (?:functions?|terms?|weights?|landscapes?|curves?|components?|spikes?)|\berror bars?|\bstandard errors?"
    r"|\baccuracy (?:curves?|plots?)|\btraining (?:process|stability|dynamics|data|set|half)\b"
    r"|\((?:at |reaching )?\d\d% (?:validation )?acc(?:uracy)?\)|\bwithin (?:the )?[\d,]+ (?:training |update )?steps",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r";|,?\s*\b(?:but|while|whereas|although|though|however|yet|whilst|despite)\b|,\s*(?:and|with|or)\b|,|\band\b|\bwith\b|(?<=\w)\s[–—-]\s|: ",
    re.IGNORECASE,
)
_STRONG = re.compile(r";|but|while|whereas|although|though|however|yet|whilst|,\s*(?:and|with)|[–—]", re.IGNORECASE)


def tokens(
    text: str, vocabulary: Vocabulary, run_names: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]
) -> list[Token]:
    """The tokens of a sentence in order, none overlapping another."""
    found: list[Token] = []
    taken = [False] * len(text)

    def take(kind: Kind, start: int, end: int, value: Any) -> None:
        if end > start and not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            found.append(Token(kind, start, end, text[start:end], value))

    def scan(kind: Kind, pattern: re.Pattern[str], value: Any) -> None:
        for match in pattern.finditer(text):
            lead = len(match[0]) - len(match[0].lstrip())
            take(kind, match.start() + lead, match.end(), value)

    for match in _NOT_SAID.finditer(text):
        take("not said", match.start(), match.end(), None)
    for match in _RUNS.finditer(text):
        take("run", match.start(), match.end(), _runs(match))
    metrics = [
        (it.start(), it.end(), value) for pattern, value in vocabulary.metric_patterns for it in pattern.finditer(text)
    ]
    for start, end, value in sorted(metrics, key=lambda it: (it[0] - it[1], len(it[2]))):
        take("metric", start, end, value)
    for pattern, value in vocabulary.dataset_patterns:
        scan("dataset", pattern, value)
    for pattern, runs in sorted(run_names, key=lambda it: -len(it[0].pattern)):
        scan("run", pattern, runs)
    scan("run", _BASELINE, (0,))
    for kind, pattern, said in _COMPILED:
        scan(kind, pattern, said)
    for start, end, number in numbers(text):
        take("number", start, end, number)
    for index, character in enumerate(text):
        if character in "([":
            take("open", index, index + 1, None)
        elif character in ")]":
            take("close", index, index + 1, None)
    for match in _SPLIT.finditer(text):
        word = match[0].strip()
        start = match.end() - len(match[0].lstrip())
        take("split", start, match.end(), bool(_STRONG.search(word)))
    return sorted(found, key=lambda token: token.start)


def _runs(match: re.Match[str]) -> tuple[int, ...]:
    first = int(match[1])
    if match[2]:
        return tuple(range(first, min(int(match[2]), first + 50) + 1))
    return (first, *(int(number) for number in re.findall(r"\d+", match[3] or "")))
