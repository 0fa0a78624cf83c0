"""Oxen by its Python package."""

import os

from measure import Unsupported
from peer import FolderPeer


class Peer(FolderPeer):
    durable = False

    def begin(self):
        os.environ["HOME"] = os.path.dirname(self.repo)
        import oxen

        oxen.user.config_user("b", "b@example.org")
        self.oxen = oxen.Repo(self.repo)
        self.oxen.init()

    def first(self):
        self.oxen.add("data")
        self.oxen.commit("first")

    def status(self):
        return len(self.oxen.status().unstaged_modified_files())

    def second(self):
        self.oxen.add("data")
        self.oxen.commit("second")

    def diff(self):
        raise Unsupported("the Python package compares single files, not commits")

    def restore(self):
        self.oxen.restore("data")
