"""All that can be done in the programmes of a store, as `Store` is for its records."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.engine.rulebook import Rulebook
from analyzer.programme.board import Board
from analyzer.programme.desk import Desk
from analyzer.programme.enrolling import Enrolling
from analyzer.programme.feeding import Feeding
from analyzer.programme.handing_in import HandingIn
from analyzer.programme.history import History
from analyzer.programme.mail_settings import MailSettings
from analyzer.programme.mailing import MailQueue
from analyzer.programme.messages import Messages
from analyzer.programme.model import Programme
from analyzer.programme.notices import Notices
from analyzer.programme.notifications import Notifications
from analyzer.programme.office import Office
from analyzer.programme.participation import Participation
from analyzer.programme.portal_files import PortalFiles
from analyzer.programme.resetting import Resetting
from analyzer.store.records import Clock, now
from analyzer.store.store import Store


class Portal:
    """The programmes of an open store. Safe to share between threads.

    mail: how mail is sent, None where it is off.
    """

    def __init__(
        self,
        store: Store,
        programmes: Mapping[str, Programme],
        rulebook: Rulebook,
        mail: MailSettings | None = None,
        clock: Clock = now,
    ) -> None:
        self.programmes = programmes
        self.desk = Desk(store.database, programmes, clock, mail)
        self.files = PortalFiles(self.desk, store.files.content)
        self.participation = Participation(self.desk)
        self.handing_in = HandingIn(self.desk, self.files)
        self.messages = Messages(self.desk, self.files)
        self.office = Office(self.desk, self.files)
        self.feeding = Feeding(self.desk, store.records, store.files, store.files.content)
        self.enrolling = Enrolling(self.desk, store.records, store.accounts, rulebook)
        self.board = Board(self.desk)
        self.history = History(self.desk)
        self.notices = Notices(self.desk)
        self.notifications = Notifications(self.desk)
        self.mailing = MailQueue(store.database, mail, clock)
        self.resetting = Resetting(self.desk)
