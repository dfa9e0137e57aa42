"""Units: what a number is counted in, by the names and signs that it goes by."""

from __future__ import annotations

from graft.measures.words import fold

_TABLE = """
time: ms millisecond, sec second, min minute, h hr hour, day, wk week, month, yr year, decade
share: % percent, pp point
size: kb kilobyte, mb megabyte, gb gigabyte, tb terabyte, kib, mib, gib, tib
length: mm millimeter millimetre, cm centimeter centimetre, m meter metre, km kilometer kilometre
length: mile, ft foot feet, inch, yard
weight: mg milligram, g gram, kg kilogram, tonne ton, lb lbs pound, oz ounce
volume: ml milliliter millilitre, l liter litre, gallon
money: $ usd dollar, € eur euro, £ gbp, ¥ jpy yen, chf franc, cent
degree: ° degree
frequency: hz hertz, khz kilohertz, mhz megahertz, ghz gigahertz
power: w watt, kw kilowatt, mw megawatt, gw gigawatt
"""


def _read(table: str) -> tuple[dict[str, str], dict[str, str]]:
    units: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for line in table.strip().splitlines():
        kind, _, groups = line.partition(": ")
        for group in groups.split(", "):
            names = [fold(name) for name in group.split()]
            units |= dict.fromkeys(names, names[-1])
            kinds[names[-1]] = kind
    return units, kinds


UNITS, KINDS = _read(_TABLE)
"""The unit of each folded name or sign, and the kind of each unit: 5 MB are never 5 days."""
