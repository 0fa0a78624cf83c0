"""DVC: one tracked folder; its listing is committed with git."""

import json
import os
import sys

from peer import FolderPeer

DVC = os.path.join(os.path.dirname(sys.executable), "dvc")


class Peer(FolderPeer):
    durable = False

    def begin(self):
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.run(DVC, "init", "--quiet")
        self.run(DVC, "config", "core.analytics", "false")
        self.run(DVC, "config", "core.check_update", "false")
        self.run("git", "commit", "--quiet", "--message", "init")

    def first(self):
        self.run(DVC, "add", "--quiet", "data")
        self.run("git", "add", "data.dvc", ".gitignore")
        self.run("git", "commit", "--quiet", "--message", "first")

    def status(self):
        changed = json.loads(self.run(DVC, "data", "status", "--granular", "--json")).get("uncommitted", {})
        return sum(len([path for path in paths if not path.endswith("/")]) for paths in changed.values())

    def second(self):
        self.run(DVC, "add", "--quiet", "data")
        self.run("git", "commit", "--quiet", "--all", "--message", "second")

    def diff(self):
        changed = json.loads(self.run(DVC, "diff", "--json", "HEAD~1", "HEAD"))
        return sum(not item["path"].endswith("/") for items in changed.values() for item in items)

    def restore(self):
        self.run(DVC, "checkout", "--quiet")
