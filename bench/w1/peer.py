"""What the driver asks of a peer; each step that a peer does not override is one it cannot do."""

import os
import shutil
import subprocess

from measure import Unsupported, size_of

AUTHOR = {"GIT_AUTHOR_NAME": "b", "GIT_AUTHOR_EMAIL": "b@example.org", "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@example.org"}


class Peer:
    """A store of blobs that knows no working folder."""

    durable = False
    why = "keeps rows, not a folder"

    def __init__(self, repo, folder):
        self.repo, self.folder = repo, folder
        self.store = os.path.join(os.path.dirname(repo), "store")

    def begin(self):
        """Before the first import, not timed."""

    def ready(self):
        """After the first import, not timed."""

    def stored(self):
        """(bytes, files) that the peer keeps."""
        return size_of(self.store)

    def working(self, paths):
        """Where the files that a person edits are."""
        return paths

    def status(self):
        raise Unsupported(self.why)

    def second(self):
        raise Unsupported(self.why)

    def diff(self):
        raise Unsupported(self.why)

    def empty(self):
        """Takes all files away before a restore."""

    def restore(self):
        raise Unsupported(self.why)

    def restored(self):
        """Count of files that a restore brought, or None."""

    def read_many(self, keys):
        raise Unsupported("reads no blob by key but by checking it out")

    def read(self, key):
        raise Unsupported("reads no blob by key but by checking it out")

    def read_all(self):
        raise Unsupported("reads no blob by key but by checking it out")

    def files(self):
        """(key, content) of every file of the folder, in order."""
        for segment in sorted(os.listdir(self.folder)):
            for name in sorted(os.listdir(os.path.join(self.folder, segment))):
                with open(os.path.join(self.folder, segment, name), "rb") as file:
                    yield f"{segment}/{name}", file.read()


class FolderPeer(Peer):
    """A tool that versions a folder by commands; the working files are below `folder`."""

    def run(self, *words, cwd=None):
        """Runs a command and gives its output; an error stops the turn with what it said."""
        env = {**os.environ, **AUTHOR, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": os.path.dirname(self.repo), "NO_COLOR": "1", "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(words, cwd=cwd or self.repo, env=env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout[-500:]}{done.stderr[-1500:]}")
        return done.stdout

    def stored(self):
        everything, working = size_of(self.repo), size_of(self.folder)
        return everything[0] - working[0], everything[1] - working[1]

    def empty(self):
        shutil.rmtree(self.folder)

    def restored(self):
        return size_of(self.folder)[1]
