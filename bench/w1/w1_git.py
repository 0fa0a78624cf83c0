"""git with every object made durable in batches, and the settings that it recommends for many files."""

from peer import FolderPeer


class Peer(FolderPeer):
    durable = True

    def begin(self):
        self.run("git", "init", "--quiet", "--initial-branch=main")
        for name, value in (("core.fsync", "all"), ("core.fsyncMethod", "batch"), ("feature.manyFiles", "true"), ("gc.auto", "0")):
            self.run("git", "config", name, value)

    def first(self):
        self.run("git", "add", ".")
        self.run("git", "commit", "--quiet", "--message", "first")

    def status(self):
        return len(self.run("git", "status", "--porcelain").splitlines())

    def second(self):
        self.run("git", "commit", "--quiet", "--all", "--message", "second")

    def diff(self):
        return len(self.run("git", "diff", "--name-only", "HEAD~1", "HEAD").splitlines())

    def restore(self):
        self.run("git", "restore", ".")
