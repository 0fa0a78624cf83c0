"""git-lfs: the images are pointers in git, their bytes beside it."""

import os

import w1_git


class Peer(w1_git.Peer):
    # The files below .git/lfs are not synced by git-lfs.
    durable = False

    def begin(self):
        super().begin()
        self.run("git", "lfs", "install", "--local")
        self.run("git", "lfs", "track", "*.png")
