"""Errors of the letters.

LetterError
├── IncompleteLetter   what the letter has to say was not given
├── UnknownWord        a right, ground or act that the language has no words for
└── TemplateError      a template cannot be used; names the file
    └── PartMissing    it leaves out what the law requires; names the part and its article
"""

from __future__ import annotations


class LetterError(Exception):
    """Base. The same inputs give the same error: asking again does not help."""


class IncompleteLetter(LetterError):
    """A field that the letter needs is empty. Names the kind and the field, never a value."""


class UnknownWord(LetterError):
    """There are no words for this code in this language; the text lists those there are."""


class TemplateError(LetterError):
    """A template cannot be read or rendered; the text names the file and what is wrong with it."""


class PartMissing(TemplateError):
    """A template leaves out a part that the law requires, or a value that this part has to show."""
