"""Encodings are told by the bytes beyond ASCII; where two are as likely, that is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.library.encodings import decode, decoded, looks_binary
from graft.library.readers import read_bytes

SENTENCES = {
    "cp1252": "Où est passée la clé du garage ? À côté de la fenêtre, très près du théâtre, "
    "là où l'été dernier, déjà âgé, il a préféré rester caché.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl český překladatel včera večer.",
    "iso8859_2": "Zażółć gęślą jaźń, powiedział wójt, a później poszedł w stronę łąki i źródła.",
    "cp1251": "Отпуск составляет двадцать дней, и пять из них переходят на следующий год.",
    "koi8_r": "Отпуск составляет двадцать дней, и пять из них переходят на следующий год.",
    "cp866": "Отпуск составляет двадцать дней, и пять из них переходят на следующий год.",
    "cp1253": "Η άδεια είναι είκοσι ημέρες και πέντε από αυτές μεταφέρονται στο επόμενο έτος.",
    "cp1254": "İzin yirmi gündür, beş günü sonraki yıla geçer; müdür bütün işçilere bunu söyledi.",
    "cp1255": "החופשה היא עשרים ימים בשנה וחמישה מהם עוברים לשנה הבאה",
    "cp1256": "الإجازة عشرون يوما في السنة وخمسة منها تنتقل إلى السنة التالية",
    "cp874": "วันลาพักร้อนมียี่สิบวัน และห้าวันยกไปปีหน้าได้",
    "cp437": "Größere Räume müssen für die Prüfung früh geöffnet und später geschlossen werden; "
    "fünf Schlüssel für Türen hängen über der Tür, schöne Grüße.",
    "cp850": "A reunião será às três; não há razão para atenção, então até amanhã à tarde: "
    "informações, opções, condições, ações.",
    "gb18030": "年假为二十天，其中五天可以转到下一年。请在三月以前告诉人事部。",
    "big5": "年假為二十天，其中五天可以轉到下一年。請在三月以前告訴人事部。",
    "euc_kr": "연차 휴가는 이십 일이고 그중 오 일은 다음 해로 넘어갑니다. 삼월 전에 알려 주세요.",
    "shift_jis": "年次休暇は二十日で、そのうち五日は翌年に繰り越すことができます。",
    "euc_jp": "年次休暇は二十日で、そのうち五日は翌年に繰り越すことができます。",
    "iso2022_jp": "年次休暇は二十日で、そのうち五日は翌年に繰り越すことができます。",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_a_sentence_is_read_back(encoding: str) -> None:
    text = SENTENCES[encoding]
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", SENTENCES)
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_a_piece_with_twenty_letters_is_read_back_or_said_to_be_ambiguous(
    encoding: str, data: st.DataObject
) -> None:
    words = SENTENCES[encoding].split(" ") if " " in SENTENCES[encoding] else [SENTENCES[encoding]]
    start = data.draw(st.integers(0, len(words) - 1))
    text = "The manual says: " + " ".join([*words[start:], *words[:start]])
    found = decoded(text.encode(encoding))
    assert found.text == text
    assert found.sure or found.other or encoding.startswith("cp8")


@pytest.mark.parametrize(("encoding", "first", "last"), [
    ("cp1251", "а", "я"), ("koi8_r", "а", "я"), ("cp1253", "α", "ω"), ("cp1255", "א", "ת"),
])  # fmt: skip
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_letters_by_chance_are_read_back_or_said_to_be_ambiguous(
    encoding: str, first: str, last: str, data: st.DataObject
) -> None:
    letters = [chr(code) for code in range(ord(first), ord(last) + 1)]
    text = data.draw(st.text(st.sampled_from(letters), min_size=20, max_size=60))
    found = decoded(text.encode(encoding))
    assert found.text == text or not found.sure or len(set(text)) < 5


@pytest.mark.parametrize(("encoding", "text"), [
    ("gbk", "The word 你好 means hello, and nothing else in this line is Chinese."),
    ("gbk", "Greeting: 您好，欢迎光临 (welcome)."),
    ("big5", "The sign at the door reads 歡迎光臨 and the price is 價格 500."),
    ("euc-kr", "The word 안녕하세요 means hello in Korean."),
    ("shift_jis", "Write ありがとう at the end of the letter."),
    ("shift_jis", "Meet me at Tokyo 東京 tower."),
    ("cp1251", "Kyiv (Київ) office, open daily."),
    ("cp1252", "It’s “fine” – ask Zoë for 5 £ at 20 °C."),
    ("cp1250", "Ask for pan Wałęsa in Łódź."),
])  # fmt: skip
def test_a_line_of_english_with_a_little_of_another_script(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_lines_of_two_encodings_are_read_each_in_its_own() -> None:
    good, old = "Größe, Straße und Übung sind früh", "Le café était fermé, déjà à midi"
    assert decode(good.encode() + b"\n" + old.encode("cp1252")) == f"{good}\n{old}"


def test_a_few_broken_bytes_do_not_make_utf8_another_encoding() -> None:
    text = "Straße, Größe, Öl und Äpfel, für früh und spät. " * 3
    data = text.encode()
    assert decode(data[:80] + b"\xff" + data[80:]).count("ß") == text.count("ß")
    assert decode(data + "ß".encode()[:1]).startswith(text)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("key", ["cp1252", "cp1251", "cp1253", "gb18030", "euc_kr", "shift_jis"])
def test_utf16_without_a_mark(encoding: str, key: str) -> None:
    data = SENTENCES[key].encode(encoding)
    assert decode(data) == SENTENCES[key]
    assert not looks_binary(data)


@pytest.mark.parametrize(("declared", "encoding"), [
    ("gb2312", "gb18030"), ("iso-8859-1", "cp1252"), ("shift_jis", "cp932"),
    ("x-sjis", "cp932"), ("us-ascii", "cp1252"), ("utf-16", "cp1252"), ("base64", "cp1252"),
])  # fmt: skip
def test_a_declared_charset_is_its_superset_or_a_guess(declared: str, encoding: str) -> None:
    text = "年次休暇は二十日 and so" if encoding != "cp1252" else "“naïve” café – déjà vu"
    assert decode(text.encode(encoding), declared) == text


def test_what_is_doubtful_is_told() -> None:
    (found,) = read_bytes("a.txt", b"code \xd0\xc1\xf3\xe7\xb1 here")
    assert "letters of an uncertain encoding" in found.metadata["left_out"]
    (sure,) = read_bytes("a.txt", SENTENCES["cp1251"].encode("cp1251"))
    assert "left_out" not in sure.metadata


def test_nul_bytes_and_long_lines_do_not_lose_a_text() -> None:
    padded = b"first record\x00\x00\x00\x00second record\x00\x00\x00\n" * 20
    assert "second record" in read_bytes("a.txt", padded)[0].text
    line = ("word \u200fשלום " * 400_000).encode()
    assert read_bytes("a.txt", line)[0].text.count("שלום") == 400_000
