import sqlite3

import numpy as np

from graft.core.index import IndexKind


class SqliteIndex:
    capabilities = frozenset({"nearest"})

    def __init__(self, place):
        self.db = sqlite3.connect(place.folder / place.name, 60, 0, None, check_same_thread=False)
        self.db.execute("create table if not exists rows (id text primary key, vector blob)")

    def put(self, ids, vectors, texts):
        rows = [(id, vectors[i].tobytes()) for i, id in enumerate(ids)]
        self.db.executemany("insert or replace into rows values (?, ?)", rows)

    def delete(self, ids):
        self.db.executemany("delete from rows where id = ?", [(id,) for id in ids])

    def nearest(self, vectors, limit):
        rows = self.db.execute("select id, vector from rows").fetchall()
        held = np.array([np.frombuffer(row[1], np.float32) for row in rows])
        products = vectors @ held.T if rows else np.zeros((len(vectors), 0))
        best = [(scores, np.argsort(-scores)[:limit]) for scores in products]
        return [[(rows[i][0], float(scores[i])) for i in order] for scores, order in best]

    def match(self, queries, limit):
        return [[] for _ in queries]

    def count(self, ids=None):
        held = {id for (id,) in self.db.execute("select id from rows")}
        return len(held if ids is None else held & set(ids))

    def health(self):
        return ""


SQLITE = IndexKind("sqlite", "one SQLite file, every vector compared", SqliteIndex)
