"""How well questions that ask the same in other words are found: `python benchmarks/leaks.py`.

The thresholds of an encoder are fitted to the pairs of `graft.examples.planted`; recall and false
alarms are printed for those and for the pairs below, which nothing was chosen on. The encoder is
that of a workspace (`--workspace DIR`; the starter without one). With `--sets FOLDER NAME ...`,
BEIR folders of real questions: how many of them are said to repeat another one, and some pairs
to look at.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graft.core.example import Example
from graft.examples.meaning import Meaning
from graft.examples.planted import DIFFERENT as PLANTED_DIFFERENT
from graft.examples.planted import SAME as PLANTED_SAME
from graft.examples.planted import Pairs, read_pairs
from graft.examples.repeats import repeats
from graft.measures.sameness import told_apart
from graft.wire import encoder, open_workspace

SAME = read_pairs("""What does random.shuffle do? | What is random.shuffle for?
How can I find out which version of pip I have? | How do I check the installed pip version?
What is the purpose of a virtual environment? | Why would one use a virtual environment?
Which function turns a string into an integer? | What function converts strings to integers?
How do I remove a directory with everything in it? | How is a folder deleted with its contents?
What happens if two threads write to a file? | What occurs when two threads write into one file?
How do I sort a dictionary by value? | What is the way to order a dict by its values?
Is there a limit on the number of open files? | How many files can be open at most?
Which command restarts the service? | How is the service restarted?
What does a return code of zero mean? | What is the meaning of exit status 0?
How do I pass arguments to a script? | In what way are arguments given to a script?
Where are temporary files written? | In which folder do temporary files go?
When should I use a set instead of a list? | In which cases is a set better than a list?
How often does the token expire? | How long is a token valid?
What is Kubernetes used for? | What do people use Kubernetes for?
What are the signs of a stroke? | How does one recognise a stroke?
What is the treatment for anemia? | How do doctors treat anemia?
Why do people get migraines? | What are the causes of migraines?
Which tests are used to diagnose lupus? | How is lupus diagnosed?
Can psoriasis be cured? | Is psoriasis curable?
How many people have hemophilia? | How common is hemophilia?
Is sickle cell disease hereditary? | Do children inherit sickle cell disease from their parents?
What complications can shingles cause? | Which complications may follow shingles?
How can I lower my cholesterol? | What helps to reduce cholesterol?
Who should get the flu shot? | Which people need to be vaccinated against the flu?
Is it safe to take paracetamol with alcohol? | Can paracetamol be combined with alcohol?
How much sleep do teenagers need? | How many hours should teenagers sleep?
What does a cardiologist do? | What is the job of a cardiologist?
How comfortable are the headphones? | Are the headphones comfortable to wear?
What is the price of the keyboard? | How much does the keyboard cost?
How long did shipping take? | After how many days did the order arrive?
What is wrong with the zipper? | Which problem does the zipper have?
How many stars did the reviewer give? | What is the star rating of the review?
Is the book worth reading? | Would the reviewer recommend the book?
What is the lens made of? | Which material is the lens made from?
What did the customer use before this product? | Which product did the customer have earlier?
Who invented the telephone? | Who was the inventor of the telephone?
How long is the Danube? | What is the length of the Danube?
When did World War I end? | In which year did World War I come to an end?
What languages are spoken in Belgium? | Which languages do people in Belgium speak?
Who pays for the training course? | By whom is the training course paid?
How many days of parental leave are there? | What is the number of parental leave days?
""")

DIFFERENT = read_pairs("""What does random.shuffle do? | What does random.sample do?
What does shutil.copy return? | What does shutil.move return?
How do I update pip? | How do I uninstall pip?
What is a virtual environment? | Where does a virtual environment keep its packages?
Which function turns a string into an integer? | Which function turns an integer into a string?
Which function converts text to bytes? | How are bytes converted to text?
How do I copy a directory? | How do I rename a directory?
How is a tuple unpacked? | How is a dictionary unpacked?
Why is the first request slow? | Why is the last request slow?
What is new in Django 4.2? | What is new in Django 5.0?
What does HTTP status 404 mean? | What does HTTP status 403 mean?
When is the cache written? | When is the cache cleared?
Does the function change its argument? | Does the function return its argument?
Which flags does the compiler accept? | Which flags does the linker accept?
How is a lock acquired? | When is a lock released?
Is the iterator safe to copy? | Isn't the iterator safe to copy?
What is the maximum length of a username? | What is the minimum length of a password?
How do I list all pods in a namespace? | How do I delete all pods in a namespace?
Who maintains numpy? | Who maintains scipy?
What is a Kubernetes service? | What is a Kubernetes deployment?
How do I set an environment variable on Windows? | How do I set an environment variable on macOS?
What does the verbose option print? | What does the quiet option hide?
Which database does the demo use? | Which database does the production system use?
What are the signs of a stroke? | What should be done after a stroke?
What is the treatment for anemia? | What is the outlook for anemia?
What is the treatment for anemia? | What is the treatment for asthma in children?
Why do people get migraines? | Why do people get nosebleeds?
Which tests are used to diagnose lupus? | Which drugs are used to treat lupus?
How many people have hemophilia? | Which gene causes hemophilia?
Is sickle cell disease hereditary? | Is sickle cell disease deadly?
How is Crohn's disease treated? | How is Lyme disease treated?
What complications can shingles cause? | What complications can measles cause?
How can I lower my cholesterol? | How can I lower my blood pressure?
Who should get the flu shot? | Who should not get the flu shot?
Is it safe to take paracetamol with alcohol? | Is it safe to take ibuprofen with alcohol?
How much sleep do teenagers need? | How much sleep do babies need?
How much sleep do teenagers need? | Why do teenagers need so much sleep?
What does a cardiologist do? | What does a neurologist do?
What does vitamin B12 do? | What does vitamin B6 do?
What are the stages of sleep? | What are the stages of grief?
How long does chickenpox last? | How long does it take for chickenpox to appear?
What increases the risk of glaucoma? | What decreases the risk of glaucoma?
Where in the body does lymphoma start? | How does lymphoma spread in the body?
How is type 1 diabetes managed? | How is type 2 diabetes managed?
How comfortable are the headphones? | How expensive are the headphones?
How comfortable are the headphones? | How comfortable are the shoes?
What is the price of the keyboard? | What is the layout of the keyboard?
How long did shipping take? | How long did the repair take?
What is wrong with the zipper? | What is wrong with the handle?
How many stars did the reviewer give? | How many copies did the reviewer buy?
Is the book worth reading? | Who should read the book?
What is the lens made of? | What is the lens cap made of?
Does the speaker have Bluetooth? | Does the speaker have a remote control?
Is the lamp bright enough for reading? | Is the lamp too bright for sleeping?
Which brand does the reviewer prefer? | Which brand did the reviewer return?
How does the soap smell? | How does the candle smell?
Does the bag have room for a laptop? | Does the bag have room for shoes?
What did the reviewer's son think of the toy? | What did the reviewer's daughter think of the toy?
How old is the reviewer? | How old is the camera?
Was the refund paid in full? | When was the refund paid?
Who invented the telephone? | Who invented the telegraph?
How long is the Danube? | How deep is the Danube?
How long is the Danube? | How long is the Rhine?
When did World War I end? | When did World War II end?
When did World War I end? | When did World War I begin?
What languages are spoken in Belgium? | What religions are practised in Belgium?
Who painted the Mona Lisa? | Where does the Mona Lisa hang?
What is the population of Peru? | What is the currency of Peru?
Who pays for the training course? | Who teaches the training course?
How many days of parental leave are there? | Who can take days of parental leave?
What is the penalty for late payment? | What is the discount for early payment?
How much was spent on marketing in 2021? | How much was spent on research in 2021?
""")


def found(pairs: Pairs, meaning: Meaning | None) -> list[tuple[str, str]]:
    """Return the pairs of which one repeats the other."""
    return [
        (one, two)
        for one, two in pairs
        if repeats([Example("1", one)], [Example("2", two)], meaning)
    ]


def show(name: str, same: Pairs, different: Pairs, meaning: Meaning) -> None:
    print(f"{name}: {len(same)} paraphrases, {len(different)} hard negatives")
    apart = [sum(told_apart(*pair) for pair in pairs) / len(pairs) for pairs in (same, different)]
    print(f"  told apart by words: {apart[0]:.3f} of the paraphrases, {apart[1]:.3f} of the others")
    for cosine in (0.7, 0.8, 0.9):
        shares = [
            np.mean([float(np.dot(*meaning.vectors(pair))) >= cosine for pair in pairs])
            for pairs in (same, different)
        ]
        print(
            f"  by a cosine of {cosine} alone: recall {shares[0]:.3f}, false alarms {shares[1]:.3f}"
        )
    for how, judge in (("words", None), ("words and meaning", meaning)):
        right, wrong = found(same, judge), found(different, judge)
        print(f"  by {how}: recall {len(right) / len(same):.3f} ({len(right)}), "
              f"false alarms {len(wrong) / len(different):.3f} ({len(wrong)})")  # fmt: skip
    for one, two in wrong:
        print(f"    taken for the same: {one} | {two}")


def show_set(folder: Path, count: int, meaning: Meaning) -> None:
    """Print how many of a sample of the training questions repeat another one."""
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    rows = (folder / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ids = sorted({row.split("\t")[0] for row in rows})
    random.Random(0).shuffle(ids)
    asked = [Example(id, texts[id]) for id in ids[:count]]
    half = len(asked) // 2
    pairs = repeats(asked[:half], asked[half:], meaning)
    words = {pair.other.id for pair in pairs if pair.by == "words"}
    both = {pair.other.id for pair in pairs}
    print(f"{folder.name}: of {len(asked) - half} questions beside {half} others, {len(words)} "
          f"repeat one by words, {len(both - words)} more by meaning")  # fmt: skip
    new = [pair for pair in pairs if pair.by == "meaning"]
    for pair in random.Random(1).sample(new, min(8, len(new))):
        print(f"    {pair.similarity:.2f} {pair.example.question} | {pair.other.question}")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", help="a workspace whose encoder is asked")
    parser.add_argument("--sets", nargs="+", default=[], help="BEIR folders of questions")
    parser.add_argument("--count", type=int, default=1500, help="questions of each set")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(given.workspace or folder))
        made = encoder(workspace, workspace.config.encoder)
        meaning = Meaning(made.encode_queries)
        print(f"{made.name}: {meaning.fitted}")
        show("fitted to", PLANTED_SAME, PLANTED_DIFFERENT, meaning)
        show("reported on", SAME, DIFFERENT, meaning)
        for name in given.sets:
            show_set(Path(name), given.count, meaning)


if __name__ == "__main__":
    main()
