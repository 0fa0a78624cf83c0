"""Tamis by its command line: a lake beside the files, a checkout to work in."""

import json
import os

from peer import FolderPeer


class Peer(FolderPeer):
    durable = True

    def begin(self):
        self.tamis("init")

    def tamis(self, *words, cwd=None):
        base = os.path.dirname(self.repo)
        lake = os.path.join(base, "store")
        return self.run(os.environ["TAMIS"], "--lake", lake, "--quiet", *words, cwd=cwd)

    def first(self):
        self.tamis("import", self.folder, "bench/images", "-m", "first")

    def ready(self):
        """A checkout to edit; it is timed by `restore`."""
        self.checkout = os.path.join(os.path.dirname(self.repo), "checkout")
        self.tamis("checkout", "bench/images", self.checkout)

    def stored(self):
        from measure import size_of

        return size_of(self.store)

    def working(self, paths):
        return [os.path.join(self.checkout, "media", os.path.relpath(path, self.folder)) for path in paths]

    def changes(self, text):
        return len([line for line in text.splitlines() if line.strip().startswith("{")])

    def status(self):
        return len(json.loads(self.tamis("--json", "status", cwd=self.checkout))["files"])

    def second(self):
        self.tamis("commit", "-m", "second", cwd=self.checkout)

    def diff(self):
        return self.changes(self.tamis("--json", "diff", "bench/images", "main~1", "main"))

    def empty(self):
        import shutil

        shutil.rmtree(self.checkout)

    def restore(self):
        self.tamis("checkout", "bench/images", self.checkout)

    def restored(self):
        return sum(name.endswith(".png") for _, _, names in os.walk(self.checkout) for name in names)
