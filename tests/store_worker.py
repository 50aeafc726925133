"""A process of its own for the tests of reliability.

It loads the knowledge base once; every line on its standard input is a task, for which it makes a child that the test
may kill. A child writes what it was told had been done, a line each.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from store_helpers import ADMINISTRATOR, CLINIC, HOSPITAL, note

from analyzer.errors import SanshoError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.resources import sample_institutions
from analyzer.store.database import Database
from analyzer.store.principal import Principal
from analyzer.store.records import ConflictError
from analyzer.store.store import Store

NOBODY = 65534


def say(*words: object) -> None:
    """One whole line at once, past every buffer of this process."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def imports(store: Store) -> None:
    """Takes the hospital's parts in, anew under one id after another."""
    content = sample_institutions()[HOSPITAL].read_text(encoding="utf-8")
    for number in range(1000):
        name = f"import-{os.getpid()}-{number}"
        record = store.records.create(ADMINISTRATOR, content.replace(f"id: {HOSPITAL}", f"id: {name}").encode(), name)
        say("import", name, len(record.versions))


def saves(store: Store) -> None:
    """Sets notes of one answer after another, and now and then attaches a file."""
    for number in range(100_000):
        record = store.records.read(ADMINISTRATOR, CLINIC)
        text = f"{os.getpid()}-{number}"
        change = note(record, number % 20, text)
        done = store.records.change(ADMINISTRATOR, CLINIC, [change])
        say("save", done.version("answer", change.key), text)
        if number % 5 == 3:
            evidence = next(iter(record.institution.evidence))
            made = store.files.attach(ADMINISTRATOR, CLINIC, evidence, "a.txt", text.encode())
            say("file", made.sha256)
            store.files.detach(ADMINISTRATOR, CLINIC, evidence, made.sha256)


def answers(store: Store, which: int, count: int) -> None:
    """Lengthens the note of one answer `count` times, reading it again whenever somebody else was first."""
    who = Principal(f"writer-{os.getpid()}", "書く人", "administrator")
    conflicts = done = 0
    while done < count:
        record = store.records.read(who, CLINIC)
        word = f"{os.getpid()}-{done}"
        change = note(record, which, f"{record.document['answers'][which].get('note', '')} {word}")
        try:
            after = store.records.change(who, CLINIC, [change])
        except ConflictError:
            conflicts += 1
            continue
        done += 1
        say("save", after.version("answer", change.key), word)
    say("conflicts", conflicts)


def run(task: dict[str, Any], knowledge: KnowledgeBase) -> None:
    if task.get("as_nobody") and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if "largest" in task:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["largest"], task["largest"]))
    time.sleep(max(0.0, task.get("at", 0) - time.time()))
    if task["do"] == "open":
        Database.open(task["location"]).close()
        say("opened")
        return
    store = Store.open(task["location"], knowledge, Path(task["files"]) if "files" in task else None)
    say("ready")
    if task["do"] == "imports":
        imports(store)
    elif task["do"] == "saves":
        saves(store)
    else:
        answers(store, task["which"], task["count"])


def main() -> None:
    knowledge = load_knowledge()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            out = os.open(task["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(out, 1)
            try:
                run(task, knowledge)
            except SanshoError as error:
                say("refused", type(error).__name__, error)
            except BaseException as error:
                say("failed", repr(error))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
