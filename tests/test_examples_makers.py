"""Makers: what each asks of a sentence, of several fields, and what it leaves alone."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from graft.core.document import Document, Passage
from graft.core.errors import ConfigError
from graft.examples import filters
from graft.examples.drafts import Draft
from graft.examples.holding import holds
from graft.examples.maker import MAKERS, shares_of

ASKED = [
    (
        "condition",
        "Job queues",
        "If the queue is full, new jobs are dropped by the broker.",
        "For Job queues, under which condition are new jobs dropped by the broker?",
        "if the queue is full",
    ),
    (
        "condition",
        "Handbook",
        "If you move to another country, your pension is paid by the new employer.",
        "For Handbook, under which condition is your pension paid by the new employer?",
        "if you move to another country",
    ),
    (
        "condition",
        "Nodes",
        "When a node runs out of memory, the kubelet evicts the pods with the lowest priority.",
        "For Nodes, when does the kubelet evict the pods with the lowest priority?",
        "when a node runs out of memory",
    ),
    (
        "condition",
        "Heart failure",
        "If the left ventricle fails, fluid collects in the lungs.",
        "For Heart failure, under which condition does fluid collect in the lungs?",
        "if the left ventricle fails",
    ),
    (
        "condition",
        "Flats",
        "Once the contract ends, the deposit is paid back within a month.",
        "For Flats, when is the deposit paid back within a month?",
        "once the contract ends",
    ),
    (
        "condition",
        "csv",
        "csv.reader raises an error if a field is longer than the limit.",
        "Under which condition does csv.reader raise an error?",
        "if a field is longer than the limit",
    ),
    (
        "condition",
        "Handbook",
        "If you lose your badge, tell the front desk on the same day.",
        "For Handbook, what should you do if you lose your badge?",
        "tell the front desk on the same day",
    ),
    (
        "condition",
        "Ravenna",
        "When Rome fell to the Goths, the senate fled to Ravenna.",
        "When did the senate flee to Ravenna?",
        "when Rome fell to the Goths",
    ),
    (
        "condition",
        "Leave",
        "Leave days expire if they are not taken by March.",
        "Under which condition do leave days expire?",
        "if they are not taken by March",
    ),
    (
        "condition",
        "Renting",
        "As long as the lease is valid, the landlord pays for repairs.",
        "For Renting, under which condition does the landlord pay for repairs?",
        "as long as the lease is valid",
    ),
    (
        "reason",
        "Tyne Bridge",
        "The bridge was closed because its pillars were damaged by ice.",
        "For Tyne Bridge, why was the bridge closed?",
        "because its pillars were damaged by ice",
    ),
    (
        "reason",
        "Scurvy",
        "Scurvy is caused by a lack of vitamin C in the diet.",
        "What causes Scurvy?",
        "a lack of vitamin C in the diet",
    ),
    (
        "reason",
        "Travel",
        "The flight was cancelled due to heavy fog over the airport.",
        "For Travel, why was the flight cancelled?",
        "due to heavy fog over the airport",
    ),
    (
        "reason",
        "Gout",
        "Untreated gout can lead to damage of the joints and kidneys.",
        "What can untreated gout lead to?",
        "damage of the joints and kidneys",
    ),
    (
        "reason",
        "asyncio",
        "Asyncio tasks may leak because nobody awaits them.",
        "Why may asyncio tasks leak?",
        "because nobody awaits them",
    ),
    (
        "reason",
        "Arteries",
        "Smoking causes narrowing of the arteries.",
        "For Arteries, what does smoking cause?",
        "narrowing of the arteries",
    ),
    (
        "reason",
        "Phone review",
        "The battery drains quickly because the display never dims.",
        "For Phone review, why does the battery drain quickly?",
        "because the display never dims",
    ),
    (
        "reason",
        "Hours",
        "Employees leave early on Fridays because the office closes at three.",
        "Why do employees leave early on Fridays?",
        "because the office closes at three",
    ),
    (
        "reason",
        "Famine of 1921",
        "Due to the drought, the harvest failed in two provinces.",
        "In Famine of 1921, why did the harvest fail in two provinces?",
        "due to the drought",
    ),
    (
        "reason",
        "Payloads",
        "Large payloads result in slower responses and higher costs.",
        "What do large payloads result in?",
        "slower responses and higher costs",
    ),
    (
        "purpose",
        "kubectl",
        "To list the pods of a node, run kubectl get pods with a selector.",
        "For kubectl, how do you list the pods of a node?",
        "run kubectl get pods with a selector",
    ),
    (
        "purpose",
        "Travel costs",
        "In order to claim travel costs, fill in form T3 within ten days.",
        "How do you claim travel costs?",
        "fill in form T3 within ten days",
    ),
    (
        "purpose",
        "pickle",
        "The pickle module is used to serialize Python objects.",
        "What is the pickle module used for?",
        "to serialize Python objects",
    ),
    (
        "purpose",
        "Metformin",
        "Metformin is used to treat high blood sugar in adults.",
        "What is Metformin used for?",
        "to treat high blood sugar in adults",
    ),
    (
        "purpose",
        "Tables",
        "You can filter the rows by passing a predicate to select().",
        "For Tables, how can you filter the rows?",
        "by passing a predicate to select()",
    ),
    (
        "purpose",
        "Gout",
        "Gout is diagnosed by examining fluid from the joint.",
        "How is Gout diagnosed?",
        "by examining fluid from the joint",
    ),
    (
        "purpose",
        "Hammer review",
        "The handle is coated with rubber so that it does not slip in wet hands.",
        "For Hammer review, why is the handle coated with rubber?",
        "so that it does not slip in wet hands",
    ),
    (
        "purpose",
        "Fort Widley",
        "The walls were thickened in order to withstand cannon fire.",
        "For Fort Widley, why were the walls thickened?",
        "in order to withstand cannon fire",
    ),
    (
        "purpose",
        "Green tea",
        "The tea leaves are dried by spreading them on bamboo mats.",
        "For Green tea, how are the tea leaves dried?",
        "by spreading them on bamboo mats",
    ),
    (
        "purpose",
        "Router",
        "To reset the router, hold the button for ten seconds.",
        "How do you reset the router?",
        "hold the button for ten seconds",
    ),
    (
        "purpose",
        "Labels",
        "Labels can be used to select objects of one team.",
        "What can labels be used for?",
        "to select objects of one team",
    ),
    (
        "purpose",
        "Statins",
        "Statins are used for lowering cholesterol in the blood.",
        "What are statins used for?",
        "for lowering cholesterol in the blood",
    ),
    (
        "outcome",
        "jobs.next",
        "Return None if the queue is empty.",
        "What does jobs.next return if the queue is empty?",
        "None",
    ),
    (
        "outcome",
        "table.lookup",
        "Raises KeyError if the name is not in the table.",
        "Which exception does table.lookup raise if the name is not in the table?",
        "KeyError",
    ),
    (
        "outcome",
        "heapq",
        "heapq.merge returns an iterator when the inputs are sorted.",
        "When does heapq.merge return an iterator?",
        "when the inputs are sorted",
    ),
    (
        "outcome",
        "Clients",
        "A TimeoutError is raised when the server takes longer than a minute.",
        "For Clients, which exception is raised when the server takes longer than a minute?",
        "TimeoutError",
    ),
    (
        "outcome",
        "Logs",
        "If the file is missing, open_log returns an empty list.",
        "When does open_log return an empty list?",
        "if the file is missing",
    ),
    (
        "outcome",
        "Streams",
        "The default value of bufsize is 4096.",
        "For Streams, what is the default of bufsize?",
        "4096",
    ),
    (
        "outcome",
        "Clients",
        "The retry delay of a client defaults to 3 seconds.",
        "What is the default of the retry delay of a client?",
        "3 seconds",
    ),
    (
        "outcome",
        "Visas",
        "The visa requires a letter from the employer.",
        "What does the visa require?",
        "a letter from the employer",
    ),
    (
        "outcome",
        "BMI",
        "The body mass index depends on height and weight.",
        "For BMI, what does the body mass index depend on?",
        "height and weight",
    ),
    (
        "outcome",
        "Parsing",
        "int_or_none raises ValueError when the text has no digits.",
        "When does int_or_none raise ValueError?",
        "when the text has no digits",
    ),
    (
        "contrast",
        "Sequences",
        "Unlike a list, a tuple cannot be changed after it was made.",
        "For Sequences, how does a tuple differ from a list?",
        "cannot be changed after it was made",
    ),
    (
        "contrast",
        "Infections",
        "Unlike viral infections, bacterial infections respond to antibiotics.",
        "How do bacterial infections differ from viral infections?",
        "respond to antibiotics",
    ),
    (
        "contrast",
        "Schedulers",
        "The scheduler uses a heap instead of a sorted list.",
        "What does the scheduler use instead of a sorted list?",
        "a heap",
    ),
    (
        "contrast",
        "Corbridge Castle",
        "The northern tower is taller than the southern tower by the gate.",
        "For Corbridge Castle, what is the northern tower taller than?",
        "the southern tower by the gate",
    ),
    (
        "contrast",
        "Drugs",
        "Generic drugs are less expensive than their branded versions.",
        "What are generic drugs less expensive than?",
        "their branded versions",
    ),
    (
        "contrast",
        "Concurrency",
        "A thread shares memory, whereas a process has its own address space.",
        "For Concurrency, how does a process differ from a thread?",
        "has its own address space",
    ),
    (
        "contrast",
        "Heating",
        "Compared to gas boilers, heat pumps use less energy in winter.",
        "How do heat pumps differ from gas boilers?",
        "use less energy in winter",
    ),
    (
        "contrast",
        "Vacuum review",
        "The new model is much quieter than the old vacuum from Bosch.",
        "For Vacuum review, what is the new model much quieter than?",
        "the old vacuum from Bosch",
    ),
    (
        "contrast",
        "Pay",
        "Contractors receive an hourly rate instead of a monthly salary.",
        "For Pay, what do contractors receive instead of a monthly salary?",
        "an hourly rate",
    ),
    (
        "amount",
        "Corbridge",
        "The bridge over the river was opened in 1884.",
        "For Corbridge, when was the bridge over the river opened?",
        "in 1884",
    ),
    (
        "amount",
        "Lungs",
        "The right lung has three lobes.",
        "How many lobes does the right lung have?",
        "three",
    ),
    (
        "amount",
        "Fire of Hexham",
        "About 30 people died in the fire of the granary.",
        "For Fire of Hexham, how many people died in the fire of the granary?",
        "about 30",
    ),
    (
        "amount",
        "Bell's palsy",
        "Approximately 80 percent of patients recover within a year.",
        "For Bell's palsy, what percentage of patients recover within a year?",
        "Approximately 80 percent",
    ),
    (
        "amount",
        "Tokens",
        "The token is valid for 30 minutes.",
        "How long is the token valid?",
        "30 minutes",
    ),
    (
        "amount",
        "Operas",
        "The opera was composed by Clara Schumann in Leipzig.",
        "Who composed the opera?",
        "Clara Schumann",
    ),
    (
        "amount",
        "CoreDNS",
        "The CoreDNS Corefile is stored in a ConfigMap named coredns.",
        "Where is the CoreDNS Corefile stored?",
        "in a ConfigMap named coredns",
    ),
    (
        "amount",
        "Senate",
        "On 18 March 2016, the senate passed the reform bill.",
        "When did the senate pass the reform bill?",
        "on 18 March 2016",
    ),
    (
        "amount",
        "Leave",
        "Every employee receives 25 days of paid leave.",
        "How many days of paid leave does every employee receive?",
        "25",
    ),
    (
        "amount",
        "Headset review",
        "The headset package includes two cables for charging.",
        "For Headset review, how many cables does the headset package include for charging?",
        "two",
    ),
    (
        "amount",
        "Museum",
        "The museum was founded by Ada Lovelace in 1843.",
        "When was the museum founded by Ada Lovelace?",
        "in 1843",
    ),
    (
        "amount",
        "Clusters",
        "Each cluster supports 5,000 nodes.",
        "How many nodes does each cluster support?",
        "5,000",
    ),
    (
        "amount",
        "Tintern Abbey",
        "The abbey is located in the valley of the Wye.",
        "For Tintern Abbey, where is the abbey located?",
        "in the valley of the Wye",
    ),
    (
        "choice",
        "Logging",
        "The level of a record can be debug, info or error.",
        "For Logging, what can the level of a record be?",
        "debug, info or error",
    ),
    (
        "choice",
        "Malaria",
        "Symptoms of malaria include fever, chills, and vomiting.",
        "What are the symptoms of malaria?",
        "fever, chills, and vomiting",
    ),
    (
        "choice",
        "Parsers",
        "The parser supports formats such as JSON, YAML and TOML.",
        "Which formats does the parser support?",
        "JSON, YAML and TOML",
    ),
    (
        "choice",
        "Corbridge",
        "The main exports of the town are tin, wool, and barley.",
        "For Corbridge, what are the main exports of the town?",
        "tin, wool, and barley",
    ),
    (
        "choice",
        "Contracts",
        "The contract type must be permanent, temporary or freelance.",
        "What must the contract type be?",
        "permanent, temporary or freelance",
    ),
    (
        "choice",
        "Metformin",
        "Side effects of the drug include nausea, headache, and dry mouth.",
        "What are the Side effects of the drug?",
        "nausea, headache, and dry mouth",
    ),
    (
        "choice",
        "Orchestra",
        "The orchestra comprises strings, woodwinds, and brass.",
        "What does the orchestra include?",
        "strings, woodwinds, and brass",
    ),
    (
        "choice",
        "Pods",
        "The status of a pod can be Pending, Running or Failed.",
        "What can the status of a pod be?",
        "Pending, Running or Failed",
    ),
    (
        "choice",
        "Payments",
        "The service accepts cards including Visa, Maestro and Amex.",
        "For Payments, which cards does the service accept?",
        "Visa, Maestro and Amex",
    ),
    (
        "choice",
        "Allowances",
        "The travel allowance includes train tickets, hotel nights, and meals.",
        "What does the travel allowance include?",
        "train tickets, hotel nights, and meals",
    ),
    (
        "name",
        "Pods",
        "A sidecar is a container that runs beside the main one of a pod.",
        "What is a container that runs beside the main one of a pod called?",
        "sidecar",
    ),
    (
        "name",
        "Lungs",
        "Clubbing is the widening and rounding of the tips of the fingers.",
        "For Lungs, what is the widening and rounding of the tips of the fingers?",
        "clubbing",
    ),
    (
        "name",
        "Northumberland",
        "Corbridge is the oldest market town of the county of Northumberland.",
        "What is the oldest market town of the county of Northumberland?",
        "Corbridge",
    ),
    (
        "name",
        "Diagnosis",
        "A biopsy is a procedure that takes a piece of tissue for examination.",
        "For Diagnosis, what is a procedure that takes a piece of tissue for examination called?",
        "biopsy",
    ),
    (
        "name",
        "Leave",
        "Carry-over is the transfer of unused leave days into the next year.",
        "What is the transfer of unused leave days into the next year?",
        "Carry-over",
    ),
    (
        "name",
        "First steps",
        "FastAPI is a Python class that provides all the functionality for an API.",
        "What is a Python class that provides all the functionality for an API called?",
        "FastAPI",
    ),
    (
        "name",
        "Lens review",
        "A bokeh lens is a lens that blurs the background of a portrait.",
        "For Lens review, what is a lens that blurs the background of a portrait called?",
        "bokeh lens",
    ),
    (
        "name",
        "Weather",
        "Sleet is a mixture of rain and snow that falls in winter.",
        "For Weather, what is a mixture of rain and snow that falls in winter called?",
        "Sleet",
    ),
    (
        "name",
        "Renting",
        "An escrow account is an account in which a deposit is held for a tenant.",
        "For Renting, what is an account in which a deposit is held for a tenant called?",
        "escrow account",
    ),
    (
        "name",
        "Threads",
        "A mutex is a lock that only one thread can hold at a time.",
        "What is a lock that only one thread can hold at a time called?",
        "mutex",
    ),
    (
        "name",
        "Bread",
        "Gluten is the protein of wheat that gives dough its elasticity.",
        "For Bread, what is the protein of wheat that gives dough its elasticity?",
        "Gluten",
    ),
    (
        "contrast",
        "Pensions",
        "Pensioners receive a yearly bonus instead of a monthly allowance.",
        "For Pensions, what do pensioners receive instead of a monthly allowance?",
        "a yearly bonus",
    ),
    (
        "contrast",
        "Rivers",
        "The Tyne is longer than the canal to the west of the town.",
        "What is the Tyne longer than?",
        "the canal to the west of the town",
    ),
]
"""Maker, title or heading, sentence, question, answer."""

NOT_ASKED = [
    ("condition", "If so, it is closed."),
    ("condition", "If you are unsure, see the guide for a list of all the options."),
    ("condition", "Check whether the queue is full before the job is sent to it."),
    ("condition", "It stops when it is empty of all messages."),
    ("condition", "If red, green, or blue is chosen, the lamp glows."),
    ("condition", "Ask your manager if the date is known to her."),
    ("reason", "It was closed because of that decision by them."),
    ("reason", "This is because the values are shared by them all."),
    ("reason", "They failed because it rained a lot in the winter."),
    ("reason", "The mill closed, not because of the flood but for want of grain."),
    ("reason", "Since 1990 the mill has been a museum of the town."),
    ("purpose", "To be honest, the museum of the town is dull."),
    ("purpose", "It is used to store grain in the winter months."),
    ("purpose", "To summarize, use the first form and not the second form."),
    ("purpose", "Farmers used to store grain in the granary of the mill."),
    ("purpose", "To learn more, see the documentation of the module."),
    ("outcome", "It returns nothing if this is so in the end."),
    ("outcome", "The return of the king was a great joy if rare."),
    ("outcome", "This requires a letter from the employer of the staff."),
    ("outcome", "The number of returns rose when the shop was closed."),
    ("outcome", "The mill needs to be painted before the winter begins."),
    ("contrast", "Unlike that, it is made of oak from the valley."),
    ("contrast", "They use it instead of this in most of the towns."),
    ("contrast", "It is larger than the other one by the river."),
    ("contrast", "More than half of the town was destroyed by fire."),
    ("contrast", "He stayed at home rather than going to the market."),
    ("amount", "It was opened in 1884 by the mayor of the town."),
    ("amount", "The value of pi is 3.14159 in this table of numbers."),
    ("amount", "They have three of them in the barn by the river."),
    ("amount", "In version 3.11 the function was removed from the module."),
    ("amount", "See page 30 for the people of the valley and town."),
    ("choice", "They can be red, green or blue in the end."),
    ("choice", "It includes this, that, and the other thing."),
    ("choice", "The walls were cold, damp, and dark in winter."),
    ("choice", "Other symptoms include fever, chills, and vomiting."),
    ("choice", "The mayor came, saw, and left the old town."),
    ("name", "It is a kind of lock that only one thread can hold."),
    ("name", "This is the place that most of the visitors like best."),
    ("name", "The result is a list of all rows that match the query."),
    ("name", "There is a lock that only one thread can hold at a time."),
    ("name", "The price of the lens is a good reason for buying it."),
]


def drafts(maker: str, text: str, title: str, seed: int = 0) -> list[Draft]:
    """Return what a maker makes of a text; a title that is a name in code is its heading."""
    document = Document("d.md", text, title)
    headings = (title,) if re.search(r"[._]", title) else ()
    passage = Passage("p", "d.md", 0, len(text), text, "s", "" if headings else title, headings)
    return list(MAKERS.named(maker).drafts(document, [passage], random.Random(seed)))


@pytest.mark.parametrize(("maker", "title", "text", "question", "answer"), ASKED)
def test_a_sentence_is_asked_about(maker, title, text, question, answer):
    found = drafts(maker, text, title)
    assert [(d.question, d.answer) for d in found] == [(question, answer)]
    [draft] = found
    assert draft.settled and filters.fault(draft.question) not in {filters.REFERS, filters.TOO_LONG}
    assert text[draft.gold.start : draft.gold.end] == text


@pytest.mark.parametrize(("maker", "text"), NOT_ASKED)
def test_what_would_make_no_question_is_left_alone(maker, text):
    for seed in range(4):
        assert drafts(maker, text, "Corbridge", seed) == []


def test_each_maker_of_rules_is_tried_on_ten_sentences_and_five_others():
    asked, left = (Counter(maker for maker, *_ in cases) for cases in (ASKED, NOT_ASKED))
    rules = MAKERS.all().keys() - {"gap", "heading", "pair"}
    assert asked.keys() == left.keys() == rules
    assert min(asked.values()) >= 10 and min(left.values()) >= 5


def test_the_answer_stands_in_the_gold_and_never_in_the_question_whatever_is_asked():
    text = " ".join(sentence for _, _, sentence, _, _ in ASKED)
    for maker in MAKERS.all().keys() - {"gap", "heading"}:
        for seed in range(3):
            for draft in drafts(maker, text, "Corbridge", seed):
                golds = [draft.gold, *(other.gold for other in draft.beside)]
                parts = draft.answer.split("; ") if draft.beside else [draft.answer]
                for gold, part in zip(golds, parts, strict=True):
                    assert holds(text[gold.start : gold.end], part)
                    assert not holds(draft.question, part)
                    told = len(part.split()) / len(text[gold.start : gold.end].split())
                    assert told <= 0.8, "a part of its sentence"


def test_a_pronoun_is_the_function_that_the_section_is_about_and_stands_for_nothing_else():
    [draft] = drafts("outcome", "It returns None if the queue of jobs is empty.", "jobs.next")
    assert draft.question == "What does jobs.next return if the queue of jobs is empty?"
    assert drafts("outcome", "It returns None if the queue of jobs is empty.", "Jobs") == []


def test_markup_is_no_part_of_a_question():
    text = "**If** the queue is `full`, new jobs are *dropped* by the [broker](b.md)."
    questions = {drafts("condition", text, "Jobs", seed)[0].question for seed in range(8)}
    assert questions == {
        "For Jobs, what happens if the queue is full?",
        "Under which condition are new jobs dropped by the broker?",
    }


def test_a_list_is_answered_by_its_items():
    text = "# Volumes\n\nThe following volume types are supported:\n\n- NFS shares\n- iSCSI\n- local disks\n"  # noqa: E501
    found = drafts("choice", text, "Volumes")
    assert [(d.question, d.answer) for d in found] == [
        ("Which volume types are supported?", "NFS shares, iSCSI, local disks")
    ]


def test_a_docstring_asks_which_function_it_describes():
    text = "## jobs.drain\n\nTake every job out of the queue and return a list of all results."
    [draft] = drafts("name", text, "jobs.drain")
    assert draft.question == (
        "Which function of jobs takes every job out of the queue and returns a list of all results?"
    )
    assert (draft.answer, draft.gold.start, draft.gold.end) == ("jobs.drain", 0, len(text))
    # What a name says itself is no question.
    said = "## jobs.drain\n\nDrain every job of the queue and return a list of all results."
    assert drafts("name", said, "jobs.drain") == []


@pytest.mark.parametrize(
    ("name", "doc", "question"),
    [
        (
            "jobs.drain",
            "drain(queue) -> list\n\nTake every job out and return a list of all results.",
            "Which function of jobs takes every job out and returns a list of all results?",
        ),
        (
            "jobs.FullError",
            "Raised when a job comes and no worker has any room left.",
            "What in jobs is raised when a job comes and no worker has any room left?",
        ),
        (
            "jobs.quiet",
            "Context manager to suppress specified warnings of a worker.",
            "What in jobs is a context manager to suppress specified warnings of a worker?",
        ),
        (
            "jobs.Worker",
            "Base class for threads that take tasks out of a line.",
            "What in jobs is a base class for threads that take tasks out of a line?",
        ),
        (
            "jobs.holds",
            "Returns true if a worker waits for the lock of a peer.",
            "Which function of jobs returns true if a worker waits for the lock of a peer?",
        ),
        ("jobs.Outcome", "Result of the call of a worker by the scheduler.", ""),
        ("jobs.pair", "Return a pair of sorted lists containing (names, values).", ""),
        ("jobs.grind", "Grind an iterator that was handed over by the scheduler.", ""),
    ],
)
def test_what_a_docstring_begins_with_decides_how_it_is_asked(name: str, doc: str, question: str):
    text = f"## {name}\n\n{doc}"
    asked = [d for d in drafts("name", text, name) if d.answer == name]
    assert [d.question for d in asked] == ([question] if question else [])
    assert all(text[d.gold.start : d.gold.end] == text for d in asked)


def test_a_pair_asks_two_passages_and_has_both_for_gold():
    texts = (
        "The alarm system is reset by holding the red button.",
        "The back door is opened by turning the brass key.",
    )
    document = Document("d.md", "\n\n".join(texts), "House")
    passages = [
        Passage(str(i), "d.md", document.text.index(t), document.text.index(t) + len(t), t, "s", "")
        for i, t in enumerate(texts)
    ]
    passages = [Passage(**{**vars(p), "title": "Alarm system" if p.id == "0" else "Back door"})
                for p in passages]  # fmt: skip
    [draft] = MAKERS.named("pair").drafts(document, passages, random.Random(0))
    halves = {"is the alarm system reset": "by holding the red button",
              "is the back door opened": "by turning the brass key"}  # fmt: skip
    assert all(f"how {half}" in draft.question.lower() for half in halves)
    assert all(part in draft.answer for part in halves.values())
    golds = [draft.gold, *(other.gold for other in draft.beside)]
    assert {document.text[g.start : g.end] for g in golds} == set(texts)
    assert list(MAKERS.named("pair").drafts(document, passages[:1], random.Random(0))) == []


def test_the_same_chance_makes_the_same_questions():
    text = " ".join(sentence for _, _, sentence, _, _ in ASKED)
    for maker in MAKERS.all():
        first, again = ([d.question for d in drafts(maker, text, "Corbridge", 5)] for _ in range(2))
        assert first == again


def test_shares_are_the_makers_own_unless_something_is_said():
    own = {name: maker.share for name, maker in MAKERS.all().items()}
    assert shares_of({}) == own
    assert shares_of({"gap": 0.0, "reason": 7.0}) == {
        **{name: share for name, share in own.items() if name != "gap"}, "reason": 7.0,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="no maker 'reasons', did you mean 'reason'"):
        shares_of({"reasons": 1.0})
    with pytest.raises(ConfigError, match="leaves every maker without a share"):
        shares_of(dict.fromkeys(own, 0.0))
