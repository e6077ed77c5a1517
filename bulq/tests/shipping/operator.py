"""An operator who follows the manual: its blocks run in a shell whose `docker` does to the processes of a `Machine`
what Docker would do to containers.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import termios
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace

from bulq.tests.deadline import at_most

from .machine import RELEASE, ROOT

SHIM = """#!{python} -SE
import json, socket, sys
given = sys.stdin.buffer.read().hex() if "-T" in sys.argv else ""
with socket.socket(socket.AF_UNIX) as link:
    link.connect({address!r})
    lines = link.makefile("rw")
    print(json.dumps([given, *sys.argv[1:]]), file=lines, flush=True)
    answer = json.loads(lines.readline())
sys.stdout.buffer.write(bytes.fromhex(answer["out"]))
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""
ANSWERS = {
    "Username": "root",
    "Name": "Olga Operator",
    "Password": "for the admin only",
    "Password (again)": "for the admin only",
}


def blocks(title):
    """The commands under a title of the manual, block by block."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = re.search(rf"^#+ {title}\n(.*?)(?=^#+ )", text, re.DOTALL | re.MULTILINE)[1]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def titles():
    """Titles of the sections for running the site with Docker."""
    text = (ROOT / "docs" / "operations.md").read_text().partition("\n## Without Docker\n")[0]
    return re.findall(r"^## (.*)", text, re.MULTILINE)


class Operator:
    def __init__(self, machine):
        self.machine, self.built, self.followed = machine, 0, set()
        programs = machine.folder / "bin"
        programs.mkdir()
        address = str(machine.folder / "docker")
        (programs / "docker").write_text(SHIM.format(python=sys.executable, address=address))
        (programs / "docker").chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()
        self.listener.settimeout(0.05)
        machine.stack.callback(self.listener.close)

    def follow(self, title, number=0, *, fails=False, **variables):
        """Run a block of the manual, as it is written, in the folder of the release; returns what it printed."""
        self.followed.add((title, number))
        shell = subprocess.Popen(
            ["bash", "-c", blocks(title)[number]],
            cwd=self.machine.project,
            env={"PATH": self.path, "HOME": str(self.machine.folder), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with at_most(280, shell):
            printed, complaints = self._served(shell)
        assert (shell.returncode != 0) == fails, f"{printed}\n{complaints}"
        return printed + complaints if fails else printed

    def _served(self, shell):
        """What it prints; meanwhile its `docker` is answered."""
        while shell.poll() is None:
            with contextlib.suppress(TimeoutError):
                link, _peer = self.listener.accept()
                link.settimeout(60)
                with link:
                    lines = link.makefile("rw")
                    given, *arguments = json.loads(lines.readline())
                    self.given = bytes.fromhex(given)
                    answer = in_bytes(self.docker(*arguments))
                    response = {"out": answer.stdout.hex(), "err": answer.stderr.decode(), "code": answer.returncode}
                    print(json.dumps(response), file=lines, flush=True)
        return shell.communicate()

    def docker(self, program, *arguments):
        if program == "tag":
            return done()
        assert program == "compose", program
        command, *arguments = arguments
        return getattr(self, command)(*arguments)

    # --- The parts of `docker compose` that the manual uses ----------------------------------------
    def build(self):
        """An image is a copy of what `.dockerignore` lets in."""
        self.built += 1
        image = self.machine.folder / f"image{self.built}"
        for file in shipped(self.machine.project):
            (image / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.machine.project / file, image / file)
        self.machine.image = image
        return done()

    def up(self, *arguments):
        assert arguments == ("--detach", "--wait")
        assert self.built, "nobody pulls the image, and nobody but `build` makes it"
        self.machine.up()
        return done()

    def stop(self, *names):
        for name in names:
            self.machine.stop(name)
        return done()

    def down(self):
        for name in list(self.machine.children):
            self.machine.stop(name)
        return done()

    def exec(self, *arguments):
        name, arguments = named(arguments)
        assert not self.machine.children[name].ended
        return self._in(name, arguments)

    def run(self, *arguments):
        assert self.built, "nobody pulls the image, and nobody but `build` makes it"
        name, arguments = named(arguments)
        if self.machine.urls:
            self.machine.make_database()
        return self._in(name, arguments) if arguments else self.machine.release()

    def _in(self, name, arguments):
        if arguments[0] == "tar":
            return self.machine.run(name, arguments, text=False, input=self.given)
        if "createsuperuser" in arguments:
            return at_a_terminal(
                [self.machine.here(word) for word in arguments], self.machine.image, self.machine.environment(name)
            )
        return self.machine.run(name, arguments)

    def logs(self, *arguments):
        names = [word for word in arguments if word in self.machine.children]
        assert set(arguments) - set(names) <= {"--no-log-prefix", "--since", "1h"}
        return done("".join(self.machine.log(name) for name in names))


def named(arguments):
    """The service, and the command to run in it."""
    options = list(takewhile(lambda word: word.startswith("-"), arguments))
    assert set(options) <= {"--rm", "-T"}
    name, *arguments = arguments[len(options) :]
    return name, arguments


def shipped(folder):
    """Files that enter an image, by the patterns of `.dockerignore`, of which the last match counts."""
    lines = (folder / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for file in sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file()):
        fits = [pattern for pattern in patterns if _fits(file, pattern.removeprefix("!"))]
        if not fits or fits[-1].startswith("!"):
            yield file


def _fits(file, pattern):
    """Whether a pattern matches a file, or a folder it is in."""
    paths = [file, *file.parents[:-1]]
    if pattern.startswith("**/"):
        return any(path.name == pattern[3:] for path in paths)
    return any(fnmatch(str(path), pattern) and str(path).count("/") == pattern.count("/") for path in paths)


def done(printed=""):
    return SimpleNamespace(returncode=0, stdout=printed, stderr="")


def in_bytes(answer):
    """Output of programs is text, a file is bytes."""
    out, err = (content.encode() if isinstance(content, str) else content for content in (answer.stdout, answer.stderr))
    return SimpleNamespace(returncode=answer.returncode, stdout=out, stderr=err)


def at_a_terminal(command, folder, environment):
    """Run a command for someone at a terminal who answers its questions."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    output, asked = "", ""
    with at_most(120, process), contextlib.suppress(OSError):  # the other end is closed
        while some := os.read(ours, 1000).decode():
            output, asked = output + some, asked + some
            question = asked.rpartition("\n")[2].removesuffix(": ")
            if question in ANSWERS and asked.endswith(": "):
                os.write(ours, f"{ANSWERS[question]}\n".encode())
                asked = ""
    os.close(ours)
    return SimpleNamespace(returncode=process.wait(60), stdout=output, stderr="")


def release(folder: Path, **changes):
    """Commit the files of this project, with changes or additions; the first commit creates the repository."""
    if not folder.exists():
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch", "main")
        for name in (*RELEASE, "Dockerfile", ".dockerignore", "requirements.txt", ".gitignore"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            ignored = {"ignore": shutil.ignore_patterns("__pycache__", "tests")} if copy is shutil.copytree else {}
            copy(ROOT / name, folder / name, **ignored)
    for name, text in changes.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(
        folder,
        "-c",
        "user.name=Bulq",
        "-c",
        "user.email=bulq@bulq.example",
        "commit",
        "--quiet",
        "--message",
        "Release",
    )
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder, *arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout
