"""Units: what a number is counted in, by the names and signs that it goes by."""

from __future__ import annotations

from graft.measures.words import fold

_TABLE = """
time: ms millisecond, sec second, min minute, h hr hour, day, wk week, month, yr year, decade
time: 天, 周 週, 秒
share: % percent, ‰ permille, pp point, ppm, ppb
size: kb kilobyte, mb megabyte, gb gigabyte, tb terabyte, kib, mib, gib, tib
length: mm millimeter millimetre, cm centimeter centimetre, m meter metre, km kilometer kilometre
length: µm μm micrometer micrometre, nm nanometer nanometre, 米, 公里
length: mile, ft foot feet, inch, yard
weight: µg μg mcg microgram, mg milligram, g gram, kg kilogram, tonne ton, lb lbs pound, oz ounce
volume: ml milliliter millilitre, l liter litre, gallon
area: mm² mm2, cm² cm2, m² m2 sqm, km² km2, ha hectare, acre
volume: cm³ cm3, m³ m3, dl deciliter decilitre
money: 元, ₹ rupee, ₩
money: $ usd dollar, € eur euro, £ gbp, ¥ jpy yen, chf franc, cent
degree: ° degree
temperature: celsius, fahrenheit
energy: wh, kwh, mwh, gwh, joule, kj, mj, kcal, calorie
pressure: pa pascal, hpa, kpa, mpa, psi
electric: mv millivolt, v volt, kv kilovolt, ma milliampere, mah
sound: db decibel
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
