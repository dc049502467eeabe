"""Holidays of a country, from the library holidays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


def days_off(country: str, years: Iterable[int]) -> dict[date, str]:
    """Return the holidays of ``US`` or ``US-CA`` with their names, also those that are observed on another day.

    Raises:
        UsageError: the library is not installed, or does not know the country.

    """
    try:
        import holidays
    except ImportError as error:
        raise UsageError("holidays need the library holidays: pip install 'relgate[preflight]'") from error
    name, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(name, subdiv=part or None, years=list(years), language="en_US")
    except (NotImplementedError, KeyError, AttributeError) as error:
        raise UsageError(f"holidays of {country}: nobody knows them ({error})") from error
    return dict(found.items())
