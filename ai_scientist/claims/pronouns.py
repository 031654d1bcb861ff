"""How sentences begin that go on with what the sentence before spoke of."""

import re

PRONOUN = re.compile(
    r"^(?:(?:on|for|in|with|against|over|compared (?:to|with)|relative to) [^,.]{1,40}?,? )?"
    r"(?:it|its|they|their|here|this|these (?:are|were))\b"
    r"|\b(?:this|it) (?:is|was|represents|means)\b",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"((?:against|compared (?:to|with)|relative to|versus|vs\.?|over) .{1,30}?)?\b(?:the|this|that) (?:\w+ ){0,2}"
    r"(?:increase|decrease|reduction|drop|gain|improvement|rise|slowdown|speedup|saving|difference|change)s?\b",
    re.IGNORECASE,
)
THERE = re.compile(r"(?<!\band )(?<!\bbut )(?<!\bthat )(?<!\bwhile )(?<!\bwhere )(?<!\bas )(?<!\bso )(?<=\w )there\b")
THESE = re.compile(
    r"\b(?:these|those) (?:two |three |four )?(?:datasets|tasks|operations|corpora|environments|shapes|cases)\b"
    r"|\bin (?:the same|that|this) order\b",
    re.IGNORECASE,
)
